"""Stochastic depth: whole images, more often the deeper, never in a model that is served."""

from __future__ import annotations

from dataclasses import replace

import torch

from pixelllm.model.drop_path import block_chance, drop_path
from pixelllm.model.eva02 import Eva02
from pixelllm.model.sam_vit import SamViT
from tests.python.model.small import EVA, SAM


def test_images_are_dropped_whole_and_the_mean_stays() -> None:
    torch.manual_seed(0)

    dropped = drop_path(torch.ones(4000, 3, 2), 0.25, training=True)

    each = dropped.flatten(1)
    assert torch.equal(each.amin(1), each.amax(1))
    assert set(dropped.flatten().tolist()) == {0.0, torch.tensor(1 / 0.75).item()}
    assert abs(dropped.mean().item() - 1) < 0.05


def test_the_chance_grows_with_the_depth() -> None:
    assert [block_chance(0.5, block, 5) for block in range(5)] == [0, 0.125, 0.25, 0.375, 0.5]
    assert block_chance(0.5, 0, 1) == 0


def test_only_a_model_in_training_drops() -> None:
    images = torch.randn(2, 70, 70, 3)
    eva = Eva02(replace(EVA, drop_path=0.999)).eval()
    sam = SamViT(replace(SAM, drop_path=0.999)).eval()

    for encoder in (eva, sam):
        served = encoder(images)
        assert torch.equal(encoder(images), served)
        assert not torch.equal(encoder.train()(images), served)
