"""Tensors on disk: what is written is what others read, in one file or in several."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from pixelllm.model.tensor_files import (
    INDEX,
    SINGLE,
    Entry,
    TensorFileError,
    TensorFiles,
    count_numbers,
    write_tensors,
)

TENSORS = {
    "half": torch.randn(3, 5).half(),
    "wide": torch.randn(2, 2),
    "brain": torch.randn(7, 1).bfloat16(),
    "one": torch.tensor(2.5),
    "none": torch.zeros(0, 4),
}


def entries(order: list[str]) -> list[Entry]:
    return [Entry(n, TENSORS[n].shape, TENSORS[n].dtype, TENSORS[n].clone) for n in order]


def test_one_file_is_what_safetensors_reads(tmp_path: Path) -> None:
    written = write_tensors(tmp_path, entries(["half", "wide", "brain", "one", "none"]))

    loaded = load_file(tmp_path / SINGLE)
    assert written == [SINGLE]
    assert loaded.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert loaded[name].dtype == tensor.dtype
        assert torch.equal(loaded[name], tensor)


def test_more_than_a_shard_goes_into_several_files_with_an_index(tmp_path: Path) -> None:
    written = write_tensors(tmp_path, entries(["half", "wide", "brain", "one"]), shard_bytes=32)

    names = [f"model-0000{i}-of-00003.safetensors" for i in (1, 2, 3)]
    index = json.loads((tmp_path / INDEX).read_text())
    assert written == [*names, INDEX]
    assert index["weight_map"] == {
        "half": names[0],
        "wide": names[1],
        "brain": names[1],
        "one": names[2],
    }
    assert index["metadata"]["total_size"] == 30 + 16 + 14 + 4
    files = TensorFiles.of_folder(tmp_path)
    assert all(torch.equal(files.read(name), TENSORS[name]) for name in files)
    assert count_numbers(files) == 15 + 4 + 7 + 1


def test_files_of_an_earlier_writing_go(tmp_path: Path) -> None:
    write_tensors(tmp_path, entries(["half", "wide", "brain"]), shard_bytes=20)

    write_tensors(tmp_path, entries(["wide"]))

    assert [path.name for path in tmp_path.iterdir()] == [SINGLE]


def test_a_tensor_of_another_shape_than_announced_is_a_mistake(tmp_path: Path) -> None:
    entry = Entry("wide", torch.Size([3, 2]), torch.float32, TENSORS["wide"].clone)

    with pytest.raises(ValueError, match="wide came out as"):
        write_tensors(tmp_path, [entry])

    assert not (tmp_path / SINGLE).exists()


def test_a_name_in_two_files_is_refused(tmp_path: Path) -> None:
    for file in ("a.safetensors", "b.safetensors"):
        save_file({"wide": TENSORS["wide"]}, tmp_path / file)

    with pytest.raises(TensorFileError, match=r"wide is in .*a\.safetensors and again in"):
        TensorFiles([tmp_path / "a.safetensors", tmp_path / "b.safetensors"])


@pytest.mark.parametrize(
    ("index", "sentence"),
    [
        ("{", "is no index of tensors"),
        ('{"weight_map": []}', "is no index of tensors"),
        ('{"weight_map": {"a": "gone.safetensors"}}', "has no gone.safetensors"),
        ('{"weight_map": {"a": "../a.safetensors"}}', r"has no \.\./a\.safetensors"),
    ],
)
def test_a_bad_index_is_named(index: str, sentence: str, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    save_file({"a": TENSORS["wide"]}, tmp_path / "a.safetensors")
    (folder / INDEX).write_text(index)

    with pytest.raises(TensorFileError, match=sentence):
        TensorFiles.of_folder(folder)
