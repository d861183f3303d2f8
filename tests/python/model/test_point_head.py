"""The point head against the authors' code."""

from __future__ import annotations

import torch

from pixelllm.model.config import PointHeadConfig
from pixelllm.model.point_head import PointHead
from tests.python.goldens import Golden, assert_close, load

MODULE = 1e-5


def test_golden_point_head_as_configured() -> None:
    golden = Golden("point_and_losses")
    head = PointHead(PointHeadConfig(hidden_dim=24, depth=4, points=2), dim=32)
    params = golden.params("point_predictor/", "point_head.", prefix="cfg/params/")
    load(head, {name.replace("point_head.", "layers."): p for name, p in layers(params).items()})

    points, logits = head(golden["in/text_feat"])

    assert_close(points, golden["cfg/out/coords"], MODULE)
    assert_close(logits, golden["cfg/out/logits"], MODULE)


def layers(params: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return params


def test_places_are_relative_to_the_image_and_not_clipped() -> None:
    head = PointHead(PointHeadConfig(hidden_dim=8, depth=2), dim=4)
    torch.nn.init.zeros_(head.layers[-1].weight)
    torch.nn.init.constant_(head.layers[-1].bias, 3.0)

    points, _ = head(torch.randn(5, 4))

    assert torch.equal(points, torch.full((5, 2, 2), 2.0))
