"""What is kept of images that were encoded before, so that no image is encoded twice in a row."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, NamedTuple, Protocol, TypeVar


class Sized(Protocol):
    """Something that knows how much memory it takes."""

    @property
    def nbytes(self) -> int:
        """Bytes of memory."""
        ...


class FeatureKey(NamedTuple):
    """Names features: models with the very same encoders share those of an image."""

    encoders: str
    image_id: str


K = TypeVar("K")
E = TypeVar("E", bound=Sized)


class FeatureCache(Generic[K, E]):
    """The entries used last, as many as a byte budget holds. For one thread.

    An entry that was evicted lives on in the calls that hold it; those bytes do not count.
    """

    def __init__(self, budget_bytes: int) -> None:
        self._budget = budget_bytes
        self._entries: OrderedDict[K, E] = OrderedDict()  # used last comes last
        self._bytes = 0

    @property
    def nbytes(self) -> int:
        """Bytes that the entries take together; never more than the budget."""
        return self._bytes

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: K) -> E | None:
        """The entry of a key, which counts as its use; None if there is none."""
        entry = self._entries.get(key)
        if entry is not None:
            self._entries.move_to_end(key)
        return entry

    def put(self, key: K, entry: E) -> None:
        """Keep an entry, at the cost of those used longest ago.

        One that is larger than the whole budget is not kept and evicts nothing.
        """
        self._remove(key)
        if entry.nbytes > self._budget:
            return
        while self._bytes + entry.nbytes > self._budget:
            self._remove(next(iter(self._entries)))
        self._entries[key] = entry
        self._bytes += entry.nbytes

    def drop(self, goes: Callable[[K], bool]) -> None:
        """Forget the entries whose key is one of those that go."""
        for key in [key for key in self._entries if goes(key)]:
            self._remove(key)

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()
        self._bytes = 0

    def _remove(self, key: K) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._bytes -= entry.nbytes
