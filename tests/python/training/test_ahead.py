"""Batches that another thread makes ahead are those of the loader."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from pathlib import Path

import pytest
import torch

from pixelllm.data.write_plain import write_plain
from pixelllm.model.checkpoint import CONFIG, checkpoint_folder, load_config, load_tokenizer
from pixelllm.training.ahead import Ahead
from pixelllm.training.batch import Batch
from pixelllm.training.loader import BatchLoader, LoaderError
from pixelllm.training.recipes import recipe_for
from pixelllm.training.sources import open_sources

STEPS = 3


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ahead") / "plain"
    write_plain(folder, scenes=4, seed=0)
    return folder


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


def loader(dataset: Path) -> BatchLoader:
    tiny = checkpoint_folder("tiny")
    config = load_config(tiny / CONFIG)
    sources = open_sources([f"own:{dataset}"], recipe_for("trace", config), config)
    tokenizer = load_tokenizer(tiny / "tokenizer.model", config)
    return BatchLoader(sources, config, tokenizer, batch_size=2, steps=STEPS)


def same(one: Batch, other: Batch) -> bool:
    if one.ids != other.ids:
        return False
    pairs = [(getattr(one, field.name), getattr(other, field.name)) for field in fields(Batch)]
    return all(torch.equal(a, b) for a, b in pairs if isinstance(a, torch.Tensor))


def test_they_are_the_loaders_in_order(dataset: Path, threads: ThreadPoolExecutor) -> None:
    own = loader(dataset)
    ahead = Ahead(own, threads)

    found = [ahead.take() for _ in range(STEPS)]

    assert all(same(a, b) for a, b in zip(found, loader(dataset), strict=True))
    assert own.step == STEPS
    assert not ahead.ready


def test_one_that_was_not_taken_is_made_again(dataset: Path, threads: ThreadPoolExecutor) -> None:
    first = loader(dataset)
    Ahead(first, threads).take()
    second = loader(dataset)
    second.load_state_dict(first.state_dict())

    assert same(Ahead(second, threads).take(), list(loader(dataset))[1])


def test_what_cannot_be_made_is_told_when_it_is_taken(
    dataset: Path, threads: ThreadPoolExecutor, tmp_path: Path
) -> None:
    images = tmp_path / "images"
    own = tmp_path / "own"
    write_plain(own, scenes=2, seed=0)
    broken = loader(own)
    (own / "images").rename(images)

    with pytest.raises(LoaderError, match="can't be read"):
        Ahead(broken, threads).take()
