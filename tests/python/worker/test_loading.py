"""From settings to a model, and what is said where there is none."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from pixelllm.contract import WorkerSettings
from pixelllm.model.checkpoint import Checkpoint, CheckpointError
from pixelllm.tasks.errors import TaskError
from pixelllm.worker.loading import (
    card_summary,
    choose_device,
    choose_dtype,
    describe_model,
    load_model,
)


def settings(model: Path) -> WorkerSettings:
    return {
        "model": str(model),
        "models": [],
        "device": "auto",
        "dtype": "auto",
        "threads": None,
        "slab": {"path": "unused", "bytes": 1, "spill_path": "unused"},
        "host_pid": 1,
        "max_queue": 1,
        "max_batch": 1,
        "feature_cache_bytes": 0,
    }


def test_model_is_loaded_for_answering(checkpoint_folder: Path) -> None:
    checkpoint = load_model(settings(checkpoint_folder))

    assert not checkpoint.model.training
    assert not any(p.requires_grad for p in checkpoint.model.parameters())


@pytest.fixture
def _threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("_threads")
def test_small_model_runs_on_one_thread_unless_told_otherwise(checkpoint_folder: Path) -> None:
    torch.set_num_threads(3)

    load_model(settings(checkpoint_folder))
    unset = torch.get_num_threads()
    load_model({**settings(checkpoint_folder), "threads": 2})

    assert (unset, torch.get_num_threads()) == (1, 2)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.model"])
@pytest.mark.parametrize("damage", ["missing", "cut"])
def test_damaged_checkpoint_is_named(
    name: str, damage: str, checkpoint_folder: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "damaged"
    shutil.copytree(checkpoint_folder, folder)
    if damage == "missing":
        (folder / name).unlink()
    else:
        (folder / name).write_bytes((folder / name).read_bytes()[:50])

    with pytest.raises(CheckpointError, match=name):
        load_model(settings(folder))


def test_checkpoint_of_another_width_is_refused(checkpoint_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "other"
    shutil.copytree(checkpoint_folder, folder)
    config = json.loads((folder / "config.json").read_text("utf-8"))
    config["language"]["mlp_dim"] += 1
    (folder / "config.json").write_text(json.dumps(config), "utf-8")

    with pytest.raises(CheckpointError, match="in the weights"):
        load_model(settings(folder))


def test_cpu_is_always_there() -> None:
    assert choose_device("cpu").type == "cpu"


@pytest.mark.parametrize(("there", "device"), [(True, "cuda"), (False, "cpu")])
def test_auto_takes_cuda_where_there_is_one(
    there: bool, device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)

    assert choose_device("auto").type == device
    assert choose_device("cpu").type == "cpu"


@pytest.mark.parametrize(
    ("name", "device", "weights", "dtype"),
    [
        ("auto", "cpu", 4_000_000, torch.float32),
        ("auto", "cpu", 3_900_000_000, torch.bfloat16),
        ("auto", "cuda", 4_000_000, torch.bfloat16),
        ("float32", "cuda", 3_900_000_000, torch.float32),
        ("bfloat16", "cpu", 4_000_000, torch.bfloat16),
    ],
)
def test_dtype_goes_by_device_and_size_unless_it_is_named(
    name: str, device: str, weights: int, dtype: torch.dtype
) -> None:
    assert choose_dtype(name, torch.device(device), weights) == dtype


def test_model_is_loaded_in_the_dtype_that_is_named(checkpoint_folder: Path) -> None:
    checkpoint = load_model({**settings(checkpoint_folder), "dtype": "bfloat16"})

    assert describe_model(checkpoint)["dtype"] == "bfloat16"


def test_cuda_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)

    with pytest.raises(TaskError) as caught:
        choose_device("cuda")

    assert caught.value.code == "model_unavailable"


def test_description_counts_the_weights_of_the_file(
    checkpoint: Checkpoint, checkpoint_folder: Path
) -> None:
    stored = load_file(checkpoint_folder / "model.safetensors")
    fixed = dict(checkpoint.model.named_buffers())

    learned = sum(tensor.numel() for name, tensor in stored.items() if name not in fixed)

    assert describe_model(checkpoint)["parameters"] == learned


@pytest.mark.parametrize(
    ("card", "summary"),
    [
        ("", ""),
        ("# Title\n", ""),
        ("# Title\n\nTrained on\nscenes.\n\nMore.", "Trained on scenes."),
        ("---\nlicense: x\n\nb: c\n---\n# T\n\n![a](b)\n\nWords.\n", "Words."),
        ("| a |\n\n- b\n\n**Bold** is prose too\n", ""),
    ],
)
def test_summary_is_the_first_paragraph_of_prose(card: str, summary: str) -> None:
    assert card_summary(card) == summary
