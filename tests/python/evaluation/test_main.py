"""The command, from files in the published formats to a report, with the shipped model."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from pixelllm.data.write_scenes import write_scenes
from pixelllm.evaluation.__main__ import STOPPED, main
from pixelllm.evaluation.captions.meteor_tables import tables_folder
from tests.python.checkpoints import plain, write_checkpoint

SCENES = 4
DEADLINE = 120  # seconds for a run to have its first answer, or to end

SPECS = {
    "caption": "coco_captions:{}/coco_captions/captions_val.json,images={}/images",
    "trace": "localized_narratives:{}/localized_narratives/scenes_val_localized_narratives.jsonl,"
    "images={}/images",
    "describe": "grit:{}/grit,split=val,images={}/images",
    "locate": "refcoco:{}/refcoco,split=val,images={}/images",
    "segment": "refcoco:{}/refcoco,split=val,images={}/images",
    "dense_caption": "visual_genome:{}/visual_genome,split=val,images={}/images",
}
# The figure that a task is about, and a value that the shipped model is beyond on its scenes.
WORTH = {
    "caption": ("cider", 0.5),
    "trace": ("point_l1", -0.1),
    "describe": ("meteor", 0.3),
    "locate": ("p50", 0.4),
    "segment": ("giou", 0.4),
    "dense_caption": ("map", 0.6),
}


with_meteor = pytest.mark.skipif(
    tables_folder() is None, reason="METEOR's tables are not installed"
)
NEED_METEOR = ("describe", "dense_caption")


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "scenes"
    write_scenes(folder, train=1, val=SCENES, seed=3)
    return folder


def spec(task: str, scenes: Path) -> str:
    return SPECS[task].format(scenes, scenes)


def report_of(folder: Path) -> dict[str, Any]:
    report: dict[str, Any] = json.loads((folder / "report.json").read_text("utf-8"))
    return report


@pytest.mark.parametrize(
    "task",
    [pytest.param(task, marks=with_meteor if task in NEED_METEOR else ()) for task in SPECS],
)
def test_a_task_is_measured_from_files_to_report(
    task: str, scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And its predictions, read back without a model, are worth the same."""
    out, again = tmp_path / "out", tmp_path / "again"

    status = main([task, "--data", spec(task, scenes), "--out", str(out)])

    assert status == 0
    report = report_of(out)
    name, least = WORTH[task]
    value = report["figures"][name]
    assert (-value if task == "trace" else value) > least
    assert f"| `{name}` |" in capsys.readouterr().out
    assert report["model"] == "tiny"
    assert report["counts"]["images"] == SCENES
    assert report["counts"]["unanswered"] == report["counts"]["skipped"] == 0
    page = (out / "report.md").read_text("utf-8")
    assert all(f"](pictures/{p.name})" in page for p in (out / "pictures").iterdir())

    given = ["--predictions", str(out / "predictions.json"), "--out", str(again)]
    assert main([task, "--data", spec(task, scenes), *given]) == 0
    assert report_of(again)["figures"] == report["figures"]
    assert report_of(again)["model"] is None


def test_a_run_with_a_limit_can_be_gone_on_with(scenes: Path, tmp_path: Path) -> None:
    arguments = ["locate", "--data", spec("locate", scenes), "--out", str(tmp_path)]

    assert main([*arguments, "--limit", "2"]) == 0
    first = report_of(tmp_path)
    answers = (tmp_path / "answers.jsonl").read_text("utf-8")
    assert main(arguments) == 0

    assert first["counts"]["images"] == 2
    assert report_of(tmp_path)["counts"]["images"] == SCENES
    assert (tmp_path / "answers.jsonl").read_text("utf-8").startswith(answers)


def test_another_run_does_not_go_into_the_same_folder(
    scenes: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "settings.json").write_text('{"task": "caption"}', "utf-8")

    assert main(["locate", "--data", spec("locate", scenes), "--out", str(tmp_path)]) == 1
    assert "holds a run with task 'caption', not 'locate'" in caplog.text


def test_a_run_that_is_interrupted_keeps_what_it_has(scenes: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    write_scenes(data, train=0, val=300, seed=3, image_side=64)
    out = tmp_path / "out"
    arguments = ["locate", "--data", spec("locate", data), "--out", str(out), "--batch", "1"]
    run = subprocess.Popen([sys.executable, "-m", "pixelllm.evaluation", *arguments])
    deadline = time.monotonic() + DEADLINE
    while not (out / "answers.jsonl").is_file() or not (out / "answers.jsonl").stat().st_size:
        assert run.poll() is None, "it ended by itself"
        assert time.monotonic() < deadline
        time.sleep(0.05)

    run.send_signal(signal.SIGTERM)

    assert run.wait(DEADLINE) == STOPPED
    report = report_of(out)
    assert report["partial"] is True
    assert 0 < report["counts"]["images"] < 300
    assert report["figures"]["phrases"] == report["counts"]["questions"]
    assert (out / "predictions.json").is_file()


def test_masks_of_regions_are_kept_where_wanted(scenes: Path, tmp_path: Path) -> None:
    arguments = ["dense_caption", "--data", spec("dense_caption", scenes), "--limit", "1"]

    assert main([*arguments, "--masks", "--profile", "paper", "--out", str(tmp_path)]) == 0

    records = json.loads((tmp_path / "predictions.json").read_text("utf-8"))
    assert all(isinstance(one["segmentation"]["counts"], str) for one in records)
    assert report_of(tmp_path)["profile"] == "paper"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["translate"], "there is no task translate: choose caption, describe"),
        (["dense_caption", "--profile", "coco"], "choose scenic, densecap-lua, paper"),
        (["locate", "--predictions", "gone.json"], "gone.json cannot be read"),
        (["locate", "--model", "gone"], "gone"),
        (["segment", "--masks"], "--masks is for dense_caption"),
    ],
)
def test_what_cannot_be_measured_is_said_in_a_sentence(
    arguments: list[str], message: str, scenes: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert main([*arguments, "--data", spec("locate", scenes)]) == 1
    assert message in caplog.text


def test_data_that_lack_what_is_asked_about_are_refused(
    scenes: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert main(["locate", "--data", spec("caption", scenes)]) == 1
    assert "none of the first 4 images has what is asked about: phrases" in caplog.text


def test_data_that_are_not_there_are_refused(caplog: pytest.LogCaptureFixture) -> None:
    assert main(["locate", "--data", "refcoco:/nowhere"]) == 1
    assert "is no folder" in caplog.text


def test_predictions_of_other_images_are_refused(
    scenes: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "predictions.json"
    path.write_text('[{"image_id": 987654, "index": 0, "bbox": [0, 0, 1, 1]}]', "utf-8")

    assert main(["locate", "--data", spec("locate", scenes), "--predictions", str(path)]) == 1
    assert "predicts nothing about images of" in caplog.text


def test_a_model_without_the_part_is_refused(
    scenes: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_checkpoint(tmp_path / "plain", plain())

    arguments = ["--data", spec("segment", scenes), "--model", str(tmp_path / "plain")]

    assert main(["segment", *arguments]) == 1
    assert "no mask decoder, which segment needs" in caplog.text
