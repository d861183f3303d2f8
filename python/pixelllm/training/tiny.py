"""Train the model that ships: `python -m pixelllm.training.tiny`.

Two stages, because perception comes fast and language late: first the encoders alone learn what is
where, cell by cell; then everything learns to caption, to describe and to locate. Synthetic scenes
are drawn as they are needed; step and seed decide which, so a resumed run goes on as if it had not
stopped. A run is a folder:

    checkpoint/    weights, probes and optimiser (safetensors), `state.json`; what `--resume` reads
    metrics.jsonl  one line per report
    model/         the model as it is served; copy it to `pixelllm/checkpoints/tiny` to ship it
"""

from __future__ import annotations

import argparse
import json
import logging
import math
import time
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.data import DataLoader

from pixelllm.model.checkpoint import save_checkpoint
from pixelllm.model.config import tiny
from pixelllm.model.pixelllm import ImageFeatures, Prompts
from pixelllm.model.point_head import confidence
from pixelllm.training.auxiliary import Probes
from pixelllm.training.initialise import new_model
from pixelllm.training.losses import point_loss, text_loss
from pixelllm.training.scene_batch import (
    PHRASES,
    REGIONS,
    SceneBatch,
    SceneBatches,
    Texts,
)
from pixelllm.training.scene_tokenizer import train_tokenizer

log = logging.getLogger("pixelllm.training.tiny")

WEIGHTS = {  # of the losses; the rest count once
    "cell_box": 5.0,
    "whole_token_box": 5.0,
    "region_token_box": 5.0,
    "caption_place": 0.05,  # places are in pixels of the model frame
    "phrase_place": 0.05,
    "region_place": 0.05,
    "region_text": 0.5,
}
ATTENTION = {
    "cpu": [SDPBackend.MATH],
    "cuda": [SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH],
}


@dataclass(frozen=True)
class Options:
    """Everything that decides the result, kept with the checkpoint."""

    steps: int = 10000
    perception_steps: int = 3000  # of them, the first stage
    batch_size: int = 16
    learning_rate: float = 1e-3
    warm_up: int = 100
    weight_decay: float = 0.03
    max_norm: float = 2.0
    seed: int = 0


class Trainer:
    """The model, its probes and the optimiser, and one step of training."""

    def __init__(self, options: Options, device: torch.device) -> None:
        self.options = options
        self.device = device
        self.model = new_model(tiny(), options.seed)
        self.probes = Probes(self.model.config)
        self.everything = nn.ModuleDict({"model": self.model, "probes": self.probes}).to(device)
        self.everything.train()
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

    def train_step(self, batch: SceneBatch) -> dict[str, Tensor]:
        """One step on one batch; returns the losses and a few rates of success, undetached."""
        rate = learning_rate(self.step, self.options)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        # On a CPU, the plain attention's backward pass is faster than the fused one: 0.75 instead
        # of 1.0 s per step on one core (torch 2.13).
        with sdpa_kernel(ATTENTION[self.device.type]):
            losses, rates = self.losses(batch)
            weighted = [WEIGHTS.get(name, 1.0) * loss for name, loss in losses.items()]
            total = torch.stack(weighted).sum()
            self.optimiser.zero_grad(set_to_none=True)
            torch.autograd.backward(total)
        nn.utils.clip_grad_norm_(self.everything.parameters(), self.options.max_norm)
        self.optimiser.step()
        self.step += 1
        return {**losses, **rates, "total": total}

    def losses(self, batch: SceneBatch) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Losses of the current stage, and rates of success on the batch."""
        with torch.autocast(self.device.type, torch.bfloat16):
            features = self.model.encode_images(batch.images, batch.valid_size)
            losses = self.probes.cell_losses(features.fused, batch.cell_labels, batch.cell_boxes)
            if self.step < self.options.perception_steps:
                return losses, {}
            visual = self.visual_tokens(batch, features)
            scenes = len(batch.images)
            losses |= self.token_losses(visual, batch)
            losses |= self.probes.background_losses(
                features.fused, visual[:scenes], batch.backgrounds
            )
            rows = torch.arange(scenes, device=self.device)
            caption = self.write(visual[:scenes], batch.captions, batch.valid_size)
            short = join(batch.phrases, batch.regions)
            repeated = torch.cat([rows.repeat_interleave(n) for n in (PHRASES, REGIONS)])
            seen = torch.cat([visual[:scenes][repeated[: scenes * PHRASES]], visual[scenes:]])
            written = self.write(seen, short, batch.valid_size[repeated])
        losses |= {
            "caption_text": text_loss(caption.logits, batch.captions.tokens, smoothing=0.0),
            "caption_place": place_loss(caption.corners, batch.captions),
        }
        rates = {}
        cut = scenes * PHRASES
        for name, part, texts in (
            ("phrase", written.rows(0, cut), short.rows(0, cut)),
            ("region", written.rows(cut, None), short.rows(cut, None)),
        ):
            boxes = end_boxes(part.corners, texts.tokens)
            overlap, generalised = box_overlap(boxes, texts.boxes)
            losses[f"{name}_place"] = place_loss(part.corners, texts)
            there = texts.boxes.any(1)
            losses[f"{name}_overlap"] = mean_where(1 - generalised, there)
            rates[f"{name}_hit"] = mean_where((overlap > 0.5).float(), there)
            if name == "phrase":
                last = last_words(texts.tokens)
                sure = part.confidence[torch.arange(len(last), device=self.device), last]
                right = (overlap > 0.5) & there
                losses["phrase_confidence"] = F.binary_cross_entropy_with_logits(
                    sure, right.float()
                )
                rates["phrase_sure"] = ((sure > 0) == right).float().mean()
            if name == "region":
                losses["region_text"] = text_loss(part.logits, texts.tokens, smoothing=0.0)
                rates["region_exact"] = exact(part.logits, texts.tokens)
        return losses, rates

    def token_losses(self, visual: Tensor, batch: SceneBatch) -> dict[str, Tensor]:
        """Losses of the visual tokens, of whole images and of regions apart.

        Together, the regions' tokens, all of which are labelled, would drown the few of a whole
        image that lie on an object: then captions and phrases stay blind.
        """
        scenes = len(batch.images)
        losses: dict[str, Tensor] = {}
        for name, rows in (("whole", slice(scenes)), ("region", slice(scenes, None))):
            part = self.probes.token_losses(
                visual[rows], batch.token_labels[rows], batch.token_boxes[rows]
            )
            losses |= {f"{name}_{key}": loss for key, loss in part.items()}
        return losses

    def visual_tokens(self, batch: SceneBatch, features: ImageFeatures) -> Tensor:
        """Visual tokens of every scene as a whole, then of every region: float[P, Q, C]."""
        scenes = len(batch.images)
        whole = Prompts.of_whole_images(batch.valid_size)
        regions = Prompts(batch.region_boxes, batch.region_points[:, None])
        owner = [*range(scenes), *(i for i in range(scenes) for _ in range(REGIONS))]
        return self.model.visual_prefix(features.select(owner), Prompts.stack([whole, regions]))

    def write(self, visual: Tensor, texts: Texts, valid_size: Tensor) -> Written:
        """Teacher-forced logits and places of texts."""
        encoded = self.model.encode_prefix(visual, texts.context)
        logits, hidden = self.model.decode_text(encoded, texts.tokens)
        _, extra = self.model.point_head(hidden)
        return Written(logits, self.model.place(hidden, valid_size), confidence(extra))

    def save(self, folder: Path, tokenizer: bytes) -> None:
        """Write what `resume` reads, and the model as it is served."""
        state = {name: t.detach().cpu() for name, t in self.everything.state_dict().items()}
        names = {id(p): name for name, p in self.everything.named_parameters()}
        for parameter, values in self.optimiser.state.items():
            for key, value in values.items():
                state[f"optimiser/{key}/{names[id(parameter)]}"] = value.detach().cpu()
        checkpoint = folder / "checkpoint"
        checkpoint.mkdir(parents=True, exist_ok=True)
        aside = checkpoint / "training.safetensors.new"
        save_file({name: t.contiguous() for name, t in state.items()}, aside)
        aside.rename(checkpoint / "training.safetensors")
        (checkpoint / "tokenizer.model").write_bytes(tokenizer)
        status = {"step": self.step, "options": asdict(self.options)}
        (checkpoint / "state.json").write_text(json.dumps(status, indent=2) + "\n", "utf-8")
        save_checkpoint(folder / "model", self.model, tokenizer)

    def resume(self, folder: Path) -> bytes:
        """Go on from `folder`; returns the tokenizer."""
        checkpoint = folder / "checkpoint"
        state = load_file(checkpoint / "training.safetensors")
        moments = {name: state.pop(name) for name in list(state) if name.startswith("optimiser/")}
        self.everything.load_state_dict(state)
        parameters = dict(self.everything.named_parameters())
        for path, value in moments.items():
            _, key, name = path.split("/", 2)
            on = self.device if key != "step" else torch.device("cpu")
            self.optimiser.state[parameters[name]][key] = value.to(on)
        self.step = json.loads((checkpoint / "state.json").read_text("utf-8"))["step"]
        return (checkpoint / "tokenizer.model").read_bytes()


@dataclass
class Written:
    """Of N texts: logits float[N, T, V], corners float[N, T, 2, 2], confidence float[N, T]."""

    logits: Tensor
    corners: Tensor
    confidence: Tensor

    def rows(self, start: int, end: int | None) -> Written:
        """These texts only."""
        return Written(self.logits[start:end], self.corners[start:end], self.confidence[start:end])


def learning_rate(step: int, options: Options) -> float:
    """Each stage warms up; the second then falls along a cosine to 2 %."""
    in_stage = step - (options.perception_steps if step >= options.perception_steps else 0)
    warm = min(1.0, (in_stage + 1) / options.warm_up)
    if step < options.perception_steps:
        return options.learning_rate * warm
    progress = in_stage / max(1, options.steps - options.perception_steps)
    return options.learning_rate * warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * progress)))


def join(first: Texts, second: Texts) -> Texts:
    """Rows of both, padded alike."""
    length = max(first.tokens.shape[1], second.tokens.shape[1])
    context = max(first.context.shape[1], second.context.shape[1])
    padded = [
        Texts(
            F.pad(t.context, (0, context - t.context.shape[1])),
            F.pad(t.tokens, (0, length - t.tokens.shape[1])),
            F.pad(t.corners, (0, 0, 0, 0, 0, length - t.tokens.shape[1])),
            t.boxes,
        )
        for t in (first, second)
    ]
    return Texts(*(torch.cat([getattr(t, f.name) for t in padded]) for f in fields(Texts)))


def place_loss(corners: Tensor, texts: Texts) -> Tensor:
    """The point loss at every position that has a place."""
    return point_loss(corners, texts.corners, texts.tokens > -1, "l1_nonzero")


def mean_where(values: Tensor, counts: Tensor) -> Tensor:
    """Mean of float[N] over the rows where bool[N] is true; 0 where none is."""
    return (values * counts).sum() / counts.sum().clamp(min=1)


def last_words(tokens: Tensor) -> Tensor:
    """Position of the last word of each int[N, T] text, int[N]; words stand at 1, 2, ..."""
    return (tokens > 1).sum(1)


def end_boxes(corners: Tensor, tokens: Tensor) -> Tensor:
    """The box at each text's last word, float[N, 4], from float[N, T, 2, 2] and int[N, T]."""
    rows = torch.arange(len(tokens), device=tokens.device)
    return corners[rows, last_words(tokens)].flatten(1)


def box_overlap(boxes: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """IoU and generalised IoU of float[N, 4] boxes, row by row."""

    def area(low: Tensor, high: Tensor) -> Tensor:
        return (high - low).clamp(min=0).prod(1)

    low, high = boxes[:, :2], boxes[:, 2:]
    target_low, target_high = targets[:, :2], targets[:, 2:]
    common = area(torch.maximum(low, target_low), torch.minimum(high, target_high))
    union = area(low, high) + area(target_low, target_high) - common
    hull = area(torch.minimum(low, target_low), torch.maximum(high, target_high))
    overlap = common / union.clamp(min=1e-6)
    return overlap, overlap - (hull - union) / hull.clamp(min=1e-6)


def exact(logits: Tensor, tokens: Tensor) -> Tensor:
    """Share of texts whose every next token is the most probable one."""
    target = tokens[:, 1:]
    right = (logits[:, :-1].argmax(-1) == target) | (target == 0)
    return right.all(1).float().mean()


def train(
    options: Options,
    folder: Path,
    *,
    resume: bool,
    device: torch.device,
    until: int | None = None,
) -> None:
    """Train to the last step, or pause at step `until`; with a checkpoint every 500."""
    last = min(options.steps, until or options.steps)
    trainer = Trainer(options, device)
    tokenizer = (
        trainer.resume(folder)
        if resume
        else train_tokenizer(trainer.model.config.language.vocab_size)
    )
    batches = SceneBatches(
        trainer.model.config,
        tokenizer,
        seed=options.seed,
        batch_size=options.batch_size,
        first_step=trainer.step,
        steps=last,
    )
    loader = DataLoader(batches, batch_size=None, num_workers=1, prefetch_factor=8)
    report = Report(folder / "metrics.jsonl")
    for batch in loader:
        report.add(trainer.train_step(batch.to(device)))
        if trainer.step % 50 == 0:
            report.write(trainer.step, options)
        if trainer.step % 500 == 0 or trainer.step == last:
            trainer.save(folder, tokenizer)
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
        line = {"step": step, "lr": learning_rate(step, options), "step_s": seconds, **means}
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
    parser.add_argument("--run", type=Path, default=Path("runs/tiny"), help="folder of the run")
    parser.add_argument("--resume", action="store_true", help="go on from the run's checkpoint")
    parser.add_argument("--until", type=int, help="pause after this step")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    for field in fields(Options):
        flag = "--" + field.name.replace("_", "-")
        default = getattr(defaults, field.name)
        parser.add_argument(flag, type=type(default), default=default)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    if arguments.resume and not (arguments.run / "checkpoint" / "state.json").is_file():
        parser.error(f"{arguments.run} holds no checkpoint to resume")
    if not arguments.resume and (arguments.run / "checkpoint").exists():
        parser.error(f"{arguments.run} holds a run already: --resume it, or name another --run")
    options = Options(**{field.name: getattr(arguments, field.name) for field in fields(Options)})
    device = torch.device(arguments.device)
    train(options, arguments.run, resume=arguments.resume, device=device, until=arguments.until)


if __name__ == "__main__":
    main()
