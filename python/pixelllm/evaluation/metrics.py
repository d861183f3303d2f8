"""Measures that know nothing of models or datasets."""

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Overlap:
    """How two multisets agree: members in common, and the size of each."""

    common: int
    predicted: int
    true: int

    def __add__(self, other: "Overlap") -> "Overlap":
        return Overlap(
            self.common + other.common, self.predicted + other.predicted, self.true + other.true
        )

    @property
    def precision(self) -> float:
        """Share of the predicted members that are true; 1 where nothing was predicted."""
        return self.common / self.predicted if self.predicted else 1.0

    @property
    def recall(self) -> float:
        """Share of the true members that were predicted; 1 where there are none."""
        return self.common / self.true if self.true else 1.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; 1 where both multisets are empty."""
        size = self.predicted + self.true
        return 2 * self.common / size if size else 1.0


def multiset_overlap(predicted: Iterable[Hashable], true: Iterable[Hashable]) -> Overlap:
    """Compares two multisets: a member that occurs twice in both is common twice."""
    left, right = Counter(predicted), Counter(true)
    return Overlap((left & right).total(), left.total(), right.total())


def box_iou(boxes: ArrayLike, others: ArrayLike) -> NDArray[np.float64]:
    """Intersection over union of boxes, pairwise as the shapes broadcast.

    Args:
        boxes, others: [..., 4], (x_min, y_min, x_max, y_max), max edge exclusive.

    Returns:
        float64[...]; 0 where both boxes are empty. A box with its edges swapped is empty.
    """
    a, b = np.asarray(boxes, np.float64), np.asarray(others, np.float64)
    top_left = np.maximum(a[..., :2], b[..., :2])
    bottom_right = np.minimum(a[..., 2:], b[..., 2:])
    common = np.maximum(bottom_right - top_left, 0.0).prod(axis=-1)
    union = _area(a) + _area(b) - common
    iou: NDArray[np.float64] = np.divide(common, union, out=np.zeros_like(union), where=union > 0.0)
    return iou


def precision_at(ious: Sequence[float], threshold: float = 0.5) -> float | None:
    """Share of IoUs strictly above the threshold, as RefCOCO counts; None where there are none."""
    return mean([iou > threshold for iou in ious])


def mean(values: Sequence[float]) -> float | None:
    """Arithmetic mean; None where there is nothing to average."""
    return float(np.mean(values)) if len(values) else None


def _area(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    area: NDArray[np.float64] = np.maximum(boxes[..., 2:] - boxes[..., :2], 0.0).prod(axis=-1)
    return area


def average_precision(scores: Sequence[float], right: Sequence[bool], true: int) -> float:
    """Area under precision against recall, every precision raised to the best at a higher recall.

    1 where nothing was predicted and nothing is there, 0 where only one of the two is so.

    Args:
        scores, right: of all predictions, in any order.
        true: how many there are to find.
    """
    order = np.argsort(-np.asarray(scores, np.float64), kind="stable")
    hits = np.cumsum(np.asarray(right, np.float64)[order])
    if not true or not len(order):
        return 0.0 if true or len(order) else 1.0
    precision = hits / np.arange(1, len(order) + 1)
    best = np.maximum.accumulate(precision[::-1])[::-1]
    recall = np.concatenate([[0.0], hits / true])
    return float(np.sum(np.diff(recall) * best))


def area_under_roc(positive: Sequence[float], negative: Sequence[float]) -> float | None:
    """Chance that a positive has the higher score of a random pair; ties count half."""
    if not len(positive) or not len(negative):
        return None
    a, b = np.asarray(positive)[:, None], np.asarray(negative)[None]
    return float(np.mean((a > b) + 0.5 * (a == b)))


@dataclass(frozen=True)
class Bin:
    """Answers whose scores lie in one bin: how many, their mean score, the share that is right."""

    count: int
    score: float
    right: float


def reliability(scores: Sequence[float], right: Sequence[bool], bins: int = 10) -> list[Bin]:
    """Scores against how often they are right, in bins of equal width; empty ones are left out."""
    values, hits = np.asarray(scores, np.float64), np.asarray(right, np.float64)
    place = np.minimum((values * bins).astype(int), bins - 1)
    found = []
    for number in range(bins):
        own = place == number
        if own.any():
            found.append(Bin(int(own.sum()), float(values[own].mean()), float(hits[own].mean())))
    return found


def calibration_error(bins: Sequence[Bin]) -> float | None:
    """Expected calibration error: mean distance of score and share right, weighted by count."""
    total = sum(one.count for one in bins)
    if not total:
        return None
    return sum(one.count * abs(one.score - one.right) for one in bins) / total
