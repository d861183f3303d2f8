"""Makes scores mean what they say: `python -m pixelllm.evaluation.calibrate runs/tiny/model`.

Training teaches the point head to tell right boxes from wrong ones while both still change. Platt's
method (1999) sets its scale right afterwards, without changing which box is surer than which: the
confidence's logit becomes slope * logit + offset, fitted to phrases of scenes of a stream of their
own, those for things that are not there among them. Both numbers go into the weights of the head's
last layer, so that nothing else has to know of them.
"""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional as F

from pixelllm.data.scenes import CALIBRATION_STREAM, absent_phrase, draw_scene, scene_rng
from pixelllm.evaluation.answering import Call, answer, box_of, score_of, see
from pixelllm.evaluation.metrics import box_iou
from pixelllm.model.checkpoint import (
    TOKENIZER,
    Checkpoint,
    CheckpointError,
    load_checkpoint,
    save_checkpoint,
)
from pixelllm.model.point_head import PointHead

BATCH = 25
MARGIN = 1e-4  # replies' scores have four digits: a score of 0 or 1 is at least this far from it

logger = logging.getLogger(__name__)


def calibrate(checkpoint: Checkpoint, scenes: int, seed: int = 0) -> tuple[float, float]:
    """Fit the confidence to scenes, and fold the fit into the point head; returns it.

    Raises:
        ValueError: the model gives no confidence, or all its boxes are right or all wrong.
    """
    if not checkpoint.config.point_head.confidence:
        raise ValueError("the model's point head gives no confidence")
    scores, right = [], []
    for start in range(0, scenes, BATCH):
        found = _ask(checkpoint, seed, range(start, min(start + BATCH, scenes)))
        scores += [score for score, _ in found]
        right += [hit for _, hit in found]
    slope, offset = fit(np.array(scores), np.array(right))
    fold(checkpoint.model.point_head, slope, offset)
    return slope, offset


def _ask(checkpoint: Checkpoint, seed: int, indices: range) -> list[tuple[float, bool]]:
    """Score and rightness of every phrase of some scenes, and of one absent phrase each."""
    batch = [draw_scene(scene_rng(seed, index, CALIBRATION_STREAM)) for index in indices]
    calls, truths = [], []
    for i, (index, scene) in enumerate(zip(indices, batch, strict=True)):
        for reference in scene.references:
            calls.append(Call("locate", i, {"phrase": reference.text}))
            truths.append(scene.things[reference.thing].box)
        phrase = absent_phrase(np.random.default_rng(index), scene)
        calls.append(Call("locate", i, {"phrase": phrase}))
        truths.append((0.0, 0.0, 0.0, 0.0))
    with torch.inference_mode():
        results = answer(checkpoint, see(checkpoint, [scene.image for scene in batch]), calls)
    return [
        (score_of(result), bool(box_iou(box_of(result), truth) > 0.5))
        for result, truth in zip(results, truths, strict=True)
    ]


def fit(scores: NDArray[np.float64], right: NDArray[np.bool_]) -> tuple[float, float]:
    """Slope and offset of the logits of float[N] scores that make bool[N] most probable.

    Raises:
        ValueError: all are right or all wrong.
    """
    if right.all() or not right.any():
        raise ValueError("all boxes are right or all are wrong: there is nothing to fit")
    logits = torch.logit(torch.from_numpy(scores).double(), MARGIN)
    # Platt's targets: as if one more answer of each kind had been seen, so that the fit is finite.
    hits = int(right.sum())
    target = np.where(right, (hits + 1) / (hits + 2), 1 / (len(right) - hits + 2))
    weights = torch.tensor([1.0, 0.0], dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([weights], max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        value = F.binary_cross_entropy_with_logits(
            weights[0] * logits + weights[1], torch.from_numpy(target)
        )
        torch.autograd.backward(value)
        return value

    optimiser.step(loss)  # type: ignore[no-untyped-call]
    slope, offset = weights.tolist()
    return slope, offset


def fold(head: PointHead, slope: float, offset: float) -> None:
    """Make the head's confidence slope * logit + offset of what it was."""
    last = head.layers[-1]
    assert isinstance(last, nn.Linear)
    rows = torch.arange(head.points) * 4 + 2  # of each point (x, y, confidence, unused)
    with torch.no_grad():
        last.weight[rows] *= slope
        last.bias[rows] = last.bias[rows] * slope + offset


def main(arguments: Sequence[str] | None = None) -> int:
    """Reads the command line, calibrates a checkpoint in place; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m pixelllm.evaluation.calibrate",
        description="Fit a model's confidence to synthetic scenes, in its checkpoint.",
    )
    parser.add_argument("folder", type=Path, help="a checkpoint folder; it is changed")
    parser.add_argument("--count", type=int, default=500, help="scenes")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        checkpoint = load_checkpoint(str(options.folder))
        slope, offset = calibrate(checkpoint, options.count)
    except (CheckpointError, ValueError) as error:
        logger.error("%s", error)
        return 1
    tokenizer = (options.folder / TOKENIZER).read_bytes()
    save_checkpoint(options.folder, checkpoint.model, tokenizer)
    logger.info("confidence logit: %.3f x + %.3f", slope, offset)
    return 0


if __name__ == "__main__":
    sys.exit(main())
