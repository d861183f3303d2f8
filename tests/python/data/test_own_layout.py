"""Our own layout: every field is checked, and every complaint says what to do."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pixelllm.data.coco_masks import encode_runs
from pixelllm.data.datasets import open_dataset
from pixelllm.data.errors import DatasetError
from pixelllm.data.sample import Caption, Region, Sample, WordPlace
from tests.python.data.published import HEIGHT, WIDTH, write_image, write_lines

MASK = np.zeros((HEIGHT, WIDTH), np.bool_)
MASK[2:8, 3:12] = True
WORDS = [
    {"start": 0, "end": 1, "box": [1, 2, 9, 9]},
    {"start": 2, "end": 5, "box": [1.5, 2.5, 9.5, 9.5]},
]
LINE = {
    "image": "a.jpg",
    "captions": [{"caption": "a café"}, {"caption": "a dog", "words": WORDS}],
    "phrases": [
        {"phrase": "the dog", "box": [3, 2, 12, 8], "mask": encode_runs(MASK)},
        {"phrase": "it", "box": [3, 2, 12, 8]},
    ],
    "regions": [{"box": [0, 0, WIDTH, HEIGHT], "caption": "a street"}],
}


def read(folder: Path, *lines: Any, masks: bool = False) -> list[Sample]:
    for name in ("a.jpg", "b/c.png"):
        write_image(folder / "images" / name)
    write_lines(folder / "data.jsonl", lines)
    dataset = open_dataset(f"own:{folder}", masks=masks)
    return [dataset[index] for index in range(len(dataset))]


def test_a_line_is_a_sample(tmp_path: Path) -> None:
    (sample,) = read(tmp_path, LINE, masks=True)

    words = (WordPlace(0, 1, (1, 2, 9, 9)), WordPlace(2, 5, (1.5, 2.5, 9.5, 9.5)))
    assert sample.id == "own/a.jpg"
    assert sample.captions == (Caption("a café"), Caption("a dog", words))
    assert sample.regions == (Region((0, 0, WIDTH, HEIGHT), "a street"),)
    assert [(p.text, p.box) for p in sample.phrases] == [
        ("the dog", (3, 2, 12, 8)),
        ("it", (3, 2, 12, 8)),
    ]
    first, second = sample.phrases
    assert first.mask is not None
    assert np.array_equal(first.mask, MASK)
    assert second.mask is None


def test_masks_are_read_only_where_they_are_wanted(tmp_path: Path) -> None:
    assert read(tmp_path, LINE)[0].phrases[0].mask is None


def test_any_part_is_enough(tmp_path: Path) -> None:
    regions = {"image": "b/c.png", "regions": LINE["regions"]}

    assert len(read(tmp_path, {"image": "a.jpg", "captions": [{"caption": "a"}]}, regions)) == 2


def test_boxes_are_of_the_image_as_a_person_sees_it(tmp_path: Path) -> None:
    path = write_image(tmp_path / "images/a.png", 40, 30)
    image = Image.open(path)
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(path, exif=exif)
    write_lines(
        tmp_path / "data.jsonl",
        [{"image": "a.png", "regions": [{"box": [0, 0, 30, 40], "caption": "all of it"}]}],
    )

    sample = open_dataset(f"own:{tmp_path}")[0]

    assert sample.image.shape == (40, 30, 3)
    assert sample.regions[0].box == (0, 0, 30, 40)


def test_what_rounding_leaves_outside_is_cut_off(tmp_path: Path) -> None:
    line = {"image": "a.jpg", "regions": [{"box": [-0.5, 0, WIDTH + 0.5, 9], "caption": "a"}]}

    assert read(tmp_path, line)[0].regions[0].box == (0, 0, WIDTH, 9)


def box(*corners: Any) -> dict[str, Any]:
    return {"image": "a.jpg", "regions": [{"box": list(corners), "caption": "a"}]}


def words(*spans: tuple[Any, Any]) -> dict[str, Any]:
    placed = [{"start": start, "end": end, "box": [1, 2, 9, 9]} for start, end in spans]
    return {"image": "a.jpg", "captions": [{"caption": "a dog", "words": placed}]}


def mask(value: Any) -> dict[str, Any]:
    return {"image": "a.jpg", "phrases": [{"phrase": "a", "box": [1, 2, 9, 9], "mask": value}]}


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("{", "no valid JSON"),
        ("[]", "the line: an object"),
        ({}, "the line: image is missing"),
        ({"image": "a.jpg"}, "says nothing: give it captions, phrases or regions"),
        ({"image": "a.jpg", "captions": []}, "says nothing"),
        ({"image": ""}, "image: a text that is not empty"),
        ({"image": "a.jpg", "caption": "a"}, "caption is not known; there are captions, image"),
        ({"image": "a.jpg", "captions": "a"}, "captions: a list is needed"),
        ({"image": "a.jpg", "captions": ["a"]}, r"captions\[0\]: an object"),
        ({"image": "a.jpg", "captions": [{"caption": " "}]}, r"captions\[0\]\.caption: a text"),
        ({"image": "a.jpg", "phrases": [{"phrase": "a"}]}, r"phrases\[0\]: box is missing"),
        (box(1, 2, 3), "a box is four numbers"),
        (box(1, 2, 3, "4"), "a box is four numbers"),
        (box(1, 2, 3, True), "a box is four numbers"),
        (box(9, 2, 9, 9), r"regions\[0\]\.box: .* has no area; boxes are \[x_min"),
        (box(20, 20, 10, 5), "has no area"),
        (box(0, 0, 400, 9), "is outside the image, which has 40 x 30 pixels"),
        (box(-2, 0, 4, 9), "is outside the image"),
        (box(-0.5, 0, -0.1, 9), "is outside the image"),
        (box(40.2, 0, 40.5, 9), "is outside the image"),
        (words((0, 1)), r"captions\[0\]\.words: no word has 'dog'; words cover"),
        (words((2, 5)), "no word has 'a'"),
        (words((0, 1), (2, 6)), r"words\[1\]: start 2 and end 6 are not after"),
        (words((2, 5), (0, 1)), "no word has 'a'"),
        (words((0, 2), (1, 5)), "are not after the word before"),
        (words((0, 0)), "start 0 and end 0"),
        (words((0.0, 1)), "start: a whole number"),
        (mask("text"), r"phrases\[0\]\.mask: an object"),
        (mask({"size": [30, 40]}), "counts is missing"),
        (mask({"size": [40, 30], "counts": [1200]}), r"phrases\[0\]\.mask: the mask's size"),
        (mask({"size": [30, 40], "counts": [1, 2]}), "counts of the mask sum to 3"),
    ],
)
def test_a_bad_line_is_an_error_with_its_number(tmp_path: Path, line: Any, what: str) -> None:
    good = {"image": "b/c.png", "captions": [{"caption": "a"}]}

    with pytest.raises(DatasetError, match=rf"data\.jsonl:2: .*{what}"):
        read(tmp_path, good, line)


def test_an_image_has_one_line(tmp_path: Path) -> None:
    with pytest.raises(
        DatasetError, match=r"jsonl:2: line 1 is about a\.jpg too; an image has one"
    ):
        read(tmp_path, LINE, LINE)


def test_a_folder_without_data_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()

    with pytest.raises(DatasetError, match=r"data\.jsonl cannot be read"):
        open_dataset(f"own:{tmp_path}")
