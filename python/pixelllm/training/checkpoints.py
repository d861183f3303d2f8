"""The checkpoints of a run: each a folder that is there as a whole or not at all.

    checkpoints/step-00001000/
        training.safetensors    what has been learned, and the optimiser's moments
        state.json              the step and everything else that a run goes on from

A folder is written aside under another name, brought to the disk, and renamed; nothing in it is
changed afterwards. So weights and state are always of one step, wherever a process is killed.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from pixelllm.model.tensor_files import Entry, write_tensor_file

TENSORS, STATE = "training.safetensors", "state.json"
NAME: Final = re.compile(r"^step-(\d{8})$")
ASIDE: Final = ".new"  # behind the name of a folder that is being written
REPLACED: Final = ".old"  # and of one that another is about to replace


class CheckpointsError(Exception):
    """Checkpoints that cannot be read; the message is one sentence that says what to do."""


@dataclass(frozen=True)
class Kept:
    """A checkpoint on disk; `score` ranks it, less is better, and is None where it has none."""

    folder: Path
    step: int
    score: float | None


class Checkpoints:
    """Those of one run: the last few, and the best."""

    def __init__(self, folder: Path, keep: int) -> None:
        self.folder = folder
        self.keep = keep

    def save(
        self,
        step: int,
        tensors: Mapping[str, Tensor],
        state: Mapping[str, Any],
        score: float | None,
    ) -> Path:
        """Write the checkpoint of a step, if it is not there, and let go of those not to be kept.

        Args:
            state: JSON values.
        """
        target = self.folder / f"step-{step:08d}"
        if not target.exists():

            def fill(folder: Path) -> None:
                entries = [Entry(n, t.shape, t.dtype, t.detach) for n, t in tensors.items()]
                write_tensor_file(folder / TENSORS, entries)
                text = json.dumps({**state, "step": step, "score": score}, indent=2)
                (folder / STATE).write_text(text + "\n", "utf-8")

            write_folder(target, fill)
        self._clear()
        return target

    def all(self) -> list[Kept]:
        """Every whole checkpoint, by step."""
        if not self.folder.is_dir():
            return []
        found = []
        for folder in sorted(self.folder.iterdir()):
            match = NAME.match(folder.name)
            if match:
                found.append(Kept(folder, int(match[1]), _state_of(folder)["score"]))
        return found

    def latest(self) -> Kept | None:
        """The checkpoint of the last step."""
        return max(self.all(), key=lambda kept: kept.step, default=None)

    def best(self) -> Kept | None:
        """The checkpoint with the least score; the later of two."""
        scored = [(kept.score, -kept.step, kept) for kept in self.all() if kept.score is not None]
        return min(scored)[2] if scored else None

    def _clear(self) -> None:
        kept = self.all()
        best = self.best()
        for one in kept[: max(0, len(kept) - self.keep)]:
            if best is None or one.step != best.step:
                remove_folder(one.folder)
        for leftover in self.folder.glob(f"*{ASIDE}"):
            shutil.rmtree(leftover)
        for leftover in self.folder.glob(f"*{REPLACED}"):
            shutil.rmtree(leftover)


def read_checkpoint(kept: Kept) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Its tensors and its state.

    Raises:
        CheckpointsError: it is damaged.
    """
    try:
        return load_file(kept.folder / TENSORS), _state_of(kept.folder)
    except (SafetensorError, OSError) as error:
        raise CheckpointsError(
            f"{kept.folder} is damaged ({error}): remove it to go on from the one before"
        ) from error


def _state_of(folder: Path) -> dict[str, Any]:
    try:
        state: dict[str, Any] = json.loads((folder / STATE).read_text("utf-8"))
    except (ValueError, OSError) as error:
        raise CheckpointsError(
            f"{folder} is damaged ({error}): remove it to go on from the one before"
        ) from error
    return state


def write_folder(target: Path, fill: Callable[[Path], None]) -> None:
    """Write a folder as a whole; where there is one of that name, it is replaced.

    Between the two renames of a replacement there is none of that name for a moment: a folder that
    has to be there always gets a new name each time.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(target.name + ASIDE)
    with suppress(FileNotFoundError):
        shutil.rmtree(aside)
    aside.mkdir()
    try:
        fill(aside)
        for path in aside.iterdir():
            sync(path)
        sync(aside)
    except BaseException:  # such as a full disk, which has more room without it
        shutil.rmtree(aside, ignore_errors=True)
        raise
    if target.exists():
        remove_folder(target)
    aside.rename(target)
    sync(target.parent)


def remove_folder(folder: Path) -> None:
    """Remove a folder, which is gone under its name at once."""
    gone = folder.with_name(folder.name + REPLACED)
    folder.rename(gone)
    shutil.rmtree(gone)


def write_file(path: Path, text: str) -> None:
    """Write a file as a whole, in place of one that is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(path.name + ASIDE)
    aside.write_text(text, "utf-8")
    sync(aside)
    aside.replace(path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Bring a file, or the names in a folder, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
