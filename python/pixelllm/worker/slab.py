"""Reading the images that the gateway wrote into shared memory."""

import mmap
from pathlib import Path

from pixelllm.contract import Slab


class SlabReader:
    """The slab, mapped read-only. For any thread.

    Args:
        slab: where it is. An image that found no room in it is a file in `spill_path`.
    """

    def __init__(self, slab: Slab) -> None:
        self._size = slab["bytes"]
        self._spill = Path(slab["spill_path"])
        with Path(slab["path"]).open("rb") as file:
            self._memory = mmap.mmap(file.fileno(), self._size, access=mmap.ACCESS_READ)

    def read(self, offset: int, length: int) -> bytes:
        """A copy of `length` bytes at `offset`; from the slab's end on, of the file of that name.

        Raises:
            ValueError: there are not as many bytes.
            OSError: there is no such file.
        """
        if offset < 0 or length < 1:
            raise ValueError(f"no image can have {length} bytes at {offset}")
        if offset >= self._size:
            data = (self._spill / str(offset)).read_bytes()
        else:
            data = self._memory[offset : offset + length]
        if len(data) != length:
            raise ValueError(f"there are {len(data)} bytes at {offset}, not {length}")
        return data
