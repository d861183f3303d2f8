"""Scenes that are written in the formats of real datasets come back through their readers."""

import json
import pickle  # to read refs(unc).p as other programs do
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pixelllm.data.datasets import open_dataset
from pixelllm.data.errors import DatasetError
from pixelllm.data.sample import Phrase, Sample, SpokenCaption
from pixelllm.data.scenes import (
    EVALUATION_STREAM,
    TRAINING_STREAM,
    Scene,
    draw_scene,
    scene_rng,
)
from pixelllm.data.write_scenes import write_scenes

TRAIN, VAL, SEED, SIDE = 7, 4, 5, 96
SPLITS = {"train": (TRAINING_STREAM, TRAIN), "val": (EVALUATION_STREAM, VAL)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("written") / "scenes"
    write_scenes(folder, train=TRAIN, val=VAL, seed=SEED, image_side=SIDE)
    return folder


@pytest.fixture(scope="module", params=list(SPLITS))
def split(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def scenes(split: str) -> list[Scene]:
    stream, count = SPLITS[split]
    return [draw_scene(scene_rng(SEED, index, stream), long_side=SIDE) for index in range(count)]


def read(spec: str) -> list[Sample]:
    dataset = open_dataset(spec, masks=True)
    return [dataset[index] for index in range(len(dataset))]


def test_images_are_the_scenes(folder: Path, split: str, scenes: list[Scene]) -> None:
    samples = read(f"coco_captions:{folder}/coco_captions/captions_{split}.json")

    assert len(samples) == len(scenes)
    for sample, scene in zip(samples, scenes, strict=True):
        assert np.array_equal(sample.image, scene.image)
        assert [c.text for c in sample.captions] == [scene.caption.text]


def test_spoken_captions_are_the_scenes(folder: Path, split: str, scenes: list[Scene]) -> None:
    name = f"scenes_{split}_localized_narratives.jsonl"
    samples = read(f"localized_narratives:{folder}/localized_narratives/{name}")

    for sample, scene in zip(samples, scenes, strict=True):
        (caption,) = sample.captions
        assert isinstance(caption, SpokenCaption)
        assert np.array_equal(sample.image, scene.image)
        assert caption.text == scene.caption.text
        assert caption.words == scene.caption.words
        assert caption.narrative.to_json() == scene.caption.narrative.to_json()


def by_text(phrases: tuple[Phrase, ...]) -> list[Phrase]:
    return sorted(phrases, key=lambda phrase: (phrase.text, phrase.box))


def test_phrases_and_masks_are_the_scenes(folder: Path, split: str, scenes: list[Scene]) -> None:
    samples = read(f"refcoco:{folder}/refcoco,split={split}")

    for sample, scene in zip(samples, scenes, strict=True):
        assert np.array_equal(sample.image, scene.image)
        own = by_text(scene.sample.phrases)
        for phrase, expected in zip(by_text(sample.phrases), own, strict=True):
            assert (phrase.text, phrase.box) == (expected.text, expected.box)
            assert phrase.mask is not None
            assert expected.mask is not None
            assert np.array_equal(phrase.mask, expected.mask)


@pytest.mark.parametrize("form", ["visual_genome", "grit"])
def test_regions_are_the_scenes(folder: Path, form: str, split: str, scenes: list[Scene]) -> None:
    samples = read(f"{form}:{folder}/{form},split={split}")

    for sample, scene in zip(samples, scenes, strict=True):
        assert np.array_equal(sample.image, scene.image)
        assert sample.regions == scene.sample.regions


def test_no_image_is_in_both_splits(folder: Path) -> None:
    images = {path.read_bytes() for path in (folder / "images").iterdir()}

    assert len(images) == TRAIN + VAL


def test_other_programs_can_read_the_pickle(folder: Path) -> None:
    refs: list[dict[str, Any]] = pickle.loads((folder / "refcoco/refs(unc).p").read_bytes())  # noqa: S301

    instances = json.loads((folder / "refcoco/instances.json").read_text("utf-8"))
    ids = {annotation["id"]: annotation["image_id"] for annotation in instances["annotations"]}
    assert all(ids[r["ann_id"]] == r["image_id"] for r in refs)
    sentences = [s["sent_id"] for r in refs for s in r["sentences"]]
    assert sentences == list(range(len(sentences)))


def test_jpegs_are_nearly_the_scenes(tmp_path: Path) -> None:
    write_scenes(tmp_path, train=1, val=0, seed=SEED, image_side=SIDE, image_format="jpg")

    (sample,) = read(f"grit:{tmp_path}/grit,split=train")

    scene = draw_scene(scene_rng(SEED, 0, TRAINING_STREAM), long_side=SIDE)
    assert np.abs(sample.image.astype(int) - scene.image).mean() < 6


def test_nothing_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep me", "utf-8")

    with pytest.raises(DatasetError, match="is not empty; name a new folder"):
        write_scenes(tmp_path, train=1, val=1, seed=0)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
