"""Regions in the order of box and caption together (the authors' `mult_caption_score`)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Ranking:
    """The best pairs of a region and one of its captions, best first.

    scores: float[B, K]. regions, captions: int[B, K], which region, which of its captions.
    """

    scores: Tensor
    regions: Tensor
    captions: Tensor


def caption_scores(scores: Tensor, log_probs: Tensor) -> Tensor:
    """Geometric mean of a region's score and its captions' probability.

    Args:
        scores: float[B, K], of the regions; below 0 counts as 0.
        log_probs: float[B, K, W], scores of W captions each, as decoding gives them.

    Returns:
        float[B, K, W].
    """
    return (scores.clamp(min=0)[..., None] * log_probs.exp()).sqrt()


def rank_captions(scores: Tensor, log_probs: Tensor, count: int) -> Ranking:
    """The `count` best of all regions with all their captions; a region may come more than once.

    Args:
        scores: float[B, K]; log_probs: float[B, K, W], as for `caption_scores`.
    """
    width = log_probs.shape[2]
    ranked = caption_scores(scores, log_probs).flatten(1).sort(dim=1, descending=True, stable=True)
    places = ranked.indices[:, :count]
    return Ranking(ranked.values[:, :count], places // width, places % width)
