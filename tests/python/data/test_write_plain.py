"""Scenes that are written in our own layout come back through its reader."""

from pathlib import Path

import numpy as np
import pytest

from pixelllm.data.__main__ import main
from pixelllm.data.check import check_dataset
from pixelllm.data.datasets import Spec, open_dataset
from pixelllm.data.errors import DatasetError
from pixelllm.data.scenes import EVALUATION_STREAM, TRAINING_STREAM, Scene, draw_scene, scene_rng
from pixelllm.data.things import NEW_KINDS
from pixelllm.data.write_plain import write_plain

SCENES, SEED, SIDE = 12, 1, 96


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("written") / "plain"
    write_plain(folder, scenes=SCENES, seed=SEED, new_things=True, image_side=SIDE)
    return folder


def drawn(stream: int = TRAINING_STREAM) -> list[Scene]:
    return [
        draw_scene(scene_rng(SEED, index, stream), long_side=SIDE, new_things=index % 3 != 2)
        for index in range(SCENES)
    ]


def test_a_written_dataset_has_no_problems(folder: Path) -> None:
    told: list[str] = []

    found = check_dataset(Spec("own", folder, {}), told.append)

    assert told == []
    assert not found.problems


def test_samples_are_the_scenes(folder: Path) -> None:
    dataset = open_dataset(f"own:{folder}", masks=True)

    for index, scene in enumerate(drawn()):
        sample = dataset[index]
        assert np.array_equal(sample.image, scene.image)
        assert [c.text for c in sample.captions] == [scene.caption.text]
        assert sample.regions == scene.sample.regions
        for phrase, expected in zip(sample.phrases, scene.sample.phrases, strict=True):
            assert (phrase.text, phrase.box) == (expected.text, expected.box)
            assert phrase.mask is not None
            assert expected.mask is not None
            assert np.array_equal(phrase.mask, expected.mask)


def test_words_are_where_they_were_said(folder: Path) -> None:
    dataset = open_dataset(f"own:{folder}")

    for index, scene in enumerate(drawn()):
        (caption,) = dataset[index].captions
        for word, said in zip(caption.words, scene.caption.words, strict=True):
            assert (word.start, word.end) == (said.start, said.end)
            assert np.abs(np.subtract(word.box, said.box)).max() < 3
            assert word.box[0] < word.box[2]
            assert word.box[1] < word.box[3]


def test_two_of_three_images_have_something_new(folder: Path) -> None:
    lines = (folder / "data.jsonl").read_text("utf-8").splitlines()

    new = [any(name in line for name in NEW_KINDS) for line in lines]
    assert new == [True, True, False] * (SCENES // 3)


def test_the_command_writes_scenes_of_either_stream(tmp_path: Path) -> None:
    asked = ["write-plain", str(tmp_path / "val"), "--scenes", "2", "--seed", str(SEED)]

    assert main([*asked, "--val", "--image-side", str(SIDE), "--new-things"]) == 0

    dataset = open_dataset(f"own:{tmp_path / 'val'}")
    assert len(dataset) == 2
    assert np.array_equal(dataset[0].image, drawn(EVALUATION_STREAM)[0].image)


def test_nothing_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep me", "utf-8")

    with pytest.raises(DatasetError, match="is not empty; name a new folder"):
        write_plain(tmp_path, scenes=1, seed=0)
