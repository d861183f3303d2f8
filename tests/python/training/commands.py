"""Command lines of small runs, and processes that follow them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[3]
SMALL: Final = {  # settings of runs that take seconds
    "batch_size": "2",
    "machine.precision": "float32",
    "texts.prefixes": "model",
    "texts.per_image": "4",
    "objective.regions": "4",
    "objective.sampling.candidates": "60",
    "objective.sampling.proposals": "16",
    "objective.sampling.samples": "12",
    "optimiser.warm_up": "1",
    "schedule.report_every": "1",
    "schedule.validation_batches": "1",
}


@dataclass(frozen=True)
class Material:
    """A checkpoint, and scenes in the published formats."""

    model: Path
    scenes: Path

    def spec(self, kind: str, split: str = "train") -> str:
        """The dataset of a format."""
        paths = {
            "localized_narratives": f"scenes_{split}_localized_narratives.jsonl",
            "coco_captions": f"captions_{split}.json",
        }
        path = self.scenes / kind / paths[kind] if kind in paths else self.scenes / kind
        images = f"images={self.scenes / 'images'}"
        return f"{kind}:{path},{images}" + ("" if kind in paths else f",split={split}")

    def command(
        self, recipe: str, run: Path, formats: Sequence[str], settings: dict[str, str]
    ) -> list[str]:
        """The arguments of a new run on these formats."""
        lines = [f"--set={name}={value}" for name, value in {**SMALL, **settings}.items()]
        data = [f"--data={self.spec(kind)}" for kind in formats]
        validation = [f"--val={self.spec(kind, 'val')}" for kind in formats]
        return [recipe, str(run), f"--model={self.model}", *data, *validation, *lines, *PLAIN]


PLAIN: Final = ["--workers=0", "--device=cpu"]


def start(arguments: Sequence[str], processes: int = 1) -> subprocess.Popen[str]:
    """`python -m pixelllm.training` in a process, or in several under torchrun."""
    launch = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    return subprocess.Popen(
        [sys.executable, *(launch if processes > 1 else []), "-m", "pixelllm.training", *arguments],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT / "python")},
        stderr=subprocess.PIPE,
        text=True,
    )


def curve(run: Path) -> list[dict[str, Any]]:
    """The lines of `metrics.jsonl`, without the time they took."""
    lines = (run / "metrics.jsonl").read_text("utf-8").splitlines()
    return [{k: v for k, v in json.loads(line).items() if k != "step_s"} for line in lines]
