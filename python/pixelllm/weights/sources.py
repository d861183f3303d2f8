"""Where weights come from: a safetensors file, a folder of them, a Flax tree, a name on the hub.

Nothing here reads a pickle: loading one runs whatever its author put into it.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor

from pixelllm.model.checkpoint import CheckpointError
from pixelllm.model.tensor_files import TensorFileError, TensorFiles, has_tensors
from pixelllm.weights.hub import download, is_hub_name
from pixelllm.weights.recipe import Source

PICKLES: Final = (".pth", ".pt", ".bin", ".ckpt", ".pkl", ".msgpack", ".h5")
WHY_NOT: Final = "since it can be a pickle, which runs what its author put into it"
HOW_TO_CONVERT: Final = (
    "convert it where you trust it, with safetensors.torch.save_file(state, 'model.safetensors'), "
    "state being the names and tensors that torch.load(path, weights_only=True) or "
    "flax.traverse_util.flatten_dict(params, sep='/') gives"
)
NPZ_DTYPES: Final = ("float32", "float16", "float64")


class SafetensorsSource:
    """Tensors of safetensors files."""

    def __init__(self, where: str, files: TensorFiles) -> None:
        self.where = where
        self._files = files
        self._shapes = {name: stored.shape for name, stored in files.items()}

    @property
    def shapes(self) -> Mapping[str, torch.Size]:
        """Every name, with its shape."""
        return self._shapes

    def read(self, name: str) -> Tensor:
        """One tensor."""
        return self._files.read(name)


class NpzSource:
    """Arrays of a `.npz` file, each read from it when its turn comes.

    Raises:
        CheckpointError: it is none, or an array is no float; names it.
    """

    def __init__(self, path: Path) -> None:
        self.where = str(path)
        self._path = path
        self._shapes = dict(self._headers())

    @property
    def shapes(self) -> Mapping[str, torch.Size]:
        """Every name, with its shape."""
        return self._shapes

    def read(self, name: str) -> Tensor:
        """One tensor."""
        with np.load(self._path, allow_pickle=False) as file:
            return torch.from_numpy(file[name])

    def _headers(self) -> Iterator[tuple[str, torch.Size]]:
        try:
            with zipfile.ZipFile(self._path) as archive:
                for member in archive.namelist():
                    name = member.removesuffix(".npy")
                    with archive.open(member) as file:
                        version = np.lib.format.read_magic(file)
                        read = (
                            np.lib.format.read_array_header_1_0
                            if version == (1, 0)
                            else np.lib.format.read_array_header_2_0
                        )
                        shape, _, dtype = read(file)
                    if dtype.name not in NPZ_DTYPES:
                        raise CheckpointError(
                            f"{name} of {self.where} is {dtype}: write it as float32, with "
                            "numpy.asarray(value, 'float32')"
                        )
                    yield name, torch.Size(shape)
        except (zipfile.BadZipFile, ValueError, OSError) as error:
            raise CheckpointError(f"{self.where} is no complete .npz file: {error}") from error


def find_folder(where: str) -> Path:
    """The folder or file of that name, downloaded first if it is a name on the hub.

    Raises:
        CheckpointError: there is none, or it is a pickle.
    """
    path = Path(where).expanduser()
    if not path.exists() and is_hub_name(where):
        return download(where)
    if path.suffix in PICKLES:
        raise CheckpointError(f"{path} is not read here, {WHY_NOT}: {HOW_TO_CONVERT}")
    if not path.exists():
        raise CheckpointError(f"there is no {path}: give a folder, a .safetensors file or a name")
    return path


def open_source(path: Path) -> Source:
    """The tensors of a folder or file.

    Raises:
        CheckpointError: there are none that can be read here.
    """
    try:
        if path.suffix == ".npz":
            return NpzSource(path)
        if path.is_file():
            return SafetensorsSource(str(path), TensorFiles([path]))
        return SafetensorsSource(str(path), _of_folder(path))
    except TensorFileError as error:
        raise CheckpointError(str(error)) from error


def _of_folder(folder: Path) -> TensorFiles:
    if has_tensors(folder):
        return TensorFiles.of_folder(folder)
    files = sorted(folder.glob("*.safetensors"))
    if len(files) == 1:
        return TensorFiles(files)
    if files:
        names = ", ".join(path.name for path in files)
        raise CheckpointError(f"{folder} has {names}, and no index: name the one to read")
    pickles = sorted(path.name for path in folder.iterdir() if path.suffix in PICKLES)
    if pickles:
        raise CheckpointError(
            f"{folder} has no safetensors file, and {pickles[0]} is not read here, {WHY_NOT}: "
            f"{HOW_TO_CONVERT}"
        )
    raise CheckpointError(f"{folder} has no safetensors file")


def read_json(path: Path) -> dict[str, object]:
    """The object in a JSON file.

    Raises:
        CheckpointError: there is no such file, or no object in it.
    """
    try:
        values = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise CheckpointError(f"there is no {path}") from error
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} cannot be read: {error}") from error
    if not isinstance(values, dict):
        raise CheckpointError(f"{path} holds no object")
    return values
