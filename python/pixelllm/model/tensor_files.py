"""Tensors on disk in safetensors files, read and written one at a time.

A folder has either one file, `model.safetensors`, or several with an index, in the form that
`transformers` gives them: `model-00001-of-00008.safetensors`, `model.safetensors.index.json`. Only
one tensor has to be in memory at a time, on either side.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from torch import Tensor

SINGLE, INDEX = "model.safetensors", "model.safetensors.index.json"
SHARD_BYTES: Final = 2**30

DTYPES: Final = {  # by their names in the files
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
NAMES: Final = {dtype: name for name, dtype in DTYPES.items()}


class TensorFileError(Exception):
    """A file that does not hold tensors as it should; the message is one sentence that names it."""


@dataclass(frozen=True)
class Stored:
    """A tensor in a file, as the file's header describes it; `offset` is its first byte."""

    path: Path
    shape: torch.Size
    dtype: torch.dtype
    offset: int


class TensorFiles(Mapping[str, Stored]):
    """The tensors of some safetensors files, by name.

    Raises:
        TensorFileError: a file is none, is cut off, or repeats a name of another.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._stored: dict[str, Stored] = {}
        for path in paths:
            for name, stored in _headers(path):
                if name in self._stored:
                    raise TensorFileError(
                        f"{name} is in {self._stored[name].path} and again in {path}"
                    )
                self._stored[name] = stored

    @classmethod
    def of_folder(cls, folder: Path) -> TensorFiles:
        """The tensors of a folder with one file or an index.

        Raises:
            TensorFileError: it has neither, or a file that the index names is missing.
        """
        if (folder / SINGLE).is_file():
            return cls([folder / SINGLE])
        return cls(_indexed(folder))

    def __getitem__(self, name: str) -> Stored:
        return self._stored[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._stored)

    def __len__(self) -> int:
        return len(self._stored)

    def read(self, name: str) -> Tensor:
        """One tensor, in memory of its own.

        The file is read and not mapped, as safetensors does it: from a disk whose pages are not in
        memory, page faults were eight times slower.
        """
        stored = self._stored[name]
        tensor = torch.empty(stored.shape, dtype=stored.dtype)
        memory = memory_of(tensor)
        with stored.path.open("rb") as file:
            file.seek(stored.offset)
            if file.readinto(memory) != memory.nbytes:
                raise TensorFileError(f"{stored.path} has become shorter while it was read")
        return tensor


def has_tensors(folder: Path) -> bool:
    """Whether a folder has a file of tensors, or an index of several."""
    return (folder / SINGLE).is_file() or (folder / INDEX).is_file()


def _headers(path: Path) -> Iterator[tuple[str, Stored]]:
    try:
        with safe_open(path, framework="pt"):
            pass  # it checks the header, all offsets and the length of the file
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(length))
    except (SafetensorError, OSError) as error:
        raise TensorFileError(f"{path} is no complete safetensors file: {error}") from error
    header.pop("__metadata__", None)
    for name, about in header.items():
        dtype = DTYPES.get(about["dtype"])
        if dtype is None:
            raise TensorFileError(
                f"{name} in {path} is of {about['dtype']}, which is not read here"
            )
        offset = 8 + length + about["data_offsets"][0]
        yield name, Stored(path, torch.Size(about["shape"]), dtype, offset)


def _indexed(folder: Path) -> list[Path]:
    index = folder / INDEX
    if not index.is_file():
        raise TensorFileError(f"{folder} has no {SINGLE}: it is not a complete checkpoint")
    try:
        names = sorted(set(json.loads(index.read_text("utf-8"))["weight_map"].values()))
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise TensorFileError(f"{index} is no index of tensors: {error}") from error
    for name in names:
        # A name with a folder in it would lead out of the checkpoint.
        if Path(name).name != name or not (folder / name).is_file():
            raise TensorFileError(f"{folder} has no {name}, which {INDEX} names")
    return [folder / name for name in names]


@dataclass(frozen=True)
class Entry:
    """A tensor to write: `make` is called when its turn comes, and what it returns is let go."""

    name: str
    shape: torch.Size
    dtype: torch.dtype
    make: Callable[[], Tensor]

    @property
    def nbytes(self) -> int:
        """Bytes that it takes in the file."""
        return self.shape.numel() * self.dtype.itemsize


def write_tensors(
    folder: Path, entries: Iterable[Entry], shard_bytes: int = SHARD_BYTES
) -> list[str]:
    """Write tensors to a folder, as one file if they fit into `shard_bytes`, else as several.

    Every file is written aside and gets its name when all are whole; files of an earlier writing
    that are none of these go.

    Returns:
        The names of the files, the index last where there is one.
    """
    shards = _shards(entries, shard_bytes)
    count = len(shards)
    names = (
        [SINGLE]
        if count == 1
        else [f"model-{number:05d}-of-{count:05d}.safetensors" for number in range(1, count + 1)]
    )
    for name, shard in zip(names, shards, strict=True):
        with (folder / (name + ".new")).open("wb") as file:
            _write_shard(file, shard)
    if count > 1:
        _write_index(folder / (INDEX + ".new"), names, shards)
        names.append(INDEX)
    for name in names:
        (folder / (name + ".new")).rename(folder / name)
    for path in [*folder.glob("model-*-of-*.safetensors"), folder / SINGLE, folder / INDEX]:
        if path.name not in names:
            path.unlink(missing_ok=True)
    return names


def write_tensor_file(path: Path, entries: Iterable[Entry]) -> None:
    """Write tensors to one file, which gets its name when it is whole."""
    aside = path.with_name(path.name + ".new")
    with aside.open("wb") as file:
        _write_shard(file, list(entries))
    aside.rename(path)


def _shards(entries: Iterable[Entry], limit: int) -> list[list[Entry]]:
    shards: list[list[Entry]] = [[]]
    size = 0
    for entry in entries:
        if shards[-1] and size + entry.nbytes > limit:
            shards.append([])
            size = 0
        shards[-1].append(entry)
        size += entry.nbytes
    return shards


def _write_shard(file: BinaryIO, entries: list[Entry]) -> None:
    # Wide numbers first: every tensor then begins at a multiple of its own width.
    entries = sorted(entries, key=lambda entry: -entry.dtype.itemsize)
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    offset = 0
    for entry in entries:
        header[entry.name] = {
            "dtype": NAMES[entry.dtype],
            "shape": list(entry.shape),
            "data_offsets": [offset, offset + entry.nbytes],
        }
        offset += entry.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    file.write(len(text).to_bytes(8, "little"))
    file.write(text)
    for entry in entries:
        file.write(memory_of(_made(entry)))


def _made(entry: Entry) -> Tensor:
    tensor = entry.make()
    if tensor.shape != entry.shape:
        raise ValueError(f"{entry.name} came out as {tuple(tensor.shape)}, not {entry.shape}")
    return tensor.detach().to("cpu", entry.dtype).contiguous()


def memory_of(tensor: Tensor) -> memoryview:
    """The bytes of a contiguous tensor, to read or to write."""
    array: NDArray[np.uint8] = tensor.view(-1).view(torch.uint8).numpy()
    return array.data


def _write_index(path: Path, names: list[str], shards: list[list[Entry]]) -> None:
    index = {
        "metadata": {"total_size": sum(entry.nbytes for shard in shards for entry in shard)},
        "weight_map": {
            entry.name: name for name, shard in zip(names, shards, strict=True) for entry in shard
        },
    }
    path.write_text(json.dumps(index, indent=1) + "\n", "utf-8")


def count_numbers(files: Mapping[str, Stored]) -> int:
    """How many numbers the tensors have in all."""
    return sum(math.prod(stored.shape) for stored in files.values())
