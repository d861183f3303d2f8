"""UNINEXT's files: splits with objects and their expressions."""

from pathlib import Path
from typing import Any

import pytest

from pixelllm.data.datasets import open_dataset
from pixelllm.data.errors import DatasetError
from pixelllm.data.sample import Dataset
from tests.python.data.published import HEIGHT, WIDTH, write_image, write_json


def entry(image: int, *expressions: str, **more: Any) -> dict[str, Any]:
    return {
        "bbox": [2.0, 3.0, 10.0, 12.0],
        "image_id": image,
        "mask": [[2, 3, 12, 3, 12, 15, 2, 15]],
        "expressions": list(expressions),
        "height": HEIGHT,
        "width": WIDTH,
        "category_id": 0,
        **more,
    }


CONTENT = {
    "train": [
        entry(9, "the left café", "left", data_source="coco"),
        entry(9, "a dog", data_source="vg"),
        entry(7, "a lady", data_source="coco"),
        entry(9, "right", data_source="coco"),
    ],
    "val": [entry(7, "someone")],
}


def open_file(
    folder: Path, options: str, content: Any = CONTENT, *, masks: bool = False
) -> Dataset:
    for name in ("COCO_train2014_000000000007", "COCO_train2014_000000000009", "9"):
        write_image(folder / f"images/{name}.jpg")
    path = write_json(folder / "instances.json", content)
    return open_dataset(f"uninext:{path},{options}", masks=masks)


def test_expressions_are_joined_by_image_and_source(tmp_path: Path) -> None:
    dataset = open_file(tmp_path, "split=train", masks=True)

    samples = [dataset[index] for index in range(len(dataset))]
    assert [(s.id, [p.text for p in s.phrases]) for s in samples] == [
        ("uninext/coco/9", ["the left café", "left", "right"]),
        ("uninext/vg/9", ["a dog"]),
        ("uninext/coco/7", ["a lady"]),
    ]
    phrase = samples[0].phrases[0]
    assert phrase.box == (2.0, 3.0, 12.0, 15.0)
    assert phrase.mask is not None
    assert phrase.mask.sum() == 120


def test_one_source_can_be_chosen(tmp_path: Path) -> None:
    assert len(open_file(tmp_path, "split=train,source=coco")) == 2
    assert len(open_file(tmp_path, "split=train,source=vg")) == 1
    with pytest.raises(DatasetError, match="source=web: there are coco, vg, flickr"):
        open_file(tmp_path, "split=train,source=web")


def test_entries_without_source_are_of_coco(tmp_path: Path) -> None:
    assert open_file(tmp_path, "split=val")[0].id == "uninext/coco/7"


def test_a_split_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no split test; there are train, val"):
        open_file(tmp_path, "split=test")


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"expressions": "text"}, "expressions is no list of texts"),
        ({"bbox": [1, 2, 3]}, "a box is four numbers"),
        ({"width": 41}, "for 41 x 30 pixels, the image has 40 x 30"),
    ],
)
def test_damage_is_an_error(tmp_path: Path, change: dict[str, Any], what: str) -> None:
    dataset = open_file(tmp_path, "split=val", {"val": [{**entry(7, "someone"), **change}]})

    with pytest.raises(DatasetError, match=what):
        dataset[0]
