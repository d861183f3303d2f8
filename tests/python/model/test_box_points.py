"""Grids over boxes, and the boxes of points, against the authors' code."""

from __future__ import annotations

import pytest
import torch

from pixelllm.model.box_points import donut_grid, points_of_boxes, solid_grid
from pixelllm.model.output_positions import output_positions
from pixelllm.model.point_head import points_box
from tests.python.goldens import FRAME, Golden


@pytest.mark.parametrize("per_side", [-1, 0, 1, 2, 3])
@pytest.mark.parametrize("inset", [True, False])
def test_golden_point_and_losses_solid_grid(per_side: int, inset: bool) -> None:
    golden = Golden("point_and_losses")

    golden.check(f"out/solid_grid_{per_side}_{inset:d}", solid_grid(per_side, inset=inset))


@pytest.mark.parametrize("per_side", [-1, 2, 3, 4])
@pytest.mark.parametrize("inset", [True, False])
def test_golden_point_and_losses_donut_grid(per_side: int, inset: bool) -> None:
    golden = Golden("point_and_losses")

    golden.check(f"out/donut_grid_{per_side}_{inset:d}", donut_grid(per_side, inset=inset))


@pytest.mark.parametrize("per_side", [-1, 2])
def test_golden_point_and_losses_points_of_boxes(per_side: int) -> None:
    golden = Golden("point_and_losses")

    points = points_of_boxes(golden["in/boxes"], solid_grid(per_side, inset=False))

    golden.check(f"out/boxes_to_points_{per_side}", points, scale=FRAME)


@pytest.mark.parametrize("per_side", [0, 4])
def test_golden_point_and_losses_boxes_of_points(per_side: int) -> None:
    golden = Golden("point_and_losses")
    corners = golden["out/abs_coords"].flatten(0, 1)
    valid = output_positions(golden["in/tokens"], "^end-1").flatten(0, 1)
    assert not valid.any(1).all(), "a text that was cut off has no valid point"

    boxes = points_box(corners, valid, per_side)

    golden.check(f"out/points_to_boxes_{per_side}", boxes, scale=FRAME)


@pytest.mark.parametrize("per_side", [2, 3, 7])
def test_box_of_the_points_of_an_inset_grid_is_the_box(per_side: int) -> None:
    boxes = torch.tensor([[10.0, 20, 50, 80], [0, 0, 112, 84]])

    points = points_of_boxes(boxes, solid_grid(per_side))

    around = points_box(points[:, None], torch.ones(2, 1, dtype=torch.bool), per_side)
    torch.testing.assert_close(around, boxes)
