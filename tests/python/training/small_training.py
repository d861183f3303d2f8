"""Small training runs on the goldens' models and batches.

`python -m tests.python.training.small_training FOLDER [sharded]` does the steps of `STEPS` in each
of the processes that torchrun starts, on its share of every batch, and writes what came out.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final

import torch
from safetensors.torch import save_file

from pixelllm.model.pixelllm import PixelLLM
from pixelllm.training.batch import Batch
from pixelllm.training.overrides import override
from pixelllm.training.recipes import Recipe, recipe
from pixelllm.training.starting import prepare
from pixelllm.training.team import Team
from pixelllm.training.trainer import StepReport, Trainer, split_batch
from tests.python.goldens import Golden
from tests.python.model.small import SAMPLING, batch_of
from tests.python.model.small_detector import captioner
from tests.python.model.test_masks import segmenter

ALONE: Final = Team(torch.device("cpu"))
STEPS: Final = ("det", "ref", "trace", "ref")  # the batches of a run of `joint`
EXACT: Final = (  # what can be repeated to the last digits
    "machine.precision=float32",
    "optimiser.warm_up=0",
    "optimiser.learning_rate=1e-4",
    "objective.regions=5",
)


def joint_model() -> PixelLLM:
    """The model of the joint goldens."""
    return captioner(Golden("full_joint_params"))


def joint_batch(task: str) -> Batch:
    """A batch of two images that teaches "trace", "ref" or "det"."""
    return batch_of(Golden(f"full_joint_{task}"), Golden("full_joint_params"))


def masks_model() -> PixelLLM:
    """The model of the goldens of masks."""
    return segmenter(Golden("full_refseg_train"))


def masks_batch() -> Batch:
    """A batch of two images with masks."""
    return batch_of(Golden("full_refseg_train"))


def small_recipe(name: str, *assignments: str) -> Recipe:
    """A recipe without chance, on two images a step."""
    found = override(recipe(name, "t5"), [*EXACT, "batch_size=2", "steps=20", *assignments])
    return replace(found, objective=replace(found.objective, sampling=SAMPLING))


def trainer_of(model: PixelLLM, chosen: Recipe, team: Team = ALONE) -> Trainer:
    """A trainer at its first step."""
    prepare(model, chosen)
    return Trainer(model, chosen, team)


def joint_steps(
    team: Team, tasks: Sequence[str], *assignments: str
) -> tuple[Trainer, list[StepReport]]:
    """Some steps of `joint`, of this process's share of the batches."""
    trainer = trainer_of(joint_model(), small_recipe("joint", *assignments), team)
    return trainer, [trainer.train_step(share(joint_batch(task), team)) for task in tasks]


def masks_steps(team: Team, count: int, *assignments: str) -> tuple[Trainer, list[StepReport]]:
    """Some steps of `refseg`."""
    trainer = trainer_of(masks_model(), small_recipe("refseg", *assignments), team)
    return trainer, [trainer.train_step(share(masks_batch(), team)) for _ in range(count)]


def share(batch: Batch, team: Team) -> Batch:
    """A process's part of a batch."""
    return split_batch(batch, team.ranks)[team.rank]


def main() -> None:
    """Train in this process, with the others; the first writes."""
    folder, sharded = Path(sys.argv[1]), f"machine.sharded={'sharded' in sys.argv}"
    team = Team.join("cpu")
    torch.set_num_threads(1)
    joint, joint_reports = joint_steps(team, STEPS, sharded)
    masks, masks_reports = masks_steps(team, 2, sharded)
    validation = joint.validate([share(joint_batch("ref"), team)])
    resumed = trainer_of(joint_model(), joint.recipe, team)
    kept = joint.state()
    resumed.load_state(kept)
    again = resumed.state()
    assert all(torch.equal(again[name], value) for name, value in kept.items())
    for name, trainer in (("joint", joint), ("masks", masks)):
        state = trainer.state()
        if team.leads:
            save_file(state, folder / f"{name}.safetensors")
    if team.leads:
        found = {
            "joint": [asdict(report) for report in joint_reports],
            "masks": [asdict(report) for report in masks_reports],
            "validation": validation,
        }
        (folder / "reports.json").write_text(json.dumps(found), "utf-8")
    team.leave()


if __name__ == "__main__":
    main()
