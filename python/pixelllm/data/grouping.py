"""Annotations by image: which of a file's elements are about the same picture."""

from array import array
from collections.abc import Hashable
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

Key = TypeVar("Key", bound=Hashable)


def is_key(value: Any) -> bool:
    """Whether a JSON value can be the id of something: a whole number or a text."""
    return type(value) in (int, str)


class Groups(Generic[Key]):
    """Members, numbered from 0 in the order in which they are added, by their group's key.

    Groups are numbered in the order of their first members, and a group's members are in order.
    """

    def __init__(self) -> None:
        self.keys: list[Key] = []
        self._numbers: dict[Key, int] = {}
        self._of = array("l")  # the group of each member
        self._sorted: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None

    def __len__(self) -> int:
        return len(self.keys)

    def add(self, key: Key) -> int:
        """Adds a member; returns the number of its group."""
        group = self._numbers.setdefault(key, len(self.keys))
        if group == len(self.keys):
            self.keys.append(key)
        self._of.append(group)
        self._sorted = None
        return group

    def has(self, key: Key) -> bool:
        """Whether there is such a group."""
        return key in self._numbers

    def members_of(self, key: Key) -> list[int]:
        """The members of the group of this key. Raises KeyError where there is none."""
        return self.members(self._numbers[key])

    def members(self, group: int) -> list[int]:
        """The members of a group."""
        if self._sorted is None:
            of = np.array(self._of, np.int64)
            ends = np.cumsum(np.bincount(of, minlength=len(self.keys)))
            self._sorted = np.argsort(of, kind="stable"), np.concatenate([[0], ends])
        order, starts = self._sorted
        members: list[int] = order[starts[group] : starts[group + 1]].tolist()
        return members
