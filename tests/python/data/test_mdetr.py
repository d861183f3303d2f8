"""MDETR's files are joined again by original image."""

from pathlib import Path
from typing import Any

import pytest

from pixelllm.data.datasets import open_dataset
from pixelllm.data.errors import DatasetError
from pixelllm.data.sample import Sample
from tests.python.data.published import coco_file, coco_image, write_image, write_json


def expression(key: int, original: int, caption: str, field: str = "original_id") -> dict[str, Any]:
    """MDETR's entry of `images`: one for each expression."""
    image = coco_image(key, f"COCO_train2014_{original:012d}.jpg")
    return {**image, field: original, "caption": caption, "dataset_name": "refcoco"}


def target(key: int, image: int, original: int, box: list[float]) -> dict[str, Any]:
    """MDETR's entry of `annotations`."""
    return {
        "area": box[2] * box[3],
        "iscrowd": 0,
        "image_id": image,
        "category_id": 1,
        "id": key,
        "bbox": box,
        "original_id": original,
        "tokens_positive": [[0, 4]],
        "segmentation": [[2, 3, 12, 3, 12, 15, 2, 15]],
    }


def read(folder: Path, content: dict[str, Any], *, masks: bool = False) -> list[Sample]:
    for key in (7, 9):
        write_image(folder / f"images/COCO_train2014_{key:012d}.jpg")
    path = write_json(folder / "finetune_refcoco_train.json", content)
    dataset = open_dataset(f"mdetr:{path}", masks=masks)
    return [dataset[index] for index in range(len(dataset))]


@pytest.mark.parametrize("field", ["original_id", "original_img_id"])
def test_expressions_of_an_image_are_one_sample(tmp_path: Path, field: str) -> None:
    images = [
        expression(0, 9, "the left café", field),
        expression(1, 7, "lady", field),
        expression(2, 9, "on the right", field),
    ]
    annotations = [
        target(0, 0, 55, [2.0, 3.0, 10.0, 12.0]),
        target(1, 1, 56, [1.0, 1.0, 5.0, 5.0]),
        target(2, 2, 57, [20.0, 3.0, 10.0, 12.0]),
    ]

    first, second = read(tmp_path, coco_file(images, annotations), masks=True)

    assert (first.id, second.id) == ("mdetr/9", "mdetr/7")
    assert [(p.text, p.box) for p in first.phrases] == [
        ("the left café", (2.0, 3.0, 12.0, 15.0)),
        ("on the right", (20.0, 3.0, 30.0, 15.0)),
    ]
    mask = second.phrases[0].mask
    assert mask is not None
    assert mask.sum() == 120


def test_the_file_of_the_authors_tool_is_read(tmp_path: Path) -> None:
    annotation = {
        "id": 55,
        "image_id": 9,
        "bbox": [2.0, 3.0, 10.0, 12.0],
        "category_id": 1,
        "refexp_id": [0, 1],
        "refexp_raw": ["The left.", "Left!"],
        "refexp_sent": ["the left", "left"],
        "refexp_sent_pos": ["the left", "left"],
        "ragged_row_lengths_0": 2,
    }
    image = coco_image(9, "COCO_train2014_000000000009.jpg")

    (sample,) = read(tmp_path, coco_file([image], [annotation]))

    assert [p.text for p in sample.phrases] == ["the left", "left"]
    assert sample.phrases[0].mask is None


def test_an_object_without_expression_is_an_error(tmp_path: Path) -> None:
    image = coco_image(9, "COCO_train2014_000000000009.jpg")
    annotation = target(55, 9, 55, [2.0, 3.0, 10.0, 12.0])

    with pytest.raises(DatasetError, match="annotation 55: there is no expression"):
        read(tmp_path, coco_file([image], [annotation]))
