"""`python -m pixelllm.training`: recipes become models that are served; mistakes are explained."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from pixelllm.model.checkpoint import load_checkpoint, save_checkpoint
from pixelllm.model.config import GitBertConfig
from pixelllm.model.pixelllm import PixelLLM
from pixelllm.training.__main__ import main
from tests.python.checkpoints import plain, write_checkpoint
from tests.python.model.small import WHOLE
from tests.python.model.word_pieces import PIECES, VOCAB_TXT
from tests.python.training.commands import PLAIN, Material, curve, start

FORMATS = {
    "caption_pretrain": ["coco_captions"],
    "trace": ["localized_narratives", "coco_captions"],
    "ref": ["refcoco"],
    "refseg": ["refcoco"],
    "densecap": ["visual_genome"],
    "joint": ["localized_narratives", "coco_captions", "refcoco", "visual_genome"],
    "joint_refseg": ["refcoco"],
}
LOSSES = {
    "caption_pretrain": {"text"},
    "trace": {"text", "point"},
    "ref": {"text", "point"},
    "refseg": {"text", "point", "mask"},
    "densecap": {"text", "detection"},
    "joint": {"text", "point", "detection"},
    "joint_refseg": {"text", "point", "mask"},
}
SHORT = {"steps": "2", "schedule.save_every": "1", "schedule.validate_every": "1"}


@pytest.mark.parametrize("recipe", FORMATS)
def test_a_recipe_trains_a_model_that_loads(
    recipe: str, material: Material, tmp_path: Path
) -> None:
    run = tmp_path / "run"

    status = main(material.command(recipe, run, FORMATS[recipe], SHORT))

    assert status == 0
    trained = load_checkpoint(str(run / "model"))
    started = load_checkpoint(str(material.model))
    assert trained.config == started.config
    state, before = trained.model.state_dict(), started.model.state_dict()
    moved = {name for name in before if not torch.equal(state[name], before[name])}
    assert moved
    assert not any(name.startswith(("sam.", "prompt_encoder.")) for name in moved)
    steps = [line for line in curve(run) if "total" in line]
    assert [line["step"] for line in steps] == [1, 2]
    assert LOSSES[recipe] <= steps[0].keys()
    assert (LOSSES["joint"] | {"mask"}) & steps[0].keys() == LOSSES[recipe]
    assert [line["step"] for line in curve(run) if "validation/total" in line] == [1, 2]
    assert load_checkpoint(str(run / "best")).config == started.config


def test_git_bert_is_trained_in_full(material: Material, tmp_path: Path) -> None:
    torch.manual_seed(0)
    language = GitBertConfig(vocab_size=len(PIECES), dim=32, heads=4, layers=2, mlp_dim=48)
    config = replace(WHOLE, preset="pixelllm_bert", language=replace(language, max_text_tokens=24))
    save_checkpoint(tmp_path / "start", PixelLLM(config), VOCAB_TXT, torch.float32)
    bert = Material(tmp_path / "start", material.scenes)

    command = bert.command("trace", tmp_path / "run", ["localized_narratives"], SHORT)
    status = main([*command, "--log=tensorboard"])

    assert status == 0
    before, after = (
        load_checkpoint(str(folder)).model.state_dict()
        for folder in (tmp_path / "start", tmp_path / "run" / "model")
    )
    moved = {name for name in before if not torch.equal(after[name], before[name])}
    assert {name for name in before if name.startswith("language.layer.")} <= moved
    assert any((tmp_path / "run" / "tensorboard").iterdir())


def test_a_run_says_what_it_was_asked_for(material: Material, tmp_path: Path) -> None:
    settings = {**SHORT, "steps": "1", "optimiser.learning_rate": "0.001"}

    main(material.command("ref", tmp_path / "run", ["refcoco"], settings))

    asked = json.loads((tmp_path / "run" / "run.json").read_text("utf-8"))
    assert asked["recipe"] == "ref"
    assert asked["model"] == str(material.model.resolve())
    assert asked["data"] == [material.spec("refcoco")]
    assert asked["settings"]["optimiser.learning_rate"] == 0.001
    assert asked["settings"]["optimiser.weight_decay"] == 0.0


def test_ablations_change_what_learns(material: Material, tmp_path: Path) -> None:
    command = material.command("trace", tmp_path / "run", ["localized_narratives"], SHORT)

    status = main([*command, "--no-localization", "--lora=full", "--set=changes.extractor_depth=1"])

    assert status == 0
    config = load_checkpoint(str(tmp_path / "run" / "model")).config
    assert config.extractor.depth == 1
    assert config.language.lora_rank == 0  # type: ignore[union-attr]
    assert all("point" not in line for line in curve(tmp_path / "run"))
    (kept, *_) = (tmp_path / "run" / "checkpoints").iterdir()
    learned = load_file(kept / "training.safetensors")
    assert "language.lm_head.weight" in learned
    assert not any(name.startswith("point_head.") for name in learned)


def test_two_processes_run_as_one(material: Material, tmp_path: Path) -> None:
    calm = {**SHORT, "noise.dropout": "0", "noise.drop_path": "0"}
    alone, both = tmp_path / "alone", tmp_path / "both"

    main(material.command("ref", alone, ["refcoco"], calm))
    process = start(material.command("ref", both, ["refcoco"], calm), processes=2)
    _, said = process.communicate(timeout=600)

    assert process.returncode == 0, said
    for mine, theirs in zip(curve(both), curve(alone), strict=True):
        assert mine == pytest.approx(theirs, rel=1e-4)


def test_a_run_is_not_overwritten(
    material: Material, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "checkpoints").mkdir()

    assert main(material.command("ref", tmp_path, ["refcoco"], SHORT)) == 1
    assert "holds a run already: --resume it" in caplog.text


def refused(caplog: pytest.LogCaptureFixture, arguments: list[str], run: Path | None = None) -> str:
    """What is said about a command that fails and leaves no run."""
    caplog.clear()
    with caplog.at_level(logging.ERROR):
        assert main(arguments) == 1
    if run:
        assert not (run / "run.json").exists()
    return caplog.text


def test_what_is_wrong_is_explained(
    material: Material, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = tmp_path / "run"
    model, data = f"--model={material.model}", f"--data={material.spec('refcoco')}"

    def said(recipe: str, *arguments: str) -> str:
        return refused(caplog, [recipe, str(run), *arguments, *PLAIN], run)

    assert "there are caption_pretrain, trace, ref" in said("everything", model, data)
    assert "a new run needs --model and --data" in said("ref", model)
    assert "there is no model 'none'" in said("ref", "--model=none", data)
    assert "there are name, kinds, steps" in said("ref", model, data, "--set=stepz=1")
    assert "the formats are localized_narratives" in said("ref", model, "--data=x:y")
    assert "trace learns trace, captions" in said("trace", model, data)
    assert "weight=none is no number" in said("ref", model, f"{data},weight=none")
    assert "texts=words: there are trace" in said("ref", model, f"{data},texts=words")
    assert "texts= takes regions" in said("ref", model, f"{data},texts=regions")
    assert "holds no run to resume" in said("ref", "--resume")
    assert "can't be shared" in said("ref", model, data, "--set=batch_size=0")


def test_an_empty_dataset_is_named(
    material: Material, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "none.jsonl"
    path.write_text("", "utf-8")
    spec = f"localized_narratives:{path},images={tmp_path}"
    command = ["trace", str(tmp_path / "run"), f"--model={material.model}", f"--data={spec}"]

    assert "none.jsonl" in refused(caplog, [*command, *PLAIN])


@pytest.mark.parametrize(("recipe", "message"), [("refseg", "masks"), ("densecap", "regions")])
def test_a_model_without_the_part_is_refused(
    recipe: str,
    message: str,
    material: Material,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    write_checkpoint(tmp_path / "plain", replace(plain(), masks=None))
    bare = Material(tmp_path / "plain", material.scenes)

    said = refused(caplog, bare.command(recipe, tmp_path / "run", ["refcoco"], SHORT))

    assert f"{recipe} learns {message}, and this model has no" in said
