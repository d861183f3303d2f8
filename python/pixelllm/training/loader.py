"""Batches of several datasets, in an order that a seed decides.

Nothing depends on how many processes read samples ahead, or on how many train together: a batch is
a function of the seed and its step. So a run that stopped goes on with the step it had come to.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from typing import Any, Final, Literal, TypeAlias

import torch
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from pixelllm.data.sample import Dataset
from pixelllm.model.config import PixelLLMConfig
from pixelllm.model.tokenizer import Tokenizer
from pixelllm.training.batch import Batch
from pixelllm.training.joining import join, trimmed
from pixelllm.training.mixing import Address, Mixture, Order
from pixelllm.training.target_building import SampleError, TargetBuilder, Targets
from pixelllm.training.targets import TargetOptions

log = logging.getLogger("pixelllm.training.loader")

ATTEMPTS: Final = 10  # samples that come in place of one that can't be read, before it is an error
WAIT_S: Final = 600.0  # for a batch of another process
# What reading an image or an annotation raises; Pillow has SyntaxError for a broken PNG.
UNREADABLE: Final = (OSError, ValueError, LookupError, EOFError, SyntaxError)


class LoaderError(ValueError):
    """Batches can't be made as asked; the message says why, and what to do."""


@dataclass(frozen=True)
class Source:
    """A dataset and what its samples teach.

    name: unique among the sources of a loader; another name is another order.
    weight: its share of the steps, in proportion to the other sources'.
    shuffle: without it samples come in the order of the dataset.
    """

    name: str
    dataset: Dataset
    targets: TargetOptions
    weight: float = 1.0
    shuffle: bool = True


@dataclass(frozen=True)
class Unreadable:
    """A sample that another one came in place of."""

    source: str
    index: int
    reason: str


Made: TypeAlias = tuple[Batch, list[Unreadable]]


class BatchLoader:
    """The batches of the steps from `first_step` on, each of one source.

    Iterating again goes on with the next step. `step` is the one whose batch comes next: kept with
    a checkpoint (`state_dict`), it is all that going on exactly takes.

    Args:
        batch_size: images per step of all processes that train together.
        workers: processes that make batches ahead; 0 makes them in this one.
        prefetch: batches that each of them makes ahead.
        rank, ranks: which of the processes that train together this one is; each has its own equal
            part of every batch, in the order of the ranks.
        unreadable: whether another sample comes in place of one that can't be read ("skip"), or
            training ends ("fail").
        trim: leave out what is padding in all of a batch; see `trimmed`.

    Raises:
        LoaderError: no source, no sample in one, names that are not unique, weights that are not
            positive, or a batch that the ranks can't share evenly.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        config: PixelLLMConfig,
        tokenizer: Tokenizer,
        *,
        batch_size: int,
        steps: int,
        seed: int = 0,
        first_step: int = 0,
        workers: int = 0,
        prefetch: int = 2,
        rank: int = 0,
        ranks: int = 1,
        unreadable: Literal["skip", "fail"] = "skip",
        trim: bool = False,
    ) -> None:
        check_sources(sources)
        if batch_size < 1 or batch_size % ranks:
            raise LoaderError(
                f"a batch of {batch_size} can't be shared evenly by {ranks} processes"
            )
        self.sources = tuple(sources)
        self.batch_size = batch_size
        self.steps = steps
        self.seed = seed
        self.step = first_step
        self.workers = workers
        self.prefetch = prefetch
        self.unreadable: list[Unreadable] = []
        self._mixture = Mixture([source.weight for source in sources], steps, seed)
        share = batch_size // ranks
        self._batches = Batches(
            self.sources,
            [TargetBuilder(config, tokenizer, source.targets) for source in sources],
            self._mixture,
            seed=seed,
            batch_size=batch_size,
            share=range(rank * share, (rank + 1) * share),
            fail=unreadable == "fail",
            trim=trim,
        )

    def __len__(self) -> int:
        """How many batches are still to come."""
        return max(self.steps - self.step, 0)

    def __iter__(self) -> Iterator[Batch]:
        loader = DataLoader(
            self._batches,
            batch_size=None,
            sampler=range(self.step, self.steps),
            num_workers=self.workers,
            prefetch_factor=self.prefetch if self.workers else None,
            timeout=WAIT_S if self.workers else 0,
            generator=torch.Generator(),  # of its own, which leaves torch's alone
        )
        for made in loader:
            yield self.take(made)

    def make(self, step: int) -> Made:
        """The batch of any step, which changes nothing here: another thread may make it."""
        return self._batches[step]

    def take(self, made: Made) -> Batch:
        """Count the batch of the next step as used."""
        batch, unreadable = made
        self._note(unreadable)
        self.step += 1
        return batch

    def source_of(self, step: int) -> str:
        """The name of the source that a step's batch is of."""
        return self.sources[self._mixture.source(step)].name

    def state_dict(self) -> dict[str, Any]:
        """Where the loader is, as plain JSON values, and what would change the batches."""
        return {"step": self.step, **self._identity()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there.

        Raises:
            LoaderError: the state is of other data, another seed or another batch size.
        """
        for name, own in self._identity().items():
            if state.get(name) != own:
                raise LoaderError(
                    f"the run was begun with {name} {state.get(name)} and can't go on exactly with "
                    f"{own}: give it what it had, or begin a new one"
                )
        self.step = int(state["step"])

    def _identity(self) -> dict[str, Any]:
        sources = [
            {
                "name": source.name,
                "samples": len(source.dataset),
                "weight": source.weight,
                "shuffle": source.shuffle,
            }
            for source in self.sources
        ]
        return {"seed": self.seed, "batch_size": self.batch_size, "sources": sources}

    def _note(self, unreadable: list[Unreadable]) -> None:
        for one in unreadable:
            if one not in self.unreadable:
                log.warning("%s: sample %d can't be read: %s", *astuple(one))
                self.unreadable.append(one)


class Batches(TorchDataset[Made]):
    """This process's part of the batch of any step, and the samples that could not be read."""

    def __init__(
        self,
        sources: Sequence[Source],
        builders: Sequence[TargetBuilder],
        mixture: Mixture,
        *,
        seed: int,
        batch_size: int,
        share: range,
        fail: bool,
        trim: bool,
    ) -> None:
        self.sources = sources
        self.builders = builders
        self.mixture = mixture
        self.orders = [
            Order(source.name, len(source.dataset), seed, shuffle=source.shuffle)
            for source in sources
        ]
        self.batch_size = batch_size
        self.share = share
        self.fail = fail
        self.trim = trim

    def __getitem__(self, step: int) -> Made:
        number = self.mixture.source(step)
        begin = self.mixture.earlier(step) * self.batch_size
        unreadable: list[Unreadable] = []
        places = (begin + row for row in self.share)
        targets = [self._targets(number, place, unreadable) for place in places]
        batch = join(targets, self.sources[number].targets.teaches)
        return trimmed(batch) if self.trim else batch, unreadable

    def _targets(self, number: int, place: int, unreadable: list[Unreadable]) -> Targets:
        """Of the sample at a place, or of the first that can be read of those in its stead."""
        name, order = self.sources[number].name, self.orders[number]
        first = address = order.address(place)
        for attempt in range(ATTEMPTS):
            try:
                return self._made(number, address)
            except SampleError as error:
                unreadable.append(Unreadable(name, address.index, str(error)))
                if self.fail:
                    raise LoaderError(
                        f"{name}: sample {address.index} can't be read: {error}"
                    ) from error
                address = order.replacement(first, attempt)
        raise LoaderError(
            f"{name}: {ATTEMPTS} samples, drawn at random, can't be read; the last: "
            f"{unreadable[-1].reason}. Check where its images are"
        )

    def _made(self, number: int, address: Address) -> Targets:
        """The targets of one sample.

        Raises:
            SampleError: it can't be read.
        """
        try:
            sample = self.sources[number].dataset[address.index]
        except UNREADABLE as error:
            raise SampleError(f"{type(error).__name__}: {error}") from error
        return self.builders[number].build(sample, self.orders[number].chance(address))


def check_sources(sources: Sequence[Source]) -> None:
    """Refuse what no batch can be made of.

    Raises:
        LoaderError: there is no source, or one has no sample, another's name or no positive weight.
    """
    if not sources:
        raise LoaderError("there is no data to train on: name a source at least")
    names = [source.name for source in sources]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise LoaderError(f"two sources are called {twice}: give each a name of its own")
    for source in sources:
        if not len(source.dataset):
            raise LoaderError(f"{source.name} has no sample")
        if not source.weight > 0:
            raise LoaderError(f"the weight of {source.name} has to be above 0: {source.weight}")
