"""What is kept of images that were encoded before, so that no image is encoded twice in a row."""

from collections import OrderedDict
from typing import Generic, Protocol, TypeVar


class Sized(Protocol):
    """Something that knows how much memory it takes."""

    @property
    def nbytes(self) -> int:
        """Bytes of memory."""
        ...


E = TypeVar("E", bound=Sized)


class FeatureCache(Generic[E]):
    """The entries used last, as many as a byte budget holds. For one thread.

    An entry that was evicted lives on in the calls that hold it; those bytes do not count.
    """

    def __init__(self, budget_bytes: int) -> None:
        self._budget = budget_bytes
        self._entries: OrderedDict[str, E] = OrderedDict()  # used last comes last
        self._bytes = 0

    @property
    def nbytes(self) -> int:
        """Bytes that the entries take together; never more than the budget."""
        return self._bytes

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, image_id: str) -> E | None:
        """The entry of an image, which counts as its use; None if there is none."""
        entry = self._entries.get(image_id)
        if entry is not None:
            self._entries.move_to_end(image_id)
        return entry

    def put(self, image_id: str, entry: E) -> None:
        """Keep an entry, at the cost of those used longest ago.

        One that is larger than the whole budget is not kept and evicts nothing.
        """
        self._remove(image_id)
        if entry.nbytes > self._budget:
            return
        while self._bytes + entry.nbytes > self._budget:
            self._remove(next(iter(self._entries)))
        self._entries[image_id] = entry
        self._bytes += entry.nbytes

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()
        self._bytes = 0

    def _remove(self, image_id: str) -> None:
        entry = self._entries.pop(image_id, None)
        if entry is not None:
            self._bytes -= entry.nbytes
