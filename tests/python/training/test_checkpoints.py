"""Checkpoints are whole wherever their writer is killed, and those worth keeping are kept."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from pixelllm.training import checkpoints
from pixelllm.training.checkpoints import (
    Checkpoints,
    CheckpointsError,
    read_checkpoint,
    write_file,
    write_folder,
)


def save(kept: Checkpoints, step: int, score: float | None = None) -> None:
    kept.save(step, {"x": torch.full((3,), float(step))}, {"note": f"of {step}"}, score)


def steps(kept: Checkpoints) -> list[int]:
    return [one.step for one in kept.all()]


def test_what_was_saved_is_read(tmp_path: Path) -> None:
    kept = Checkpoints(tmp_path, keep=3)
    save(kept, 12, score=0.5)

    latest = kept.latest()

    assert latest
    tensors, state = read_checkpoint(latest)
    assert tensors["x"].tolist() == [12.0, 12.0, 12.0]
    assert state == {"note": "of 12", "step": 12, "score": 0.5}


def test_a_new_run_has_none(tmp_path: Path) -> None:
    kept = Checkpoints(tmp_path / "none", keep=3)

    assert (kept.latest(), kept.best()) == (None, None)


def test_the_last_and_the_best_are_kept(tmp_path: Path) -> None:
    kept = Checkpoints(tmp_path, keep=2)

    for step, score in [(1, 0.9), (2, 0.2), (3, 0.8), (4, None), (5, 0.7)]:
        save(kept, step, score)

    assert steps(kept) == [2, 4, 5]
    best = kept.best()
    assert best
    assert best.step == 2


def test_of_equally_good_ones_the_later_is_the_best(tmp_path: Path) -> None:
    kept = Checkpoints(tmp_path, keep=2)
    for step in (1, 2):
        save(kept, step, score=0.5)

    best = kept.best()

    assert best
    assert best.step == 2


def test_a_step_is_saved_once(tmp_path: Path) -> None:
    kept = Checkpoints(tmp_path, keep=2)
    save(kept, 1, score=0.5)

    kept.save(1, {}, {}, None)

    assert kept.all()[0].score == 0.5


def test_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    kept = Checkpoints(tmp_path, keep=2)
    save(kept, 1)
    path = tmp_path / "step-00000001" / "training.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    (one,) = kept.all()

    with pytest.raises(CheckpointsError, match=r"step-00000001 is damaged.*the one before"):
        read_checkpoint(one)


def killed_at(operation: int, act: Callable[[], None]) -> bool:
    """Do something in a process that is killed before its n-th change on disk; whether it was.

    Changes are what the writers call: opening, bringing to disk, renaming, removing.
    """
    child = os.fork()
    if child == 0:
        left = operation

        def counted(function: Callable[..., Any]) -> Callable[..., Any]:
            def run(*arguments: Any, **named: Any) -> Any:
                nonlocal left
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                left -= 1
                return function(*arguments, **named)

            return run

        os.fsync = counted(os.fsync)
        shutil.rmtree = counted(shutil.rmtree)  # type: ignore[assignment]
        Path.rename = counted(Path.rename)  # type: ignore[method-assign]
        Path.replace = counted(Path.replace)  # type: ignore[method-assign]
        Path.mkdir = counted(Path.mkdir)  # type: ignore[method-assign]
        Path.write_text = counted(Path.write_text)  # type: ignore[method-assign]
        name = "write_tensor_file"
        vars(checkpoints)[name] = counted(vars(checkpoints)[name])
        status = 1
        try:
            act()
            status = 0
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return True
    assert os.WEXITSTATUS(status) == 0
    return False


def test_wherever_the_writer_is_killed_the_last_checkpoint_is_whole(tmp_path: Path) -> None:
    kills = 0
    while True:
        folder = tmp_path / str(kills)
        kept = Checkpoints(folder, keep=1)
        save(kept, 1)
        if not killed_at(kills, lambda k=kept: save(k, 2)):  # type: ignore[misc]
            break
        latest = kept.latest()
        assert latest
        tensors, state = read_checkpoint(latest)
        assert tensors["x"].tolist() == [float(state["step"])] * 3
        save(kept, 3)
        assert steps(kept) == [3]
        assert [path.name for path in folder.iterdir()] == ["step-00000003"]
        kills += 1

    assert kills > 8


def test_wherever_its_writer_is_killed_a_file_is_the_old_or_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    write_file(path, "old")
    kills = 0

    while killed_at(kills, lambda: write_file(path, "new")):
        assert path.read_text("utf-8") in {"old", "new"}
        kills += 1

    assert kills > 2
    assert path.read_text("utf-8") == "new"


def test_a_folder_is_replaced(tmp_path: Path) -> None:
    for text in ("old", "new"):
        write_folder(
            tmp_path / "model",
            lambda folder, t=text: (folder / "x").write_text(t, "utf-8"),  # type: ignore[misc]
        )

    assert (tmp_path / "model" / "x").read_text("utf-8") == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
