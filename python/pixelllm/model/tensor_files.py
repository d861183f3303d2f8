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

# Names of the file format, which does not know torch's.
FORMAT_DTYPES: Final = {
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
}
STORED_BYTES: Final = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4}


class TensorFileError(Exception):
    """A file that does not hold tensors as it should; the message is one sentence that names it."""


@dataclass(frozen=True)
class Stored:
    """A tensor in a file, as the file's header describes it."""

    path: Path
    shape: torch.Size
    dtype: str

    @property
    def nbytes(self) -> int:
        """Bytes that it takes in the file."""
        return self.shape.numel() * STORED_BYTES.get(self.dtype, 1)


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
        """One tensor. It may be a view of the mapped file: copy what is to outlast the file."""
        path = self._stored[name].path
        try:
            # Opened for each tensor, so that no page of the others stays in memory.
            with safe_open(path, framework="pt") as file:
                tensor: Tensor = file.get_tensor(name)
                return tensor
        except (SafetensorError, OSError) as error:
            raise TensorFileError(f"{path} is no complete safetensors file: {error}") from error


def has_tensors(folder: Path) -> bool:
    """Whether a folder has a file of tensors, or an index of several."""
    return (folder / SINGLE).is_file() or (folder / INDEX).is_file()


def _headers(path: Path) -> Iterator[tuple[str, Stored]]:
    try:
        with safe_open(path, framework="pt") as file:
            for name in file.keys():  # noqa: SIM118  # not a mapping
                part = file.get_slice(name)
                yield name, Stored(path, torch.Size(part.get_shape()), part.get_dtype())
    except (SafetensorError, OSError) as error:
        raise TensorFileError(f"{path} is no complete safetensors file: {error}") from error


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
            "dtype": FORMAT_DTYPES[entry.dtype],
            "shape": list(entry.shape),
            "data_offsets": [offset, offset + entry.nbytes],
        }
        offset += entry.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    file.write(len(text).to_bytes(8, "little"))
    file.write(text)
    for entry in entries:
        file.write(_bytes_of(entry))


def _bytes_of(entry: Entry) -> memoryview:
    tensor = entry.make()
    if tensor.shape != entry.shape:
        raise ValueError(f"{entry.name} came out as {tuple(tensor.shape)}, not {entry.shape}")
    tensor = tensor.detach().to("cpu", entry.dtype).contiguous()
    array: NDArray[np.uint8] = tensor.reshape(-1).view(torch.uint8).numpy()
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
