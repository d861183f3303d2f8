"""How near the places of words are to the trace that was drawn while they were spoken.

Two measures. Point L1 is the release's (google-research/scenic, projects/pixel_llm, evaluators.py,
PointEvaluator). Local bipartite matching, LBM, is that of Meng et al., "Connecting What to Say With
Where to Look by Modeling Human Attention Traces" (CVPR 2021), as its code computes it
(facebookresearch/connect-caption-and-trace, captioning/utils/eval_utils_joint.py and
local_optimal_transport.py). There a linear program is solved for each part of the traces; its
solutions are assignments, which are found here by the Hungarian method.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

EPSILON: Final = 1e-8  # the release's, in its number of tokens
PART: Final = 20  # boxes of the shorter trace that are matched together
FORBIDDEN: Final = 1e6  # the cost of a pair outside the window; distances of boxes are below 1


def point_l1(
    found: NDArray[Any], true: NDArray[Any], tokens: NDArray[Any], size: tuple[float, float]
) -> float:
    """Mean distance of predicted points from the nearest true point, in parts of the image.

    Args:
        found: float[K, T, P, 2] or float[K, T, 2], (x, y) of each token of K captions.
        true: float[K, T, G, 2]; all zero for a token without a place, which does not count.
        tokens: int[K, T]; padding (0) and what is below it does not count.
        size: (height, width) of the image that the points are pixels of.

    Returns:
        The mean of |dx| / width and |dy| / height, averaged over the P points and then over the
        tokens that count; 0 where none does.
    """
    points = found.reshape(*true.shape[:2], -1, 2)
    counts = (tokens > 0) & (true.max(axis=(-2, -1)) > 0)  # [K, T]
    height, width = size
    sides = np.array([width, height])
    difference = points[:, :, :, None] / sides - true[:, :, None] / sides  # [K, T, P, G, 2]
    distance = np.abs(difference).mean(axis=-1).min(axis=-1).mean(axis=-1)  # [K, T]
    return float((distance * counts).sum() / (counts.sum() + EPSILON))


def local_bipartite_matching(found: ArrayLike, true: ArrayLike, window: int = 0) -> float:
    """Mean distance of two traces, matched box by box within a window.

    The shorter trace is taken in parts of `PART` boxes, each with the same share of the longer one.
    Every box of a part gets a box of its own of the other, so that the distances add up to the
    least; box i of p may have those between (i - window) / p and (i + 1 + window) / p of them.

    Args:
        found, true: [P, 4] and [M, 4], boxes in parts of the image, in the order of the words.
        window: 0 or 1 in the paper.

    Returns:
        The mean over the parts of the mean absolute difference of matched boxes' four edges.

    Raises:
        ValueError: a trace is empty.
    """
    short, long = np.asarray(found, np.float64), np.asarray(true, np.float64)
    if not len(short) or not len(long):
        raise ValueError("an empty trace cannot be matched")
    if len(short) > len(long):
        short, long = long, short
    share = PART * len(long) / len(short)
    costs = []
    for number, start in enumerate(range(0, len(short), PART)):
        part = short[start : start + PART]
        other = long[int(np.floor(number * share)) : int(np.ceil((number + 1) * share))]
        distance = np.abs(part[:, None] - other[None]).mean(axis=-1)  # [p, m]
        allowed = np.where(_within(distance.shape, window), distance, FORBIDDEN)
        chosen = assign(allowed)
        costs.append(float(distance[np.arange(len(part)), chosen].mean()))
    return float(np.mean(costs))


def _within(shape: tuple[int, ...], window: int) -> NDArray[np.bool_]:
    """Which columns, bool[p, m], each row may have."""
    rows, columns = shape
    first = (np.arange(rows) - window)[:, None] * (columns / rows)
    last = (np.arange(rows) + 1 + window)[:, None] * (columns / rows)
    place = np.arange(columns)[None]
    allowed: NDArray[np.bool_] = (place >= first) & (place < last)
    return allowed


def assign(costs: NDArray[np.float64]) -> NDArray[np.int64]:
    """The column of each row, no column twice, whose costs add up to the least.

    The Hungarian method with potentials: rows are added one by one, each along the cheapest path
    that changes the columns of earlier ones.

    Args:
        costs: finite float[n, m], n at most m.

    Returns:
        int64[n].

    Raises:
        ValueError: there are more rows than columns.
    """
    rows, columns = costs.shape
    if rows > columns:
        raise ValueError(f"{rows} rows cannot have {columns} columns, one each")
    row_price = np.zeros(rows)
    column_price = np.zeros(columns + 1)  # the last column stands for "none yet"
    owner = np.full(columns + 1, -1)
    for row in range(rows):
        owner[columns] = row
        here = columns
        nearest = np.full(columns, np.inf)
        came_from = np.full(columns, columns)
        done = np.zeros(columns + 1, bool)
        while owner[here] >= 0:
            done[here] = True
            own = owner[here]
            reach = costs[own] - row_price[own] - column_price[:columns]
            shorter = ~done[:columns] & (reach < nearest)
            nearest[shorter], came_from[shorter] = reach[shorter], here
            after = int(np.where(done[:columns], np.inf, nearest).argmin())
            step = nearest[after]
            row_price[owner[done]] += step
            column_price[done] -= step
            nearest[~done[:columns]] -= step
            here = after
        while here != columns:
            before = int(came_from[here])
            owner[here] = owner[before]
            here = before
    chosen = np.empty(rows, np.int64)
    taken = np.flatnonzero(owner[:columns] >= 0)
    chosen[owner[taken]] = taken
    return chosen
