"""Several processes train as one does: two real ones, over gloo."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from pixelllm.training.team import Team
from pixelllm.training.trainer import StepReport, Trainer
from tests.python.training.small_training import (
    ALONE,
    STEPS,
    joint_batch,
    joint_steps,
    masks_steps,
)

ROOT = Path(__file__).parents[3]
CLOSE = 1e-4


@pytest.fixture(scope="module", params=["whole", "sharded"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two processes wrote, with the model in each of them or spread over both."""
    folder = tmp_path_factory.mktemp(request.param)
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m"]
    subprocess.run(
        [sys.executable, *launch, "tests.python.training.small_training", folder, request.param],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": f"{ROOT / 'python'}:{ROOT}"},
        cwd=ROOT,
        check=True,
        timeout=600,
    )
    return folder


@pytest.fixture(scope="module")
def alone() -> tuple[Trainer, list[StepReport]]:
    """One process that had all of every batch."""
    return joint_steps(ALONE, STEPS)


def reports(folder: Path, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((folder / "reports.json").read_text("utf-8"))[name]
    return found


def check_same(found: list[dict[str, Any]], expected: list[dict[str, Any]]) -> None:
    assert len(found) == len(expected)
    for mine, theirs in zip(found, expected, strict=True):
        assert mine["losses"] == pytest.approx(theirs["losses"], rel=CLOSE, abs=CLOSE)
        assert mine["gradient_norm"] == pytest.approx(theirs["gradient_norm"], rel=CLOSE)


def check_learned(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    """Weights and moments; means of gradients in parts of the largest.

    But for the biases of keys: their gradient is the rounding of zero, of which Adam's first steps
    take the sign.
    """
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        if name.endswith("k_proj.bias"):
            continue
        scale = value.abs().max().clamp(min=1e-2) if "/exp_avg/" in name else 1.0
        difference = (found[name] - value).abs().max() / scale
        assert difference <= CLOSE, f"{name}: {difference}"


def test_two_processes_learn_the_same_of_all_tasks(
    run: Path, alone: tuple[Trainer, list[StepReport]]
) -> None:
    trainer, expected = alone

    check_same(reports(run, "joint"), [asdict(report) for report in expected])
    check_learned(load_file(run / "joint.safetensors"), trainer.state())


def test_two_processes_learn_the_same_of_masks(run: Path) -> None:
    trainer, expected = masks_steps(ALONE, 2)

    check_same(reports(run, "masks"), [asdict(report) for report in expected])
    check_learned(load_file(run / "masks.safetensors"), trainer.state())


def test_two_processes_validate_as_one_does(
    run: Path, alone: tuple[Trainer, list[StepReport]]
) -> None:
    trainer, _ = alone

    found = json.loads((run / "reports.json").read_text("utf-8"))["validation"]

    assert found == pytest.approx(trainer.validate([joint_batch("ref")]), rel=CLOSE, abs=CLOSE)


def test_a_process_of_its_own_is_a_team_of_one() -> None:
    team = Team.join("cpu")

    assert team == Team(torch.device("cpu"), rank=0, ranks=1)
    assert team.leads
    assert not team.agree(False)
