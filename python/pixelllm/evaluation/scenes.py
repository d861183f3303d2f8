"""Measures a model on scenes it was never trained on: `python -m pixelllm.evaluation.scenes`.

The scenes come from the evaluation stream, which training cannot draw from, and every answer goes
the way of a user's request: an image of 64 to 1024 pixels, greedy decoding, places in pixels of
that image. What each figure of the report means is said in `scene_scores`.

With --held-out scenes have colours and kinds that training never draws together, and describe and
locate are asked about the things with such pairs only.
"""

import argparse
import json
import logging
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields
from itertools import islice

import numpy as np
import torch

from pixelllm.contract import Word
from pixelllm.data.sample import Mask
from pixelllm.data.scene_words import HELD_OUT_PAIRS
from pixelllm.data.scenes import EVALUATION_STREAM, Scene, absent_phrase, draw_scene, scene_rng
from pixelllm.evaluation.answering import (
    Call,
    Seen,
    answer,
    box_of,
    caption_of,
    carry_out,
    mask_of,
    model_facts,
    regions_of,
    score_of,
    see,
)
from pixelllm.evaluation.scene_scores import (
    CaptionScores,
    DenseScores,
    DescribeScores,
    LocateScores,
    Report,
    WordScores,
    round_figures,
)
from pixelllm.model.checkpoint import Checkpoint, CheckpointError, load_checkpoint
from pixelllm.tasks.base import BoxPrompt, Read
from pixelllm.tasks.words import place_words

LONG_SIDES = (64, 96, 128, 192, 320, 512, 1024)  # pixels, taken in turn
BATCH = 25  # scenes answered together
SQUARE, LONG = 1.2, 2.0  # ratios of an image's sides: at most, at least

logger = logging.getLogger(__name__)


@dataclass
class SceneScores:
    """All scores of one run. `only_held_out`: ask only about things with held-out pairs."""

    only_held_out: bool = False
    captions: CaptionScores = field(default_factory=CaptionScores)
    words: WordScores = field(default_factory=WordScores)
    describe_box: DescribeScores = field(default_factory=DescribeScores)
    describe_point: DescribeScores = field(default_factory=DescribeScores)
    locate: LocateScores = field(default_factory=LocateScores)
    dense: DenseScores = field(default_factory=DenseScores)

    def asks_about(self, pair: tuple[str, str]) -> bool:
        """Whether things of this (colour, kind) are asked about."""
        return not self.only_held_out or pair in HELD_OUT_PAIRS

    def report(self) -> Report:
        """Every figure, by task."""
        return {
            "caption": self.captions.report(),
            "words": self.words.report(),
            "describe": self.describe_box.report(),
            "describe_point": self.describe_point.report(),
            "locate": self.locate.report(),
            "dense_caption": self.dense.report(),
        }


@dataclass(frozen=True)
class SceneOptions:
    """Which scenes are asked about.

    seed, count: the first `count` scenes of this seed's evaluation stream.
    long_side: pixels; LONG_SIDES in turn where None. ratio: "square" (up to 1.2 to 1), "long" (2 to
    1 and more), or any where None: scenes of other ratios are skipped, and not counted.
    """

    seed: int = 0
    count: int = 500
    max_things: int = 8
    held_out: bool = False
    long_side: int | None = None
    ratio: str | None = None


def evaluation_scenes(options: SceneOptions) -> Iterator[Scene]:
    """The scenes that the options ask for."""
    found, index = 0, -1
    while found < options.count:
        index += 1
        scene = draw_scene(
            scene_rng(options.seed, index, EVALUATION_STREAM),
            long_side=options.long_side or LONG_SIDES[index % len(LONG_SIDES)],
            max_things=options.max_things,
            held_out=options.held_out,
        )
        if options.ratio in (None, ratio_class(scene)):
            found += 1
            yield scene


def ratio_class(scene: Scene) -> str | None:
    """Whether a scene is "square" or "long"; None for those between."""
    height, width, _ = scene.image.shape
    ratio = max(height, width) / min(height, width)
    return "square" if ratio <= SQUARE else "long" if ratio >= LONG else None


def evaluate_scenes(
    checkpoint: Checkpoint, scenes: Iterable[Scene], *, only_held_out: bool = False
) -> Report:
    """Asks everything about every scene and scores the answers. The model is in eval mode."""
    scores = SceneScores(only_held_out)
    remaining, done = iter(scenes), 0
    with torch.inference_mode():
        while batch := list(islice(remaining, BATCH)):
            seen = see(checkpoint, [scene.image for scene in batch])
            _score_captions(checkpoint, batch, seen, scores)
            _score_descriptions(checkpoint, batch, seen, scores)
            _score_places(checkpoint, batch, seen, scores)
            if checkpoint.config.detector is not None:
                _score_regions(checkpoint, batch, seen, scores)
            done += len(batch)
            logger.info("%d scenes", done)
    return scores.report()


def _score_captions(
    checkpoint: Checkpoint, scenes: Sequence[Scene], seen: Seen, scores: SceneScores
) -> None:
    """Captions as the model writes them, and the true captions as it places them."""
    written = answer(checkpoint, seen, [Call("caption", i, {}) for i in range(len(scenes))])
    led = _lead(checkpoint, scenes, seen)
    for scene, result, words in zip(scenes, written, led, strict=True):
        scores.captions.add(scene, caption_of(result))
        scores.words.add(scene, words)


def _lead(checkpoint: Checkpoint, scenes: Sequence[Scene], seen: Seen) -> list[list[Word]]:
    """The words of the true captions with the places the model gives them, teacher-forced."""
    facts = model_facts(checkpoint)
    prefix = facts.tokenizer.encode_prefix(facts.prefixes.caption)
    plans = [
        Read(BoxPrompt(frame.whole()), prefix, facts.tokenizer.encode(scene.caption.text))
        for scene, frame in zip(scenes, seen.frames, strict=True)
    ]
    texts = carry_out(checkpoint, seen, range(len(scenes)), plans)
    return [
        place_words(text, facts.tokenizer, frame)
        for text, frame in zip(texts, seen.frames, strict=True)
    ]


def _score_descriptions(
    checkpoint: Checkpoint, scenes: Sequence[Scene], seen: Seen, scores: SceneScores
) -> None:
    """Each thing asked for by its true box, and again by a point well inside it."""
    asked = [(i, o) for i, scene in enumerate(scenes) for o in scene.things]
    asked = [(i, o) for i, o in asked if scores.asks_about(o.pair)]
    boxes = [{"type": "box", "box": o.box} for _, o in asked]
    points = [{"type": "point", "point": point_inside(o.mask)} for _, o in asked]
    for locations, tally in ((boxes, scores.describe_box), (points, scores.describe_point)):
        calls = [
            Call("describe", i, {"location": location})
            for (i, _), location in zip(asked, locations, strict=True)
        ]
        for (_, truth), result in zip(asked, answer(checkpoint, seen, calls), strict=True):
            tally.add(truth, caption_of(result))


def _score_places(
    checkpoint: Checkpoint, scenes: Sequence[Scene], seen: Seen, scores: SceneScores
) -> None:
    """The box, and from a model that segments the mask, of each of the scenes' phrases."""
    asked = [
        (i, number)
        for i, scene in enumerate(scenes)
        for number, reference in enumerate(scene.references)
        if scores.asks_about(scene.things[reference.thing].pair)
    ]
    task = "locate" if checkpoint.config.masks is None else "segment"
    calls = [Call(task, i, {"phrase": scenes[i].references[n].text}) for i, n in asked]
    for (i, number), result in zip(asked, answer(checkpoint, seen, calls), strict=True):
        mask = mask_of(result) if task == "segment" else None
        scores.locate.add(scenes[i], number, box_of(result), score_of(result), mask)
    absent = [
        absent_phrase(np.random.default_rng(i), scene, held_out=scores.only_held_out)
        for i, scene in enumerate(scenes)
    ]
    calls = [Call("locate", i, {"phrase": phrase}) for i, phrase in enumerate(absent)]
    for result in answer(checkpoint, seen, calls):
        scores.locate.add_absent(score_of(result))


def _score_regions(
    checkpoint: Checkpoint, scenes: Sequence[Scene], seen: Seen, scores: SceneScores
) -> None:
    """The regions of each scene, those with a low score too: average precision ranks them."""
    calls = [Call("dense_caption", i, {"min_score": 0.0}) for i in range(len(scenes))]
    for scene, result in zip(scenes, answer(checkpoint, seen, calls), strict=True):
        scores.dense.add(scene, regions_of(result))


def point_inside(mask: Mask) -> tuple[float, float]:
    """A point (x, y) as far inside a mask, bool[H, W], as there is: the last left by erosion.

    Of several, the one nearest to the middle of them; the centre of its pixel.
    """
    left = np.pad(mask, 1)
    while True:
        inner = left.copy()
        for axis in (0, 1):
            inner &= np.roll(left, 1, axis) & np.roll(left, -1, axis)
        if not inner.any():
            break
        left = inner
    pixels = np.argwhere(left)  # [n, 2], (y, x) in the padded mask
    y, x = pixels[np.square(pixels - pixels.mean(axis=0)).sum(axis=1).argmin()].tolist()
    return x - 0.5, y - 0.5


def main(arguments: Sequence[str] | None = None) -> int:
    """Reads the command line, measures, and writes the report as JSON; returns the exit status."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    started = time.monotonic()
    try:
        checkpoint = load_checkpoint(options.model, options.device)
    except CheckpointError as error:
        logger.error("%s", error)
        return 1
    wanted = SceneOptions(**{f.name: getattr(options, f.name) for f in fields(SceneOptions)})
    report = evaluate_scenes(checkpoint, evaluation_scenes(wanted), only_held_out=options.held_out)
    setting = asdict(wanted) | {"long_side": options.long_side or LONG_SIDES}
    seconds = time.monotonic() - started
    whole = {"model": checkpoint.name, **setting, **report, "seconds": seconds}
    sys.stdout.write(json.dumps(round_figures(whole), indent=2) + "\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m pixelllm.evaluation.scenes",
        description="Measure a model on synthetic scenes it was never trained on.",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the evaluation stream")
    parser.add_argument("--count", type=int, default=500, help="scenes")
    parser.add_argument("--model", default="tiny", help="a shipped preset or a checkpoint folder")
    parser.add_argument("--max-things", type=int, default=8, help="things in a scene, at most")
    parser.add_argument("--held-out", action="store_true", help="colours of kinds never trained")
    parser.add_argument("--long-side", type=int, help="pixels; by default 64 to 1024 in turn")
    parser.add_argument("--ratio", choices=["square", "long"], help="of the images' sides")
    parser.add_argument("--device", default="cpu", help="where torch runs the model")
    return parser


if __name__ == "__main__":
    sys.exit(main())
