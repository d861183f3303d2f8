"""Where weights are read from, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from pixelllm.model.checkpoint import CheckpointError
from pixelllm.model.tensor_files import Entry, write_tensors
from pixelllm.weights.sources import find_folder, open_source, read_json

TENSOR = torch.arange(6.0).reshape(2, 3)


def test_a_folder_with_an_index_is_read(tmp_path: Path) -> None:
    entries = [Entry(name, TENSOR.shape, TENSOR.dtype, TENSOR.clone) for name in "ab"]
    write_tensors(tmp_path, entries, shard_bytes=30)

    source = open_source(tmp_path)

    assert source.shapes == {"a": (2, 3), "b": (2, 3)}
    assert torch.equal(source.read("b"), TENSOR)


def test_a_single_file_of_any_name_is_read(tmp_path: Path) -> None:
    save_file({"a": TENSOR}, tmp_path / "sam_vit_h.safetensors")

    for where in (tmp_path, tmp_path / "sam_vit_h.safetensors"):
        assert torch.equal(open_source(where).read("a"), TENSOR)


def test_several_files_without_an_index_are_not_guessed_at(tmp_path: Path) -> None:
    for name in ("one", "two"):
        save_file({"a": TENSOR}, tmp_path / f"{name}.safetensors")

    with pytest.raises(CheckpointError, match=r"has one\.safetensors, two\.safetensors"):
        open_source(tmp_path)


@pytest.mark.parametrize("suffix", ["pth", "pt", "bin", "ckpt", "pkl", "msgpack"])
def test_a_pickle_is_refused_with_what_to_do(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"weights.{suffix}"
    path.write_bytes(b"x")

    with pytest.raises(CheckpointError, match=r"safetensors\.torch\.save_file"):
        find_folder(str(path))
    with pytest.raises(CheckpointError, match=rf"weights\.{suffix} is not read here"):
        open_source(tmp_path)


def test_a_place_that_is_not_there_is_named() -> None:
    with pytest.raises(CheckpointError, match=r"there is no nowhere\.safetensors"):
        find_folder("nowhere.safetensors")


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="has no safetensors file"):
        open_source(tmp_path)


def test_a_file_that_is_cut_off_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    save_file({"a": TENSOR}, path)
    path.write_bytes(path.read_bytes()[:-4])

    with pytest.raises(CheckpointError, match=r"a\.safetensors is no complete safetensors file"):
        open_source(path)


@pytest.mark.parametrize("text", ["{", "[1]"])
def test_a_configuration_that_is_none_is_named(text: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(text)

    with pytest.raises(CheckpointError, match=r"config\.json"):
        read_json(tmp_path / "config.json")
