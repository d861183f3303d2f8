"""The command line: `python -m pixelllm.training RECIPE RUN --model M --data SPEC --val SPEC`.

Several processes are started with `torchrun --standalone --nproc-per-node N -m pixelllm.training`
and the same arguments. docs/training.md shows it.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from pixelllm.data.errors import DatasetError
from pixelllm.model.checkpoint import (
    CONFIG,
    CheckpointError,
    checkpoint_folder,
    load_config,
    load_tokenizer,
)
from pixelllm.training.checkpoints import CheckpointsError, write_file
from pixelllm.training.loader import BatchLoader, LoaderError
from pixelllm.training.metrics import LOGS, Logs, MetricsError
from pixelllm.training.overrides import assignments, flatten, override
from pixelllm.training.progress import Progress
from pixelllm.training.recipes import (
    RECIPES,
    Recipe,
    RecipeError,
    recipe,
    recipe_for,
    with_ablations,
)
from pixelllm.training.run import CHECKPOINTS, Run, Stop
from pixelllm.training.served import Served
from pixelllm.training.sources import Validation, open_sources
from pixelllm.training.starting import Start, check_model, fingerprint, frozen_names, start_model
from pixelllm.training.team import Team
from pixelllm.training.trainer import Trainer, TrainingError

RUN = "run.json"
FREE = ("machine.", "schedule.")  # settings that may change when a run goes on
MISTAKES = (
    *(RecipeError, CheckpointError, DatasetError, LoaderError),
    *(CheckpointsError, MetricsError, TrainingError),
)

log = logging.getLogger("pixelllm.training")


@dataclass(frozen=True)
class Asked:
    """What decides a run: kept in its folder."""

    recipe: Recipe
    model: Path
    data: list[str]
    validation: list[str]

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "recipe": self.recipe.name,
            "settings": flatten(self.recipe),
            "model": str(self.model.resolve()),
            "data": self.data,
            "validation": self.validation,
        }


def main(arguments: Sequence[str] | None = None) -> int:
    """Reads the command line and trains; returns the exit status."""
    options = _parser().parse_args(arguments)
    team = Team.join(options.device)
    level = logging.INFO if team.leads else logging.WARNING
    logging.basicConfig(level=level, format="%(asctime)s %(message)s")
    stop = Stop()
    try:
        with stop.listening():
            asked = _resumed(options) if options.resume else _asked(options)
            _train(options, asked, team, stop)
    except MISTAKES as error:
        log.error("%s", error)
        return 1
    finally:
        team.leave()
    return 0


def _train(options: argparse.Namespace, asked: Asked, team: Team, stop: Stop) -> None:
    chosen, folder = asked.recipe, options.run
    start = Start.of(asked.model)
    model = start_model(start, chosen)
    mark = fingerprint(model)
    served = Served.of(start, chosen, frozen_names(model))
    config = served.config
    tokenizer = load_tokenizer(start.tokenizer, config)
    batches = BatchLoader(
        open_sources(asked.data, chosen, config),
        config,
        tokenizer,
        batch_size=chosen.batch_size,
        steps=chosen.steps,
        seed=chosen.seed,
        workers=options.workers,
        rank=team.rank,
        ranks=team.ranks,
        trim=options.trim,
    )
    validation = None
    if asked.validation:
        sources = open_sources(asked.validation, chosen, config, validation=True)
        validation = Validation(sources, chosen, config, tokenizer, team)
    if team.leads:
        write_file(folder / RUN, json.dumps(asked.to_json(), indent=2) + "\n")
    run = Run(
        folder=folder,
        progress=Progress(Trainer(model, chosen, team), batches, mark),
        served=served,
        logs=Logs([]),
        validation=validation,
        stop=stop,
    )
    if options.resume:
        run.resume()
    if team.leads:
        run.logs = Logs.open(options.log, folder, run.trainer.step, flatten(chosen))
    run.train()


def _asked(options: argparse.Namespace) -> Asked:
    """What a new run is asked for.

    Raises:
        RecipeError: something is missing or wrong.
    """
    if options.recipe not in RECIPES:
        recipe(options.recipe, "t5")  # says which there are
    if (options.run / RUN).exists() or (options.run / CHECKPOINTS).exists():
        raise RecipeError(f"{options.run} holds a run already: --resume it, or name another folder")
    if not options.model or not options.data:
        raise RecipeError("a new run needs --model and --data")
    folder = checkpoint_folder(options.model)
    if not (folder / CONFIG).is_file():
        raise RecipeError(f"{folder} has no {CONFIG}: it is not a complete checkpoint")
    config = load_config(folder / CONFIG)
    chosen = recipe_for(options.recipe, config)
    chosen = with_ablations(chosen, localization=options.localization, lora=options.lora)
    chosen = override(chosen, options.set)
    check_model(chosen, config)
    return Asked(chosen, folder, options.data, options.val)


def _resumed(options: argparse.Namespace) -> Asked:
    """What a run was asked for, with what may change of it.

    Raises:
        RecipeError: there is no such run, or it was asked for something else.
    """
    path = options.run / RUN
    try:
        kept = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise RecipeError(f"{options.run} holds no run to resume: there is no {RUN}") from None
    if options.recipe != kept["recipe"]:
        raise RecipeError(f"{options.run} is a run of {kept['recipe']}, not {options.recipe}")
    if options.model or options.data or options.val:
        raise RecipeError("--resume goes on with the run's own model and data: name only the run")
    for assignment in options.set:
        if not assignment.startswith(FREE):
            raise RecipeError(
                f"{assignment}: a run that goes on may change {' and '.join(FREE)}* alone"
            )
    lines = assignments(kept["settings"])
    chosen = override(recipe(kept["recipe"], "t5"), [*lines, *options.set])
    return Asked(chosen, Path(kept["model"]), kept["data"], kept["validation"])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m pixelllm.training",
        description="Train a model by a recipe, and write it as it is served.",
    )
    parser.add_argument("recipe", metavar="RECIPE", help=", ".join(RECIPES))
    # No option: torchrun would take its name for a short form of one of its own.
    parser.add_argument("run", metavar="RUN", type=Path, help="folder of the run")
    parser.add_argument("--model", metavar="MODEL", help="the checkpoint to start from")
    parser.add_argument(
        "--data",
        metavar="SPEC",
        action="append",
        default=[],
        help="a dataset, FORMAT:PATH[,key=value...], also with weight= and texts=; several times",
    )
    parser.add_argument(
        "--val", metavar="SPEC", action="append", default=[], help="one to validate with; likewise"
    )
    parser.add_argument("--resume", action="store_true", help="go on with the run")
    parser.add_argument(
        "--set",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="a setting of the recipe, such as optimiser.learning_rate=1e-4; several times",
    )
    parser.add_argument(
        "--no-localization",
        dest="localization",
        action="store_false",
        help="do not teach where words are",
    )
    parser.add_argument(
        "--lora",
        choices=("on", "off", "full"),
        default="on",
        help="what of a T5 learns: its LoRA (on), nothing (off), everything (full)",
    )
    parser.add_argument(
        "--log", action="append", default=[], choices=LOGS, help="beside metrics.jsonl"
    )
    parser.add_argument("--workers", type=int, default=2, help="processes that read data (2)")
    parser.add_argument(
        "--trim", action="store_true", help="leave out what is padding in all of a batch"
    )
    default = "cuda" if torch.cuda.is_available() else "cpu"
    parser.add_argument("--device", choices=("cpu", "cuda"), default=default)
    return parser


if __name__ == "__main__":
    sys.exit(main())
