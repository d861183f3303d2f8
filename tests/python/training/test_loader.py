"""Batches are a function of seed and step: whoever makes them, and wherever a run went on."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from pixelllm.data.sample import Sample
from pixelllm.data.scenes import draw_scene, scene_rng
from pixelllm.model.config import tiny
from pixelllm.model.tokenizer import Tokenizer
from pixelllm.training.batch import Batch
from pixelllm.training.joining import trimmed
from pixelllm.training.loader import BatchLoader, LoaderError, Source, Unreadable
from pixelllm.training.targets import (
    mask_targets,
    phrase_targets,
    region_targets,
    trace_targets,
)
from tests.python.tokenizers import tiny_tokenizer

CONFIG = tiny()
STEPS = 10


@dataclass(frozen=True)
class Scenes:
    """Scenes as a dataset; those of some numbers can't be read."""

    length: int
    broken: frozenset[int] = frozenset()
    name: str = "scenes"

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Sample:
        if index in self.broken:
            raise FileNotFoundError(f"no image {index}.jpg")
        scene = draw_scene(scene_rng(5, index), long_side=64).sample
        return Sample(
            scene.image, scene.captions, scene.phrases, scene.regions, id=f"{self.name}/{index}"
        )


class Greys(Scenes):
    """Scenes of which the first has no colours."""

    def __getitem__(self, index: int) -> Sample:
        return (
            super().__getitem__(index) if index else Sample(np.zeros((8, 8), np.uint8), id="grey")
        )


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return tiny_tokenizer()


def sources(broken: frozenset[int] = frozenset()) -> list[Source]:
    """Three kinds of texts of a few scenes: an epoch of each ends within the steps of a test."""
    return [
        Source("traces", Scenes(7, broken), trace_targets(count=2), weight=2),
        Source("phrases", Scenes(5, name="other"), mask_targets(count=3)),
        Source("regions", Scenes(6), region_targets(count=4), weight=3),
    ]


def loader(tokenizer: Tokenizer, **options: Any) -> BatchLoader:
    values = {"batch_size": 4, "steps": STEPS, "seed": 3} | options
    own = values.pop("sources", None) or sources()
    return BatchLoader(own, CONFIG, tokenizer, **values)


@pytest.fixture(scope="module")
def plain(tokenizer: Tokenizer) -> list[Batch]:
    """All batches, made in this process."""
    return list(loader(tokenizer))


def tensors(batch: Batch) -> Iterator[tuple[str, Tensor]]:
    for field in fields(Batch):
        value = getattr(batch, field.name)
        if isinstance(value, Tensor):
            yield field.name, value
    for field in fields(batch.weights):
        yield f"weights.{field.name}", getattr(batch.weights, field.name)


def assert_same(one: list[Batch], other: list[Batch]) -> None:
    assert len(one) == len(other)
    for left, right in zip(one, other, strict=True):
        assert left.ids == right.ids
        mine, theirs = dict(tensors(left)), dict(tensors(right))
        assert mine.keys() == theirs.keys()
        assert all(torch.equal(mine[name], theirs[name]) for name in mine)


def test_every_batch_is_of_one_source(plain: list[Batch], tokenizer: Tokenizer) -> None:
    own = loader(tokenizer)
    counts = {"traces": 2, "phrases": 3, "regions": 4}

    names = [own.source_of(step) for step in range(STEPS)]

    assert set(names) == set(counts)
    for name, batch in zip(names, plain, strict=True):
        assert len(batch.ids) == 4
        assert batch.tokens.shape[1] == counts[name]
        assert batch.weights.detection.tolist() == [int(name == "regions")] * 4
        assert (batch.masks is not None) == (name == "phrases")


def test_epoch_sees_every_sample(plain: list[Batch], tokenizer: Tokenizer) -> None:
    own = loader(tokenizer)
    seen = [
        name
        for step, batch in enumerate(plain)
        if own.source_of(step) == "regions"
        for name in batch.ids
    ]

    assert len(seen) >= 12
    assert len(set(seen[:6])) == len(set(seen[6:12])) == 6
    assert seen[:6] != seen[6:12]


@pytest.mark.parametrize("workers", [1, 2])
def test_number_of_workers_changes_nothing(
    workers: int, plain: list[Batch], tokenizer: Tokenizer
) -> None:
    assert_same(list(loader(tokenizer, workers=workers)), plain)


@pytest.mark.parametrize("workers", [0, 2])
def test_run_that_stopped_goes_on_exactly(
    workers: int, plain: list[Batch], tokenizer: Tokenizer
) -> None:
    first = loader(tokenizer, workers=workers)
    begun = []
    for batch in first:
        begun.append(batch)
        if len(begun) == 4:  # in the middle of epochs
            break
    state = json.loads(json.dumps(first.state_dict()))

    second = loader(tokenizer, workers=workers)
    second.load_state_dict(state)

    assert len(second) == STEPS - 4
    assert_same(begun + list(second), plain)


def test_first_step_is_all_that_going_on_takes(plain: list[Batch], tokenizer: Tokenizer) -> None:
    assert_same(list(loader(tokenizer, first_step=7)), plain[7:])


def test_iterating_again_goes_on(plain: list[Batch], tokenizer: Tokenizer) -> None:
    own = loader(tokenizer)

    begun = []
    for batch in own:
        begun.append(batch)
        if len(begun) == 3:
            break
    rest = list(own)

    assert_same(begun + rest, plain)
    assert own.step == STEPS
    assert list(own) == []


def test_parts_of_the_ranks_are_the_whole_batch(plain: list[Batch], tokenizer: Tokenizer) -> None:
    parts = [list(loader(tokenizer, rank=rank, ranks=2)) for rank in range(2)]

    for step, whole in enumerate(plain):
        left, right = (part[step] for part in parts)
        assert left.ids + right.ids == whole.ids
        own, other = dict(tensors(left)), dict(tensors(right))
        for name, value in tensors(whole):
            assert torch.equal(torch.cat([own[name], other[name]]), value), name


def test_another_seed_is_another_order(plain: list[Batch], tokenizer: Tokenizer) -> None:
    other = list(loader(tokenizer, seed=4))

    assert [batch.ids for batch in other] != [batch.ids for batch in plain]


def test_torchs_own_chance_is_left_alone(tokenizer: Tokenizer) -> None:
    torch.manual_seed(0)
    expected = torch.rand(3)

    torch.manual_seed(0)
    list(loader(tokenizer, steps=1))
    list(loader(tokenizer, steps=1, workers=1))

    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("workers", [0, 2])
def test_sample_that_cant_be_read_is_replaced_and_told(
    workers: int, plain: list[Batch], tokenizer: Tokenizer, caplog: pytest.LogCaptureFixture
) -> None:
    own = loader(tokenizer, sources=sources(frozenset({2, 3})), workers=workers)

    with caplog.at_level(logging.WARNING):
        batches = list(own)

    assert {(one.source, one.index) for one in own.unreadable} == {("traces", 2), ("traces", 3)}
    assert own.unreadable[0].reason.startswith("FileNotFoundError: no image")
    assert "traces: sample 2 can't be read: FileNotFoundError: no image 2.jpg" in caplog.text
    for broken, whole in zip(batches, plain, strict=True):
        assert len(broken.ids) == len(whole.ids)
        for name, expected in zip(broken.ids, whole.ids, strict=True):
            gone = expected in ("scenes/2", "scenes/3") and len(broken.tokens[0]) == 2
            assert name == expected or gone
            assert not (gone and name == expected)


def test_replacement_does_not_depend_on_the_process(tokenizer: Tokenizer) -> None:
    broken = sources(frozenset({0, 2, 3}))

    one = loader(tokenizer, sources=broken)
    parts = [loader(tokenizer, sources=broken, rank=rank, ranks=2) for rank in range(2)]

    for whole, left, right in zip(one, *parts, strict=True):
        assert whole.ids == left.ids + right.ids


def test_sample_that_cant_be_read_can_end_training(tokenizer: Tokenizer) -> None:
    own = loader(tokenizer, sources=sources(frozenset({2})), unreadable="fail")

    with pytest.raises(LoaderError, match=r"traces: sample 2 can't be read: .*no image 2\.jpg"):
        list(own)


def test_sample_that_makes_no_sense_is_replaced_too(tokenizer: Tokenizer) -> None:
    grey = Greys(3)
    own = loader(tokenizer, sources=[Source("a", grey, phrase_targets())], steps=6)

    batches = list(own)

    assert {name for batch in batches for name in batch.ids} == {"scenes/1", "scenes/2"}
    assert own.unreadable == [
        Unreadable("a", 0, "grey: its image has to be [H, W, 3] and is [8, 8]")
    ]


@pytest.mark.parametrize("workers", [0, 1])
def test_dataset_without_a_readable_sample_is_an_error(workers: int, tokenizer: Tokenizer) -> None:
    broken = [Source("gone", Scenes(4, frozenset(range(4))), phrase_targets())]

    with pytest.raises(LoaderError, match=r"gone: 10 samples.*Check where its images are"):
        list(loader(tokenizer, sources=broken, workers=workers))


def test_padding_is_cut_when_asked(plain: list[Batch], tokenizer: Tokenizer) -> None:
    short = list(loader(tokenizer, trim=True))

    assert_same(short, [trimmed(batch) for batch in plain])
    assert all(a.tokens.numel() < b.tokens.numel() for a, b in zip(short, plain, strict=True))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"seed": 9}, "begun with seed 3 and can't go on exactly with 9"),
        ({"batch_size": 2}, "begun with batch_size 4"),
        ({"sources": sources()[:2]}, "begun with sources"),
    ],
)
def test_state_of_another_run_is_refused(
    options: dict[str, Any], said: str, tokenizer: Tokenizer
) -> None:
    state = loader(tokenizer).state_dict()

    with pytest.raises(LoaderError, match=said):
        loader(tokenizer, **options).load_state_dict(state)


def test_run_goes_on_with_another_number_of_processes(
    plain: list[Batch], tokenizer: Tokenizer
) -> None:
    one = loader(tokenizer)
    next(iter(one))
    two = loader(tokenizer, rank=1, ranks=2, workers=1)

    two.load_state_dict(one.state_dict())

    assert [batch.ids for batch in two] == [batch.ids[2:] for batch in plain[1:]]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"batch_size": 3, "ranks": 2}, "shared evenly by 2"),
        ({"batch_size": 0}, "batch of 0"),
        ({"sources": [sources()[0]] * 2}, "two sources are called traces"),
        ({"sources": [Source("none", Scenes(0), phrase_targets())]}, "none has no sample"),
        ({"sources": [Source("no", Scenes(1), phrase_targets(), weight=0)]}, "weight of no"),
    ],
)
def test_what_no_batch_can_be_made_of_is_refused(
    options: dict[str, Any], said: str, tokenizer: Tokenizer
) -> None:
    with pytest.raises(LoaderError, match=said):
        loader(tokenizer, **options)


def test_no_source_is_refused(tokenizer: Tokenizer) -> None:
    with pytest.raises(LoaderError, match="no data"):
        BatchLoader([], CONFIG, tokenizer, batch_size=1, steps=1)


def test_unreadable_sample_is_told_once(tokenizer: Tokenizer) -> None:
    own = loader(tokenizer, sources=[Source("a", Scenes(3, frozenset({1})), phrase_targets())])

    list(own)  # more than ten epochs

    assert own.unreadable == [Unreadable("a", 1, "FileNotFoundError: no image 1.jpg")]
