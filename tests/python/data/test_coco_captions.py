"""COCO's captions are read by image."""

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pixelllm.data.datasets import open_dataset
from pixelllm.data.errors import DatasetError
from pixelllm.data.sample import Dataset
from tests.python.data.published import (
    HEIGHT,
    WIDTH,
    coco_file,
    coco_image,
    write_image,
    write_json,
)

IMAGES = [coco_image(7, "000000000007.jpg"), coco_image(9, "000000000009.jpg")]


def open_captions(folder: Path, content: dict[str, Any]) -> Dataset:
    for image in IMAGES:
        write_image(folder / "val2017" / str(image["file_name"]))
    path = write_json(folder / "annotations/captions_val2017.json", content)
    return open_dataset(f"coco_captions:{path},images={folder}/val2017")


def test_captions_are_joined_by_image(tmp_path: Path) -> None:
    annotations = [
        {"image_id": 9, "id": 38, "caption": "A bicycle — leaning. "},
        {"image_id": 7, "id": 39, "caption": "A café."},
        {"image_id": 9, "id": 40, "caption": "A bike."},
    ]

    dataset = open_captions(tmp_path, coco_file(IMAGES, annotations))

    assert dataset.name == "coco_captions"
    assert [sample.id for sample in (dataset[0], dataset[1])] == [
        "coco_captions/7",
        "coco_captions/9",
    ]
    assert [c.text for c in dataset[0].captions] == ["A café."]
    assert [c.text for c in dataset[1].captions] == ["A bicycle — leaning.", "A bike."]


def test_images_without_captions_are_left_out(tmp_path: Path) -> None:
    content = coco_file(IMAGES, [{"image_id": 9, "id": 38, "caption": "A bicycle."}])

    assert len(open_captions(tmp_path, content)) == 1


def test_an_image_of_another_size_is_an_error(tmp_path: Path) -> None:
    images = [coco_image(9, "000000000009.jpg", width=HEIGHT, height=WIDTH)]
    dataset = open_captions(tmp_path, coco_file(images, [{"image_id": 9, "id": 1, "caption": "A"}]))

    with pytest.raises(DatasetError, match=r"for 30 x 40 pixels, the image has 40 x 30 \(exif=app"):
        dataset[0]


def test_annotations_of_turned_images_are_read_when_asked(tmp_path: Path) -> None:
    images = [coco_image(9, "000000000009.jpg", width=HEIGHT, height=WIDTH)]
    content = coco_file(images, [{"image_id": 9, "id": 1, "caption": "A"}])
    open_captions(tmp_path, content)
    path = tmp_path / "val2017/000000000009.jpg"
    image = Image.open(path)
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(path, exif=exif)
    spec = f"coco_captions:{tmp_path}/annotations/captions_val2017.json,images={tmp_path}/val2017"

    turned = open_dataset(f"{spec},exif=apply")[0]

    assert turned.image.shape == (WIDTH, HEIGHT, 3)
    with pytest.raises(DatasetError, match="the image has 40 x 30"):
        open_dataset(spec)[0]


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ({"images": IMAGES}, "not of COCO's form"),
        (coco_file(IMAGES, [{"image_id": 8, "id": 1, "caption": "A"}]), "image 8, which is not in"),
        (coco_file(IMAGES, [{"id": 1, "caption": "A"}]), "has no image_id"),
        (coco_file([{"id": 7}], [{"image_id": 7}]), "lacks id, file_name"),
    ],
)
def test_damage_is_an_error(tmp_path: Path, content: dict[str, Any], what: str) -> None:
    with pytest.raises(DatasetError, match=what):
        open_captions(tmp_path, content)


def test_an_annotation_without_caption_is_an_error(tmp_path: Path) -> None:
    dataset = open_captions(tmp_path, coco_file(IMAGES, [{"image_id": 9, "id": 1}]))

    with pytest.raises(DatasetError, match="an annotation of 9 has no caption"):
        dataset[0]
