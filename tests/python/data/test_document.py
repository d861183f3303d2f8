"""docs/datasets.md: its examples are run."""

import logging
import re
from pathlib import Path

import pytest

from pixelllm.data.__main__ import main
from pixelllm.data.datasets import FORMATS, open_dataset, parse_spec
from tests.python.data.published import write_image

PAGE = (Path(__file__).parents[3] / "docs/datasets.md").read_text("utf-8")
EXAMPLE, BROKEN = re.findall(r"```jsonl\n(.*?)```", PAGE, re.DOTALL)
(SAID,) = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("kitchen.jpg", "holidays/beach.png"):
        write_image(tmp_path / "images" / name, 640, 480)
    return tmp_path


def test_the_example_of_own_data_is_good(folder: Path) -> None:
    (folder / "data.jsonl").write_text(EXAMPLE, "utf-8")

    dataset = open_dataset(f"own:{folder}", masks=True)

    assert main(["check", str(folder)]) == 0
    caption = dataset[0].captions[0]
    words = [caption.text[w.start : w.end] for w in caption.words]
    assert words == ["a", "cat", "on", "a", "chair."]
    mask = dataset[0].phrases[0].mask
    assert mask is not None
    assert mask[:, 400:560].all()
    assert mask.sum() == 160 * 480
    assert len(dataset) == 2


def test_a_check_says_what_the_page_says(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    (folder / "data.jsonl").write_text(BROKEN, "utf-8")

    with caplog.at_level(logging.INFO):
        status = main(["check", str(folder)])

    assert status == 1
    assert "\n".join(caplog.messages) == SAID.replace("/data/mine", str(folder)).rstrip()


def test_every_format_and_option_is_on_the_page() -> None:
    specs = re.findall(rf"`((?:{'|'.join(FORMATS)}):/[^`]*)`", PAGE)

    assert {parse_spec(spec).format for spec in specs} == set(FORMATS)
    for form in FORMATS.values():
        assert all(f"`{option}=`" in PAGE for option in form.options)


@pytest.mark.parametrize("split", ["train", "val"])
def test_specs_of_written_scenes_are_those_of_the_page(tmp_path: Path, split: str) -> None:
    folder = tmp_path / "scenes"
    specs = re.findall(r"`(\w+:/data/scenes/[^`]*)`", PAGE)

    main(["write-scenes", str(folder), "--train", "3", "--val", "2", "--image-side", "64"])

    assert len(specs) == 5
    for spec in specs:
        there = spec.replace("train", split).replace("/data/scenes", str(folder))
        assert len(open_dataset(there)) == {"train": 3, "val": 2}[split]
