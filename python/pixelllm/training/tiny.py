"""Train the model that ships: `python -m pixelllm.training.tiny`.

Four stages, because perception comes fast and language late: the encoders alone learn what is
where; the language model alone learns to caption, to describe and to locate things that it is told
of; the extractor learns to tell it; then all learn together (`scene_losses.py`). Synthetic scenes
are drawn as they are needed; step and seed decide which, so a resumed run goes on as if it had not
stopped. Processes started with `torchrun --standalone --nproc-per-node 2 -m pixelllm.training.tiny`
train together, each on scenes of its own. A run is a folder:

    checkpoint/    weights, probes, optimiser and the step, in one file; what `--resume` reads.
                   `state.json` says the same of the step, for people
    metrics.jsonl  one line per report
    model/         the model as it is served; copy it to `pixelllm/checkpoints/tiny` to ship it
"""

from __future__ import annotations

import argparse
import json
import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Final, Literal, get_args

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.data import DataLoader

from pixelllm.model.checkpoint import TOKENIZER, WEIGHTS, save_checkpoint
from pixelllm.model.config import tiny
from pixelllm.training.auxiliary import Probes
from pixelllm.training.checkpoints import STATE, TENSORS, sync, write_file
from pixelllm.training.initialise import new_model
from pixelllm.training.metrics import METRICS
from pixelllm.training.moments import load_moments, moments_of, without_moments
from pixelllm.training.oracle import Oracle
from pixelllm.training.scene_batch import SceneBatch, SceneBatches
from pixelllm.training.scene_losses import LOSS_WEIGHTS, PLACES, Losses, SceneLosses
from pixelllm.training.scene_tokenizer import train_tokenizer
from pixelllm.training.team import Team

log = logging.getLogger("pixelllm.training.tiny")

Stage = Literal["perception", "language", "alignment", "joint"]
STAGES: Final = get_args(Stage)
ATTENTION = {
    "cpu": [SDPBackend.MATH],
    "cuda": [SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH],
}


@dataclass(frozen=True)
class Options:
    """Everything that decides the result, kept with the checkpoint."""

    perception_steps: int = 3000
    language_steps: int = 6000
    alignment_steps: int = 2000
    joint_steps: int = 9000
    batch_size: int = 16
    learning_rate: float = 1e-3
    warm_up: int = 100
    weight_decay: float = 0.03
    max_norm: float = 2.0
    seed: int = 0
    places: float = 1.0  # weight of all that says where words are; 0 teaches what to say alone

    @property
    def steps(self) -> int:
        """Of all stages."""
        return sum(len(steps) for steps in self.stages.values())

    @property
    def stages(self) -> dict[Stage, range]:
        """The steps of each stage, in order."""
        found: dict[Stage, range] = {}
        start = 0
        for stage in STAGES:
            stop = start + int(getattr(self, f"{stage}_steps"))
            found[stage] = range(start, stop)
            start = stop
        return found

    def stage_of(self, step: int) -> Stage:
        """The stage that a step belongs to."""
        return next(stage for stage, steps in self.stages.items() if step in steps)


class Trainer:
    """The model, its probes and the optimiser, and one step of training."""

    def __init__(self, options: Options, team: Team) -> None:
        self.options = options
        self.team = team
        self.model = new_model(tiny(), options.seed)
        self.probes = Probes(self.model.config)
        self.oracle = Oracle(self.model.config).requires_grad_(False)
        parts = {"model": self.model, "probes": self.probes, "oracle": self.oracle}
        self.everything = nn.ModuleDict(parts).to(team.device)
        self.everything.train()
        losses = SceneLosses(self.model, self.probes, self.oracle)
        self._losses: dict[Stage, Callable[[SceneBatch], tuple[Losses, Losses]]] = {
            "perception": losses.perception,
            "language": losses.language,
            "alignment": losses.alignment,
            "joint": losses.joint,
        }
        parameters = list(self.everything.parameters())
        self.optimiser = torch.optim.AdamW(
            [
                {
                    "params": [p for p in parameters if p.ndim > 1],
                    "weight_decay": options.weight_decay,
                },
                {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
            ],
            lr=options.learning_rate,
            betas=(0.9, 0.98),
        )
        self.step = 0

    def compile(self) -> None:
        """Compile what has fixed shapes: a fifth less time per step, after a minute or two."""
        for name in ("encode_images", "decode_masks", "visual_prefix"):
            setattr(self.model, name, torch.compile(getattr(self.model, name), dynamic=False))

    def train_step(self, batch: SceneBatch) -> dict[str, Tensor]:
        """One step on one batch; returns the losses and a few rates of success, undetached."""
        self.team.seed(self.options.seed, self.step)
        rate = learning_rate(self.step, self.options)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        # On a CPU, the plain attention's backward pass is faster than the fused one: 0.75 instead
        # of 1.0 s per step on one core (torch 2.13).
        with sdpa_kernel(ATTENTION[self.team.device.type]):
            with torch.autocast(self.team.device.type, torch.bfloat16):
                losses, rates = self._losses[self.options.stage_of(self.step)](batch)
            weighted = [self._weight(name) * loss for name, loss in losses.items()]
            total = torch.stack(weighted).sum()
            self.optimiser.zero_grad(set_to_none=True)
            torch.autograd.backward(total / self.team.ranks)
        self.team.add_gradients(list(self.everything.parameters()))
        nn.utils.clip_grad_norm_(self.everything.parameters(), self.options.max_norm)
        self.optimiser.step()
        self.step += 1
        return {**losses, **rates, "total": total}

    def _weight(self, loss: str) -> float:
        return LOSS_WEIGHTS.get(loss, 1.0) * (self.options.places if loss in PLACES else 1.0)

    def save(self, folder: Path, tokenizer: bytes) -> None:
        """Write what `resume` reads, and the model as it is served."""
        state = {name: t.detach().cpu() for name, t in self.everything.state_dict().items()}
        state |= moments_of(self.optimiser, dict(self.everything.named_parameters()))
        checkpoint = folder / "checkpoint"
        checkpoint.mkdir(parents=True, exist_ok=True)
        (checkpoint / TOKENIZER).write_bytes(tokenizer)
        status = {"step": self.step, "options": asdict(self.options)}
        aside = checkpoint / (TENSORS + ".new")
        tensors = {name: t.contiguous() for name, t in state.items()}
        save_file(tensors, aside, metadata={"state": json.dumps(status)})
        sync(aside)
        aside.rename(checkpoint / TENSORS)
        write_file(checkpoint / STATE, json.dumps(status, indent=2) + "\n")
        save_checkpoint(folder / "model", self.model, tokenizer)

    def start_from(self, source: str) -> bytes:
        """Take weights from another run, `FOLDER` or `FOLDER:model.eva,probes,...`; its tokenizer.

        Only what is named after the colon is taken, everything where nothing is. A model as it is
        served is a source too; it has no probes and no oracle.
        """
        name, _, parts = source.partition(":")
        run, served = Path(name) / "checkpoint", Path(name) / WEIGHTS
        if served.is_file():
            state = {f"model.{key}": value for key, value in load_file(served).items()}
            folder = Path(name)
        else:
            state, folder = load_file(run / TENSORS), run
        wanted = tuple(parts.split(",")) if parts else ("model.", "probes.", "oracle.")
        chosen = {key: value for key, value in state.items() if key.startswith(wanted)}
        unknown = self.everything.load_state_dict(chosen, strict=False).unexpected_keys
        if unknown or not chosen:
            raise ValueError(f"{source} has no weights for this model, such as {unknown[:1]}")
        return (folder / TOKENIZER).read_bytes()

    def resume(self, folder: Path) -> bytes:
        """Go on from `folder`; returns the tokenizer."""
        checkpoint = folder / "checkpoint"
        state = load_file(checkpoint / TENSORS)
        self.everything.load_state_dict(without_moments(state))
        load_moments(self.optimiser, dict(self.everything.named_parameters()), state)
        with safe_open(checkpoint / TENSORS, framework="pt") as file:
            kept = (file.metadata() or {}).get("state")
        # Without it, a checkpoint of an earlier version: its step is in the other file.
        self.step = json.loads(kept or (checkpoint / STATE).read_text("utf-8"))["step"]
        return (checkpoint / TOKENIZER).read_bytes()


def learning_rate(step: int, options: Options) -> float:
    """Each stage warms up; those that end with texts then fall along a cosine to 2 %."""
    stage = options.stage_of(step)
    steps = options.stages[stage]
    done = step - steps.start
    rate = options.learning_rate * min(1.0, (done + 1) / options.warm_up)
    if stage in ("perception", "alignment"):
        return rate
    return rate * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done / len(steps))))


def train(
    options: Options,
    folder: Path,
    *,
    resume: bool,
    device: torch.device,
    until: int | None = None,
    compiled: bool = False,
    start: Sequence[str] = (),
) -> None:
    """Train to the last step, or pause at step `until`; with a checkpoint every 100."""
    last = min(options.steps, until or options.steps)
    team = Team.join(device.type)
    trainer = Trainer(options, team)
    if compiled:
        trainer.compile()
    tokenizers = [trainer.resume(folder)] if resume else []
    tokenizers += [trainer.start_from(source) for source in start]
    if not tokenizers:
        tokenizers = [train_tokenizer(trainer.model.config.language.vocab_size)]
    tokenizer = tokenizers[0]
    batches = SceneBatches(
        trainer.model.config,
        tokenizer,
        seed=options.seed,
        batch_size=options.batch_size,
        first_step=trainer.step,
        steps=last,
        unpainted=options.stages["language"],
        rank=team.rank,
        ranks=team.ranks,
    )
    loader = DataLoader(batches, batch_size=None, num_workers=1, prefetch_factor=8)
    report = Report(folder / METRICS)
    for batch in loader:
        values = trainer.train_step(batch.to(team.device))
        if not team.leads:
            continue
        report.add(values)
        if trainer.step % 50 == 0:
            report.write(trainer.step, options)
        if trainer.step % 100 == 0 or trainer.step == last:
            trainer.save(folder, tokenizer)
    team.leave()
    log.info("step %d of %d: %s", trainer.step, options.steps, folder / "model")


class Report:
    """Means of what is added between two lines."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.values: dict[str, list[Tensor]] = {}
        self.started = time.monotonic()

    def add(self, values: dict[str, Tensor]) -> None:
        """Remember one step's values."""
        for name, value in values.items():
            self.values.setdefault(name, []).append(value.detach())

    def write(self, step: int, options: Options) -> None:
        """One line to the log and to the file; then start anew."""
        means = {name: torch.stack(v).mean().item() for name, v in self.values.items()}
        count = len(self.values["total"])
        seconds = (time.monotonic() - self.started) / count
        line = {"step": step, "lr": learning_rate(step - 1, options), "step_s": seconds, **means}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({k: round(v, 5) for k, v in line.items()}) + "\n")
        left = (options.steps - step) * seconds / 60
        shown = " ".join(f"{name} {value:.3f}" for name, value in means.items())
        log.info("step %d, %.2f s each, %.0f min left: %s", step, seconds, left, shown)
        self.values = {}
        self.started = time.monotonic()


def main() -> None:
    """Command line."""
    defaults = Options()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    # No option: torchrun would take its name for a short form of one of its own.
    parser.add_argument("run", type=Path, help="folder of the run, such as runs/tiny")
    parser.add_argument("--resume", action="store_true", help="go on from the run's checkpoint")
    parser.add_argument(
        "--start-from",
        metavar="FOLDER[:PARTS]",
        action="append",
        default=[],
        help="a run or a model whose weights to start with, or those parts of it; several times",
    )
    parser.add_argument("--until", type=int, help="pause after this step")
    parser.add_argument("--compile", action="store_true", help="compile the encoders (needs g++)")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    for field in fields(Options):
        flag = "--" + field.name.replace("_", "-")
        default = getattr(defaults, field.name)
        parser.add_argument(flag, type=type(default), default=default)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    if arguments.resume and not (arguments.run / "checkpoint" / TENSORS).is_file():
        parser.error(f"{arguments.run} holds no checkpoint to resume")
    if not arguments.resume and (arguments.run / "checkpoint").exists():
        parser.error(f"{arguments.run} holds a run already: --resume it, or name another folder")
    options = Options(**{field.name: getattr(arguments, field.name) for field in fields(Options)})
    device = torch.device(arguments.device)
    train(
        options,
        arguments.run,
        resume=arguments.resume,
        device=device,
        until=arguments.until,
        compiled=arguments.compile,
        start=arguments.start_from,
    )


if __name__ == "__main__":
    main()
