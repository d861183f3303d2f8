"""In which order the samples of several sources come: a function of a seed and of nothing else.

Every batch is of one source, drawn with the sources' weights, as in the authors' pipeline
(`batch_before_merge`). A source's samples come epoch after epoch, each epoch in an order of its
own; a batch may hold the end of one and the beginning of the next. Every choice has an address
(seed, what for, source, epoch, index), so that any step can be made alone, in any process.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

SOURCES, ORDER, SAMPLE, REPLACEMENT = range(4)  # what chance is for; the first part of an address
EPOCHS: Final = 4  # of which the order is kept: a batch is seldom of more


def draw(seed: int, *address: int) -> np.random.Generator:
    """The generator of one choice; equal addresses choose alike."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=address))


def key_of(name: str) -> int:
    """A source's number in addresses; it is the same wherever the source stands."""
    return zlib.crc32(name.encode())


class Mixture:
    """Which source each of a number of steps is from.

    Args:
        weights: of the sources; they need not add up to 1.
    """

    def __init__(self, weights: Sequence[float], steps: int, seed: int) -> None:
        shares = np.cumsum(weights) / np.sum(weights)
        points = draw(seed, SOURCES).random(steps)  # a longer run begins with the same ones
        self.sources = np.minimum(np.searchsorted(shares, points, "right"), len(shares) - 1)
        self._earlier = np.zeros(steps, np.int64)
        for source in range(len(shares)):
            own = self.sources == source
            self._earlier[own] = np.arange(own.sum())

    def source(self, step: int) -> int:
        """The number of the step's source."""
        return int(self.sources[step])

    def earlier(self, step: int) -> int:
        """How many steps before it were of the same source."""
        return int(self._earlier[step])


@dataclass(frozen=True)
class Address:
    """One sample of a source, in one epoch."""

    epoch: int
    index: int


class Order:
    """The samples of one source, in the order of training."""

    def __init__(self, name: str, length: int, seed: int, *, shuffle: bool = True) -> None:
        self.key = key_of(name)
        self.length = length
        self.seed = seed
        self.shuffle = shuffle
        self._epoch = lru_cache(EPOCHS)(self._shuffled)

    def __getstate__(self) -> dict[str, object]:
        """A copy in another process keeps no orders."""
        return {name: value for name, value in vars(self).items() if name != "_epoch"}

    def __setstate__(self, state: dict[str, object]) -> None:
        vars(self).update(state)
        self._epoch = lru_cache(EPOCHS)(self._shuffled)

    def address(self, place: int) -> Address:
        """Which sample is at a place, counted from 0 over all epochs."""
        epoch, within = divmod(place, self.length)
        return Address(epoch, int(self._epoch(epoch)[within]) if self.shuffle else within)

    def chance(self, address: Address) -> np.random.Generator:
        """What is drawn at random of a sample is drawn from this."""
        return draw(self.seed, SAMPLE, self.key, address.epoch, address.index)

    def replacement(self, address: Address, attempt: int) -> Address:
        """The sample that comes in place of one that can't be read."""
        chance = draw(self.seed, REPLACEMENT, self.key, address.epoch, address.index, attempt)
        return Address(address.epoch, int(chance.integers(self.length)))

    def _shuffled(self, epoch: int) -> NDArray[np.int64]:
        return draw(self.seed, ORDER, self.key, epoch).permutation(self.length)
