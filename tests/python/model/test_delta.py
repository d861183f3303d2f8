"""A trained model as a delta: what comes back, what it shares, and which bases are refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from pixelllm.contract import TrainedModel
from pixelllm.model.checkpoint import Checkpoint, CheckpointError, load_checkpoint
from pixelllm.model.delta import (
    DELTA,
    MODEL,
    SharedBase,
    load_delta,
    read_about,
    write_delta,
)

LEARNED = "point_head."


def about(model_id: str) -> TrainedModel:
    return {
        "id": model_id,
        "description": "Learned in a test.",
        "tasks": ["caption"],
        "frame_size": 1,
        "max_tokens": 1,
        "parameters": 1,
        "base_model": "",
        "base_fingerprint": "",
        "training_job": "job_01k2x8p0h3v5w7y9a1c3e5g7j9",
        "created_at": "2026-11-24T12:00:00Z",
    }


def trained(base: Path, *prefixes: str) -> Checkpoint:
    """A model of a base in which these parts have learned something."""
    checkpoint = load_checkpoint(str(base))
    for name, tensor in checkpoint.model.state_dict().items():
        if name.startswith(prefixes):
            tensor.add_(0.25)
    return checkpoint


def written(base: Path, folder: Path, *prefixes: str) -> Checkpoint:
    """Write such a model to a folder."""
    checkpoint = trained(base, *prefixes)
    tokenizer = (base / "tokenizer.model").read_bytes()
    write_delta(folder, checkpoint.model, tokenizer, base, about(folder.name))
    return checkpoint


def shared_base(folder: Path, dtype: torch.dtype = torch.float32) -> SharedBase:
    return SharedBase.of(load_checkpoint(str(folder), dtype=dtype), folder)


def addresses(tensors: Iterable[Tensor]) -> set[int]:
    return {tensor.untyped_storage().data_ptr() for tensor in tensors}


@pytest.fixture
def base(checkpoint_folder: Path, tmp_path: Path) -> Path:
    """A base that a test may change."""
    folder = tmp_path / "base"
    shutil.copytree(checkpoint_folder, folder)
    return folder


@pytest.fixture
def folder(base: Path, tmp_path: Path) -> Path:
    """A delta over `base` whose point head has learned."""
    where = tmp_path / "seeded-ft"
    written(base, where, LEARNED)
    return where


def test_trained_model_comes_back(base: Path, tmp_path: Path) -> None:
    model = written(base, tmp_path / "mine", LEARNED).model

    loaded = load_delta(tmp_path / "mine", shared_base(base))

    assert (loaded.name, loaded.config) == ("mine", model.config)
    assert not loaded.model.training
    for name, tensor in model.state_dict().items():
        assert torch.equal(loaded.model.state_dict()[name], tensor), name


def test_only_what_was_learned_is_written(folder: Path) -> None:
    names = set(load_file(folder / DELTA))

    assert names
    assert all(name.startswith(LEARNED) for name in names)


def test_everything_else_is_the_memory_of_the_base(base: Path, folder: Path) -> None:
    shared = shared_base(base)

    state = load_delta(folder, shared).model.state_dict()

    own = {name: tensor for name, tensor in state.items() if name.startswith(LEARNED)}
    others = [tensor for name, tensor in state.items() if name not in own]
    assert addresses(others) <= addresses(shared.tensors.values())
    assert not addresses(own.values()) & addresses(shared.tensors.values())


def test_loading_leaves_the_base_as_it_is(base: Path, folder: Path) -> None:
    shared = shared_base(base)
    before = {name: tensor.clone() for name, tensor in shared.tensors.items()}

    load_delta(folder, shared).model.point_head.requires_grad_(True)

    assert all(torch.equal(tensor, before[name]) for name, tensor in shared.tensors.items())
    assert not any(tensor.requires_grad for tensor in shared.tensors.values())


def test_delta_has_the_dtype_of_its_base(base: Path, folder: Path) -> None:
    model = load_delta(folder, shared_base(base, torch.bfloat16)).model

    assert {parameter.dtype for parameter in model.parameters()} == {torch.bfloat16}
    assert {buffer.dtype for buffer in model.buffers()} == {torch.float32}


def test_model_that_shares_a_base_of_less_precision_writes_what_it_learned_alone(
    base: Path, folder: Path, tmp_path: Path
) -> None:
    parent = load_delta(folder, shared_base(base, torch.bfloat16))

    write_delta(tmp_path / "next", parent.model, b"", base, about("next"))

    assert load_file(tmp_path / "next" / DELTA).keys() == load_file(folder / DELTA).keys()


def test_weights_can_be_trained_though_they_were_loaded_to_answer(base: Path, folder: Path) -> None:
    with torch.inference_mode():
        shared = shared_base(base)
        loaded = load_delta(folder, shared)

    tensors = [*shared.tensors.values(), *loaded.model.state_dict().values()]
    assert not any(tensor.is_inference() for tensor in tensors)


def test_model_trained_from_a_trained_one_carries_what_that_had_learned(
    base: Path, folder: Path, tmp_path: Path
) -> None:
    child = load_delta(folder, shared_base(base))
    own = "visual_projection.1.weight"
    state = child.model.state_dict()
    child.model.load_state_dict({**state, own: state[own] + 1}, assign=True)

    write_delta(
        tmp_path / "child",
        child.model,
        (folder / "tokenizer.model").read_bytes(),
        base,
        about("child"),
    )

    loaded = load_delta(tmp_path / "child", shared_base(base)).model.state_dict()
    assert read_about(tmp_path / "child")["base_model"] == "base"
    assert {*load_file(tmp_path / "child" / DELTA)} == {*load_file(folder / DELTA), own}
    assert all(
        torch.equal(loaded[name], tensor) for name, tensor in child.model.state_dict().items()
    )


def test_base_of_another_name_is_refused(base: Path, folder: Path, tmp_path: Path) -> None:
    shutil.copytree(base, tmp_path / "other")

    with pytest.raises(CheckpointError, match="from base and not from other"):
        load_delta(folder, shared_base(tmp_path / "other"))


def test_base_with_other_weights_is_refused(base: Path, folder: Path) -> None:
    weights = load_file(base / "model.safetensors")
    weights["eva.cls_token"][..., 0] += 1
    save_file(weights, base / "model.safetensors")

    with pytest.raises(CheckpointError, match="trained from other weights"):
        load_delta(folder, shared_base(base))


def test_base_may_differ_in_what_the_model_learned(base: Path, folder: Path) -> None:
    weights = load_file(base / "model.safetensors")
    for name in load_file(folder / DELTA):
        weights[name] += 1
    save_file(weights, base / "model.safetensors")

    assert load_delta(folder, shared_base(base)).name == "seeded-ft"


def test_weight_that_neither_has_is_named(base: Path, folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text("utf-8"))
    config["language"]["decoder_layers"] += 1
    (folder / "config.json").write_text(json.dumps(config), "utf-8")

    with pytest.raises(CheckpointError, match=r"lack language\.decoder"):
        load_delta(folder, shared_base(base))


@pytest.mark.parametrize("name", [MODEL, DELTA, "config.json", "tokenizer.model"])
@pytest.mark.parametrize("damage", ["missing", "cut"])
def test_damaged_file_is_named(name: str, damage: str, base: Path, folder: Path) -> None:
    if damage == "missing":
        (folder / name).unlink()
    else:
        (folder / name).write_bytes((folder / name).read_bytes()[:50])

    with pytest.raises(CheckpointError, match=name):
        load_delta(folder, shared_base(base))


@pytest.mark.parametrize("text", ["[]", "{}", '{"id": 5}'])
def test_description_of_something_else_is_named(text: str, base: Path, folder: Path) -> None:
    (folder / MODEL).write_text(text, "utf-8")

    with pytest.raises(CheckpointError, match="does not describe a trained model"):
        load_delta(folder, shared_base(base))
