"""RefCOCO as published: a pickle of expressions, and COCO's instances."""

import pickle  # to write refs(*).p as its publishers did; the package never imports it
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools import mask as coco

from pixelllm.data.coco_masks import encode_runs
from pixelllm.data.datasets import open_dataset
from pixelllm.data.errors import DatasetError
from tests.python.data.published import (
    HEIGHT,
    WIDTH,
    coco_file,
    coco_image,
    instance,
    ref,
    write_image,
    write_json,
)

CROWD = np.zeros((HEIGHT, WIDTH), np.bool_)
CROWD[5:15, 10:30] = True
TEXT = {
    "size": [HEIGHT, WIDTH],
    "counts": coco.encode(np.asfortranarray(CROWD.astype(np.uint8)))["counts"].decode(),
}
REFS = [
    ref(0, 101, 7, "train", {0: "the lady in blue", 1: "lady"}),
    ref(1, 102, 9, "train", {2: "many people"}),
    ref(2, 103, 9, "val", {3: "the left café"}),
    ref(3, 104, 9, "val", {4: "outside in part"}),
    ref(4, 103, 9, "val", {3: "the left café", 5: "again by another"}),  # the object twice
    ref(5, 105, 9, "testA", {6: "outside altogether"}),
]
INSTANCES = [
    instance(105, 9, [50.0, 50.0, 10.0, 10.0], [[50, 50, 60, 50, 60, 60]]),
    instance(101, 7, [2.0, 3.0, 10.5, 12.25], [[2, 3, 12, 3, 12, 15, 2, 15]]),
    instance(102, 9, [10.0, 5.0, 20.0, 10.0], encode_runs(CROWD)),
    instance(103, 9, [10.0, 5.0, 20.0, 10.0], TEXT),
    instance(104, 9, [-3.0, 20.0, 50.0, 20.0], [[0, 20, 39, 20, 39, 29]]),
    instance(999, 7, [0.0, 0.0, 1.0, 1.0], [[0, 0, 1, 0, 1, 1]]),  # nobody refers to it
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder as the published archive has it, and the images beside it."""
    images = [coco_image(key, f"COCO_train2014_{key:012d}.jpg") for key in (7, 9)]
    for image in images:
        write_image(tmp_path / "train2014" / str(image["file_name"]))
    write_refs(tmp_path / "refcoco+/refs(unc).p", REFS, protocol=0)
    write_json(tmp_path / "refcoco+/instances.json", coco_file(images, INSTANCES))
    return tmp_path / "refcoco+"


def write_refs(path: Path, refs: Any, protocol: int = 2) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(refs, protocol))


def spec(folder: Path, split: str, more: str = "") -> str:
    return f"refcoco:{folder},split={split},images={folder.parent}/train2014{more}"


def test_the_expressions_of_a_split_are_read_by_image(folder: Path) -> None:
    dataset = open_dataset(spec(folder, "train", ",by=unc"))

    assert dataset.name == "refcoco+"
    assert [dataset[i].id for i in range(len(dataset))] == ["refcoco+/7", "refcoco+/9"]
    phrases = dataset[0].phrases
    assert [p.text for p in phrases] == ["the lady in blue", "lady"]
    assert phrases[0].box == phrases[1].box == (2.0, 3.0, 12.5, 15.25)
    assert phrases[0].mask is None


def test_an_object_that_is_there_twice_has_each_expression_once(folder: Path) -> None:
    (sample,) = [open_dataset(spec(folder, "val"))[0]]

    texts = [p.text for p in sample.phrases]
    assert texts == ["the left café", "again by another", "outside in part"]


def test_boxes_are_clipped_and_objects_outside_left_out(folder: Path) -> None:
    assert open_dataset(spec(folder, "val"))[0].phrases[2].box == (0.0, 20.0, WIDTH, HEIGHT)
    assert open_dataset(spec(folder, "testA"))[0].phrases == ()


def test_masks_come_from_polygons_and_both_kinds_of_runs(folder: Path) -> None:
    train = open_dataset(spec(folder, "train"), masks=True)
    val = open_dataset(spec(folder, "val"), masks=True)

    polygon, runs, text = (s.phrases[0].mask for s in (train[0], train[1], val[0]))
    assert polygon is not None
    assert polygon[3:15, 2:12].all()
    assert polygon.sum() == 120
    assert runs is not None
    assert np.array_equal(runs, CROWD)
    assert text is not None
    assert np.array_equal(text, CROWD)


def test_a_split_that_is_not_there_is_an_error_that_lists_them(folder: Path) -> None:
    with pytest.raises(DatasetError, match=r"no split dev; there are train \(2 objects\), val"):
        open_dataset(spec(folder, "dev"))
    with pytest.raises(DatasetError, match="choose with split="):
        open_dataset(f"refcoco:{folder},images={folder.parent}/train2014")


def test_with_several_splitters_one_is_chosen(folder: Path) -> None:
    write_refs(folder / "refs(google).p", REFS[:1])

    with pytest.raises(DatasetError, match="splits by google, unc; choose with by="):
        open_dataset(spec(folder, "train"))
    with pytest.raises(DatasetError, match=r"no refs\(umd\)\.p; there are splits by google, unc"):
        open_dataset(spec(folder, "train", ",by=umd"))
    assert len(open_dataset(spec(folder, "train", ",by=google"))) == 1


def test_a_missing_object_is_an_error(folder: Path) -> None:
    write_refs(folder / "refs(unc).p", [*REFS, ref(6, 555, 7, "train", {9: "nothing"})])

    with pytest.raises(DatasetError, match=r"lacks 1 of the objects that refs\(unc\)\.p refers to"):
        open_dataset(spec(folder, "train"))


@pytest.mark.parametrize(
    ("refs", "what"),
    [
        ({"not": "a list"}, "is no list of objects"),
        ([{"split": "train"}], "entry 0 is damaged"),
        (["text"], "entry 0 is damaged"),
        ([{**REFS[0], "sentences": [{"sent_id": 0, "sent": 7}]}], "sent is no text"),
        ([print], r"refs\(unc\)\.p: the pickle is refused: GLOBAL at byte"),
    ],
)
def test_damage_is_an_error_that_names_the_file(folder: Path, refs: Any, what: str) -> None:
    write_refs(folder / "refs(unc).p", refs)

    with pytest.raises(DatasetError, match=what):
        open_dataset(spec(folder, "train"))
