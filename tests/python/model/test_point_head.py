"""The point head and what follows from it, against the authors' code."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from pixelllm.model.config import PointHeadConfig
from pixelllm.model.point_head import PointHead, confidence
from pixelllm.training.losses import (
    PointLoss,
    corners_of_boxes,
    end_box_positions,
    point_loss,
    text_loss,
    word_positions,
)
from tests.python.goldens import FRAME, Golden, load


def test_golden_point_and_losses_head_as_configured() -> None:
    golden = Golden("point_and_losses")
    head = PointHead(PointHeadConfig(hidden_dim=24, depth=4), dim=32)
    load(head, golden.params("point_predictor/", "point_head.", prefix="cfg/params/"))

    points, logits = head(golden["in/text_feat"])

    golden.check("cfg/out/coords", points)
    size = golden["in/image_shape_hw"].flip(1)[:, None, None, None]
    golden.check("out/abs_coords", points * size, scale=FRAME)
    golden.check("cfg/out/logits", logits)


def test_golden_point_and_losses_head_by_default() -> None:
    """The class's own defaults, which no released configuration uses: ReLU, no norm, 4 points."""
    golden = Golden("point_and_losses")
    config = PointHeadConfig(hidden_dim=24, depth=3, points=4)
    head = PointHead(config, dim=32, pre_norm=False, activation=F.relu)
    load(head, golden.params("point_predictor/", "point_head.", prefix="default/params/"))

    points, logits = head(golden["in/text_feat"])

    golden.check("default/out/coords", points)
    golden.check("default/out/logits", logits)


def test_golden_point_and_losses_positions() -> None:
    golden = Golden("point_and_losses")
    tokens = golden["in/tokens"]

    golden.check("out/valid_mask[begin,end,pad]", word_positions(tokens))
    golden.check("out/valid_mask[^end-1]", end_box_positions(tokens))


def test_golden_point_and_losses_corners_of_boxes() -> None:
    golden = Golden("point_and_losses")
    boxes = golden["in/boxes"].flatten(0, 1)

    corners = corners_of_boxes(boxes, 3)

    assert corners.shape == (2, 3, 2, 2)
    golden.check("out/boxes_to_points_-1", corners[:, 1])


@pytest.mark.parametrize("kind", ["l1", "l2", "l1_nonzero"])
def test_golden_point_and_losses_point_loss(kind: PointLoss) -> None:
    golden = Golden("point_and_losses")
    corners = golden["out/abs_coords"].flatten(0, 1)
    target = golden["in/gt_points"].flatten(0, 1)
    valid = golden["in/gt_valid"].flatten(0, 1) & word_positions(golden["in/tokens"]).flatten(0, 1)

    loss = point_loss(corners, target, valid, kind)

    golden.check(f"loss/{kind}", loss, scale=golden[f"loss/{kind}"])  # pixels: in parts of itself


def test_golden_point_and_losses_text_loss() -> None:
    golden = Golden("point_and_losses")
    logits, tokens = golden["in/logits"].flatten(0, 1), golden["in/tokens"].flatten(0, 1)

    everything = text_loss(logits, tokens)
    some = text_loss(logits, tokens, golden["in/text_mask"].flatten() > 0)

    golden.check("loss/text_nomask", everything)
    golden.check("loss/text", some)


def test_places_are_relative_to_the_image_and_not_clipped() -> None:
    head = PointHead(PointHeadConfig(hidden_dim=8, depth=2), dim=4)
    last = head.layers[-1]
    assert isinstance(last, nn.Linear)
    nn.init.zeros_(last.weight)
    nn.init.constant_(last.bias, 3.0)

    points, logits = head(torch.randn(5, 4))

    assert torch.equal(points, torch.full((5, 2, 2), 2.0))
    assert torch.equal(confidence(logits), torch.full((5,), 3.0))


def test_places_of_a_bfloat16_model_are_finer_than_its_numbers() -> None:
    torch.manual_seed(0)
    head = PointHead(PointHeadConfig(hidden_dim=16, depth=2), dim=8).bfloat16()

    points, logits = head(torch.randn(64, 8, dtype=torch.bfloat16))

    assert points.dtype == logits.dtype == torch.float32
    assert not torch.equal(points.bfloat16().float(), points)
