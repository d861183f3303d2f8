"""Points that stand for boxes.

google-research/scenic, projects/pixel_llm/modeling/utils.py. The released configurations use two of
these grids: the two corners (a word's target), and the four corners, which prompt the model with a
slot that holds no box. The others are what their options `box_points_per_side`,
`box_point_with_offset` and `gt_box_points_per_side` can also ask for.
"""

from __future__ import annotations

import torch
from torch import Tensor


def solid_grid(per_side: int, *, inset: bool = True) -> Tensor:
    """Points spread evenly over the unit square, row by row.

    Args:
        per_side: points in a row and rows; below 1 for the top-left and bottom-right corner alone.
        inset: whether the outer points lie half a step inside the border, and not on it.

    Returns:
        float[K, 2], (x, y) in 0-1.
    """
    if per_side < 1:
        return torch.tensor([[0.0, 0.0], [1.0, 1.0]])
    margin = 0.5 / per_side if inset else 0.0
    side = torch.linspace(margin, 1 - margin, per_side)
    return torch.stack(torch.meshgrid(side, side, indexing="xy"), -1).flatten(0, 1)


def donut_grid(per_side: int, *, inset: bool = True) -> Tensor:
    """The outer points of a solid grid, from the top row clockwise as the authors list them.

    Returns:
        float[K, 2], (x, y) in 0-1.
    """
    grid = solid_grid(per_side, inset=inset)
    if per_side <= 2:
        return grid
    rows = torch.unflatten(grid, 0, (per_side, per_side))
    return torch.cat([rows[0, :-1], rows[:-1, -1], rows[-1, 1:], rows[1:, 0]])


def points_of_boxes(boxes: Tensor, grid: Tensor) -> Tensor:
    """Lay a float[K, 2] grid over each of float[..., 4] boxes: float[..., K, 2]."""
    corner, size = boxes[..., None, :2], boxes[..., None, 2:] - boxes[..., None, :2]
    return corner + grid.to(boxes) * size
