"""Whatever is in a file, a dataset is read or a DatasetError says what is wrong: nothing else."""

import contextlib
import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pixelllm.data.datasets import open_dataset
from pixelllm.data.errors import DatasetError
from pixelllm.data.plain_pickle import dump_plain
from tests.python.data.published import (
    HEIGHT,
    WIDTH,
    coco_file,
    coco_image,
    instance,
    narrative,
    ref,
    write_image,
    write_json,
    write_lines,
)

ODD = [None, True, -1, 0, 2**70, 1.5, float("nan"), 1e308, "", "text", "é", [], [1], {}, {"a": 1}]
POLYGON = [[2, 3, 12, 3, 12, 15, 2, 15]]
RUNS = {"size": [HEIGHT, WIDTH], "counts": [100, 100, WIDTH * HEIGHT - 200]}
NAMES = ["1.jpg", "2.jpg"]
IMAGES = [coco_image(1, "1.jpg"), coco_image(2, "2.jpg")]
REFS = [ref(0, 11, 1, "val", {0: "a", 1: "b"}), ref(1, 12, 2, "val", {2: "c"})]

Write = Callable[[Path, Any], str]  # writes a value and returns the spec


def refs_of_instances(folder: Path, value: Any) -> str:
    (folder / "refs(unc).p").write_bytes(dump_plain(REFS))
    write_json(folder / "instances.json", value)
    return f"refcoco:{folder},split=val"


def refs_of_pickle(folder: Path, value: Any) -> str:
    instances = [instance(11, 1, [1, 2, 3, 4], POLYGON), instance(12, 2, [1, 2, 3, 4], RUNS)]
    write_json(folder / "instances.json", coco_file(IMAGES, instances))
    (folder / "refs(unc).p").write_bytes(dump_plain(value))
    return f"refcoco:{folder},split=val"


def descriptions(folder: Path, value: Any) -> str:
    write_json(folder / "image_data.json", value[0])
    write_json(folder / "region_descriptions.json", value[1])
    write_json(folder / "densecap_splits.json", value[2])
    return f"visual_genome:{folder},split=train"


def lines(name: str, form: str) -> Write:
    return lambda folder, value: f"{form}:{_base(write_lines(folder / name, value), form)}"


def a_json(form: str, options: str = "") -> Write:
    return lambda folder, value: f"{form}:{write_json(folder / 'file.json', value)}{options}"


def _base(path: Path, form: str) -> Path:
    return path.parent if form == "own" else path


EXPRESSION = {"original_id": 1, "caption": "a dog"}
GOOD: dict[str, tuple[Any, Write]] = {
    "narratives": (
        [narrative("flickr30k", "1", 1), narrative("flickr30k", "2", 1)],
        lines("narratives.jsonl", "localized_narratives"),
    ),
    "captions": (
        coco_file(IMAGES, [{"image_id": 1, "id": 1, "caption": "a"}]),
        a_json("coco_captions"),
    ),
    "instances": (
        coco_file(
            IMAGES, [instance(11, 1, [1, 2, 3, 4], POLYGON), instance(12, 2, [1, 2, 3, 4], RUNS)]
        ),
        refs_of_instances,
    ),
    "refs": (REFS, refs_of_pickle),
    "mdetr": (
        coco_file(
            [{**IMAGES[0], **EXPRESSION}],
            [{"image_id": 1, "bbox": [1, 2, 3, 4], "id": 5, "segmentation": RUNS}],
        ),
        a_json("mdetr"),
    ),
    "uninext": (
        {
            "val": [
                {
                    "image_id": 1,
                    "bbox": [1, 2, 3, 4],
                    "mask": POLYGON,
                    "expressions": ["a"],
                    "width": WIDTH,
                    "height": HEIGHT,
                    "data_source": "vg",
                }
            ]
        },
        a_json("uninext", ",split=val"),
    ),
    "visual_genome": (
        [
            [{"image_id": 1, "width": WIDTH, "height": HEIGHT}],
            [{"id": 1, "regions": [{"x": 1, "y": 2, "width": 3, "height": 4, "phrase": "a"}]}],
            {"train": [1]},
        ],
        descriptions,
    ),
    "grit": (
        coco_file(IMAGES, [{"image_id": 1, "bbox": [1, 2, 3, 4], "id": 5, "caption": "a"}]),
        a_json("grit"),
    ),
    "llava": (
        [{"image": "1.jpg", "conversations": [{"from": "human", "value": "a"}] * 1}],
        a_json("llava"),
    ),
    "own": (
        [
            {
                "image": "1.jpg",
                "captions": [
                    {"caption": "a", "words": [{"start": 0, "end": 1, "box": [1, 2, 3, 4]}]}
                ],
                "phrases": [{"phrase": "a", "box": [1, 2, 3, 4], "mask": RUNS}],
                "regions": [{"box": [1, 2, 3, 4], "caption": "a"}],
            }
        ],
        lines("data.jsonl", "own"),
    ),
}


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a value: its container and its key."""
    keys = value if isinstance(value, dict) else range(len(value))
    for key in keys:
        yield value, key
        if isinstance(value[key], (dict, list)):
            yield from places(value[key])


def read_all(spec: str) -> None:
    dataset = open_dataset(spec, masks=True)
    for index in range(len(dataset)):
        dataset[index]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("damaged")
    for name in NAMES:
        write_image(folder / "images" / name)
    return folder


@pytest.mark.parametrize("name", GOOD)
def test_odd_values_anywhere_are_read_or_named(folder: Path, name: str) -> None:
    value, write = GOOD[name]
    count = sum(1 for _ in places(value))
    chosen = np.random.default_rng(7).permutation(count * len(ODD))[:100].tolist()

    for place, odd in (divmod(number, len(ODD)) for number in chosen):
        damaged = copy.deepcopy(value)
        container, key = list(places(damaged))[place]
        container[key] = ODD[odd]
        with contextlib.suppress(DatasetError):
            read_all(write(folder, damaged))


@pytest.mark.parametrize("name", [name for name in GOOD if name not in ("refs", "llava")])
def test_the_undamaged_values_are_good(folder: Path, name: str) -> None:
    value, write = GOOD[name]

    read_all(write(folder, value))


@pytest.mark.parametrize("name", [name for name in GOOD if name != "refs"])
def test_missing_fields_are_read_or_named(folder: Path, name: str) -> None:
    value, write = GOOD[name]

    for place in range(sum(1 for _ in places(value))):
        damaged = copy.deepcopy(value)
        container, key = list(places(damaged))[place]
        if isinstance(container, dict):
            del container[key]
        with contextlib.suppress(DatasetError):
            read_all(write(folder, damaged))
