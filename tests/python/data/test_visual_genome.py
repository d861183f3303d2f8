"""Visual Genome's regions, as published and as GRiT has them."""

from pathlib import Path
from typing import Any

import pytest

from pixelllm.data.datasets import open_dataset
from pixelllm.data.errors import DatasetError
from pixelllm.data.sample import Sample
from tests.python.data.published import (
    HEIGHT,
    WIDTH,
    coco_file,
    coco_image,
    write_image,
    write_json,
)


def region(key: int, image: int, phrase: str, box: list[int]) -> dict[str, Any]:
    x, y, width, height = box
    return {
        "region_id": key,
        "width": width,
        "height": height,
        "image_id": image,
        "phrase": phrase,
        "y": y,
        "x": x,
    }


def image_entry(key: int, width: int = WIDTH, height: int = HEIGHT) -> dict[str, Any]:
    return {
        "width": width,
        "url": f"https://cs.stanford.edu/people/rak248/VG_100K_2/{key}.jpg",
        "height": height,
        "image_id": key,
        "coco_id": None,
        "flickr_id": None,
    }


DESCRIPTIONS = [
    {
        "regions": [
            region(1382, 1, "the clock is green — café ", [10, 5, 8, 12]),
            region(1383, 1, "   ", [1, 1, 5, 5]),
            region(1384, 1, "leaves the image", [-2, -1, 60, 60]),
            region(1385, 1, "outside", [50, 50, 4, 4]),
            region(1386, 1, "has no area", [5, 5, 0, 4]),
        ],
        "id": 1,
    },
    {"regions": [], "id": 2},
    {"regions": [region(9, 3, "a dog", [1, 2, 3, 4])], "id": 3},
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for path in ("VG_100K/1.jpg", "VG_100K_2/2.jpg", "VG_100K_2/3.jpg"):
        write_image(tmp_path / "images" / path)
    write_json(tmp_path / "region_descriptions.json", DESCRIPTIONS)
    write_json(tmp_path / "image_data.json", [image_entry(key) for key in (1, 2, 3)])
    write_json(tmp_path / "densecap_splits.json", {"train": [3, 1], "val": [2], "test": []})
    return tmp_path


def read(spec: str) -> list[Sample]:
    dataset = open_dataset(spec)
    return [dataset[index] for index in range(len(dataset))]


def test_regions_are_read_by_image(folder: Path) -> None:
    first, second, third = read(f"visual_genome:{folder}")

    assert [(r.caption, r.box) for r in first.regions] == [
        ("the clock is green — café", (10.0, 5.0, 18.0, 17.0)),
        ("leaves the image", (0.0, 0.0, WIDTH, HEIGHT)),
    ]
    assert second.regions == ()
    assert [r.caption for r in third.regions] == ["a dog"]
    assert [s.id for s in (first, third)] == ["visual_genome/1", "visual_genome/3"]


def test_a_split_is_chosen_by_the_dense_captioning_papers_file(folder: Path) -> None:
    assert [s.id for s in read(f"visual_genome:{folder},split=train")] == [
        "visual_genome/1",
        "visual_genome/3",
    ]
    with pytest.raises(DatasetError, match="no split dev; there are train, val, test"):
        open_dataset(f"visual_genome:{folder},split=dev")


def test_an_image_of_another_size_is_an_error(folder: Path) -> None:
    write_json(folder / "image_data.json", [image_entry(1, width=800, height=600)])

    with pytest.raises(DatasetError, match=r"1\.jpg: the annotations are for 800 x 600 pixels"):
        open_dataset(f"visual_genome:{folder}")[0]


@pytest.mark.parametrize(
    ("file", "content", "what"),
    [
        ("region_descriptions.json", [{"regions": []}], "has no id of an image"),
        ("image_data.json", [{"image_id": 1}], "lacks image_id, width or height"),
    ],
)
def test_damage_is_an_error(folder: Path, file: str, content: Any, what: str) -> None:
    write_json(folder / file, content)

    with pytest.raises(DatasetError, match=what):
        open_dataset(f"visual_genome:{folder}")


@pytest.mark.parametrize(
    ("regions", "what"),
    [
        (None, "no list of regions"),
        ([{"x": 1, "y": 2, "width": 3, "height": 4}], "a region has no text"),
        ([{"x": 1, "y": 2, "width": 3, "phrase": "a"}], "a box is four numbers"),
    ],
)
def test_a_damaged_region_is_an_error(folder: Path, regions: Any, what: str) -> None:
    write_json(folder / "region_descriptions.json", [{"regions": regions, "id": 1}])

    with pytest.raises(DatasetError, match=what):
        open_dataset(f"visual_genome:{folder}")[0]


@pytest.fixture
def grit(tmp_path: Path) -> Path:
    images = [coco_image(key, f"{key}.jpg") for key in (1, 3)]
    annotations = [
        {"image_id": 3, "bbox": [1, 2, 3, 4], "caption": "a dog", "id": 9, "category_id": 1},
        {"image_id": 1, "bbox": [10, 5, 8, 12], "caption": "a clock", "id": 1, "category_id": 1},
        {"image_id": 3, "bbox": [-5, 2, 100, 4], "caption": "a row", "id": 10, "category_id": 1},
    ]
    for name in ("train", "test"):
        write_json(tmp_path / f"annotations/{name}.json", coco_file(images, annotations))
    for key in (1, 3):
        write_image(tmp_path / f"images/{key}.jpg")
    return tmp_path


def test_grits_files_are_read_by_image(grit: Path) -> None:
    for spec in (
        f"grit:{grit},split=train",
        f"grit:{grit}/annotations/test.json,images={grit}/images",
    ):
        first, second = read(spec)

        assert [(r.caption, r.box) for r in first.regions] == [("a clock", (10, 5, 18, 17))]
        assert [(r.caption, r.box) for r in second.regions] == [
            ("a dog", (1, 2, 4, 6)),
            ("a row", (0, 2, WIDTH, 6)),
        ]
        assert second.id == "grit/3"


def test_a_folder_of_grits_needs_a_split_that_is_there(grit: Path) -> None:
    with pytest.raises(DatasetError, match="choose a file in it with split="):
        open_dataset(f"grit:{grit}")
    with pytest.raises(DatasetError, match=r"neither .*/val\.json nor .*annotations/val\.json"):
        open_dataset(f"grit:{grit},split=val")
