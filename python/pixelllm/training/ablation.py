"""Do word places help referring? The paper's ablations: `python -m pixelllm.training.ablation`.

On scenes that are written out as data sets and read back, a model that has learned to describe
but not one place learns by the recipes `trace`, with or without places, and then `joint`; with a
LoRA or in full. All that is run is commands that a user could type, each in a process of its own;
what has been run to its end (`done/` says what) is not run again.

    scenes/              the data
    base/                where all start: sees as RUN does, speaks, and knows no places
    VARIANT-trace/       runs of the recipes
    VARIANT-joint/
    VARIANT-measured-locate/ ...
    table.md             the figures
"""

from __future__ import annotations

import argparse
import json
import logging
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final, Literal

log = logging.getLogger("pixelllm.training.ablation")

KEPT: Final = (
    *("eva", "sam", "prompt_encoder", "extractor", "visual_projection", "detector"),
    *("mask_adapter", "mask_decoder"),
)  # parts of RUN's model that the base has; its language model and its point head begin anew
RATES: Final = {"full": 5e-4, "lora": 1e-3}
FIGURES: Final = (  # of which task, under which name in its report, and what to call it
    ("locate", "p50", "phrases found, P@0.5"),
    ("trace", "point_l1", "distance of words, led (point L1)"),
    ("caption", "cider", "CIDEr"),
    ("describe", "cider", "CIDEr of regions"),
)


@dataclass(frozen=True)
class Sizes:
    """How much is done."""

    train: int = 3000  # scenes
    val: int = 300
    base_steps: int = 2500  # of the language model alone
    meet_steps: int = 300  # of all together, still without places
    trace_steps: int = 400
    joint_steps: int = 400
    batch_size: int = 16
    jobs: int = 2  # variants at once


@dataclass(frozen=True)
class Variant:
    """One row of the table."""

    places: bool
    learned: Literal["lora", "full"]

    @property
    def name(self) -> str:
        """Names its folders."""
        return f"{'places' if self.places else 'no-places'}-{self.learned}"


VARIANTS: Final = (
    Variant(places=True, learned="full"),
    Variant(places=False, learned="full"),
    Variant(places=True, learned="lora"),
    Variant(places=False, learned="lora"),
)


@dataclass(frozen=True)
class Ablation:
    """The commands of all steps, in a folder."""

    folder: Path
    run: Path
    sizes: Sizes
    variants: Sequence[Variant] = VARIANTS

    def everything(self) -> None:
        """All steps, and the table."""
        self._scenes()
        self._base()
        with ThreadPoolExecutor(self.sizes.jobs) as pool:
            list(pool.map(self._variant, self.variants))
        (self.folder / "table.md").write_text(table(self.folder, self.variants), "utf-8")
        log.info("wrote %s", self.folder / "table.md")

    def _scenes(self) -> None:
        counts = ("--train", str(self.sizes.train), "--val", str(self.sizes.val))
        self._do(self._at("scenes"), "pixelllm.data", "write-scenes", self._at("scenes"), *counts)

    def _base(self) -> None:
        parts = ",".join([*(f"model.{part}." for part in KEPT), "probes.", "oracle."])
        steps = {"perception": 0, "alignment": 0}
        steps |= {"language": self.sizes.base_steps, "joint": self.sizes.meet_steps}
        self._do(
            self._at("base"),
            "pixelllm.training.tiny",
            self._at("base"),
            *("--start-from", f"{self.run}:{parts}", "--places", "0"),
            *(word for stage, n in steps.items() for word in (f"--{stage}-steps", str(n))),
        )

    def _variant(self, variant: Variant) -> None:
        told = () if variant.places else ("--no-localization",)
        spoken = self._data("train").spoken
        trace = self._train("trace", variant, self._at("base/model"), [spoken], *told)
        captions = spoken if variant.places else self._data("train").written
        others = [self._data("train").phrases, self._data("train").regions]
        joint = self._train("joint", variant, trace, [captions, *others])
        for task, spec in (
            ("locate", self._data("val").phrases),
            ("trace", self._data("val").spoken),
            ("caption", self._data("val").written),
            ("describe", self._data("val").regions),
        ):
            out = self._at(f"{variant.name}-measured-{task}")
            made = (task, "--model", joint, "--data", spec, "--out", out)
            self._do(out, "pixelllm.evaluation", *made)

    def _train(
        self, recipe: str, variant: Variant, start: Path, data: Sequence[str], *switches: str
    ) -> Path:
        """A run of a recipe; returns the model that it writes."""
        run = self._at(f"{variant.name}-{recipe}")
        steps = self.sizes.trace_steps if recipe == "trace" else self.sizes.joint_steps
        settings = {
            "steps": steps,
            "batch_size": self.sizes.batch_size,
            "optimiser.learning_rate": RATES[variant.learned],
            "optimiser.warm_up": min(50, steps // 4),
            "optimiser.max_norm": 2,
            "texts.spoken": "by_words",
            "texts.per_image": 4,
            "texts.least_scale": 1,
            "texts.largest_scale": 1,
            "texts.flip": 0,
            "machine.checkpointing": "false",
            "schedule.save_every": steps,
        }
        if recipe == "joint":
            # No figure here is the detector's, and it takes most of a step.
            settings["objective.detection"] = 0
        self._do(
            run,
            *("pixelllm.training", recipe, run, "--model", start, "--trim", "--workers", "1"),
            *(word for spec in data for word in ("--data", spec)),
            *(word for name, value in settings.items() for word in ("--set", f"{name}={value}")),
            *("--lora", "full" if variant.learned == "full" else "on", *switches),
        )
        return run / "model"

    def _data(self, split: str) -> Data:
        return Data(self._at("scenes"), split)

    def _at(self, name: str) -> Path:
        return self.folder / name

    def _do(self, made: Path, module: str, *arguments: str | Path) -> None:
        """Run a command that makes a folder, unless it has been run to its end."""
        mark = self._at("done") / made.name
        if mark.exists():
            return
        shutil.rmtree(made, ignore_errors=True)  # what was interrupted begins again
        words = [module, *map(str, arguments)]
        log.info("%s", " ".join(words))
        path = self.folder / "log.txt"
        with path.open("ab") as file:
            done = subprocess.run([sys.executable, "-m", *words], stdout=file, stderr=file)
        if done.returncode:
            raise SystemExit(f"{' '.join(words)} failed: see {path}")
        mark.parent.mkdir(exist_ok=True)
        mark.touch()


@dataclass(frozen=True)
class Data:
    """The specs of a split of the scenes, as they are written in published formats."""

    folder: Path
    split: str

    @property
    def spoken(self) -> str:
        """Captions with places."""
        name = f"scenes_{self.split}_localized_narratives.jsonl"
        return f"localized_narratives:{self.folder / 'localized_narratives' / name}"

    @property
    def written(self) -> str:
        """The same captions without places."""
        return f"coco_captions:{self.folder / 'coco_captions' / f'captions_{self.split}.json'}"

    @property
    def phrases(self) -> str:
        """Referring phrases."""
        return f"refcoco:{self.folder / 'refcoco'},split={self.split}"

    @property
    def regions(self) -> str:
        """Captions of regions."""
        return f"visual_genome:{self.folder / 'visual_genome'},split={self.split}"


def table(folder: Path, variants: Sequence[Variant]) -> str:
    """The figures of variants, in Markdown."""
    heads = ["places taught", "language model", *(words for _, _, words in FIGURES)]
    lines = [heads, ["---"] * len(heads), *(list(_row(folder, v)) for v in variants)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _row(folder: Path, variant: Variant) -> Iterator[str]:
    yield "yes" if variant.places else "no"
    yield "a LoRA learns" if variant.learned == "lora" else "learns in full"
    for task, figure, _ in FIGURES:
        path = folder / f"{variant.name}-measured-{task}" / "report.json"
        report = json.loads(path.read_text("utf-8"))
        yield f"{report['figures'][figure]:.3f}"


def main(words: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where everything is written")
    parser.add_argument(
        "--run", type=Path, required=True, help="a run of pixelllm.training.tiny, which sees"
    )
    parser.add_argument(
        "--variant",
        choices=[variant.name for variant in VARIANTS],
        action="append",
        help="one of the rows; several times, all by default",
    )
    for field in fields(Sizes):
        flag = "--" + field.name.replace("_", "-")
        parser.add_argument(flag, type=int, default=field.default)
    arguments = parser.parse_args(words)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    sizes = Sizes(**{field.name: getattr(arguments, field.name) for field in fields(Sizes)})
    arguments.folder.mkdir(parents=True, exist_ok=True)
    chosen = [v for v in VARIANTS if not arguments.variant or v.name in arguments.variant]
    Ablation(arguments.folder, arguments.run, sizes, chosen).everything()


if __name__ == "__main__":
    main()
