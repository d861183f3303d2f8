"""SAM's and EVA02's image encoders against the authors' code."""

from __future__ import annotations

import pytest
import torch

from pixelllm.model.eva02 import Eva02, rotary_angles, rotate
from pixelllm.model.patch_embed import PatchEmbed
from pixelllm.model.resize import Filter, resize_map
from pixelllm.model.sam_vit import SamViT
from tests.python.goldens import Golden, assert_close, load
from tests.python.model.small import EVA, SAM

MODULE = 1e-5


@pytest.mark.parametrize("file", ["sam_vit_native", "sam_vit_resized"])
def test_golden_sam_vit(file: str) -> None:
    golden = Golden(file)
    model = SamViT(SAM)
    load(model, golden.params("sam_backbone/", "sam."))

    assert_close(model(golden["in/x"]), golden["out/y"], MODULE)


@pytest.mark.parametrize("file", ["eva02_vit_up", "eva02_vit_same", "eva02_vit_ragged"])
def test_golden_eva02(file: str) -> None:
    golden = Golden(file)
    model = Eva02(EVA)
    load(model, golden.params("git_backbone/", "eva."))

    features = model(golden["in/x"])
    height, width = features.shape[1:3]

    assert_close(features.flatten(1, 2), golden["out/y"][:, 1:], MODULE)
    assert_close(model.positions(height, width), golden["out/abs_pos_resized"], MODULE)
    angles = rotary_angles(height, width, model.head_dim, EVA.rope_theta, torch.device("cpu"))
    assert_close(rotate(golden["in/rope_q"], angles), golden["out/rope"], MODULE)


@pytest.mark.parametrize("size", [5, 8, 13])
@pytest.mark.parametrize("mode", ["bicubic", "bilinear"])
def test_golden_resize(mode: Filter, size: int) -> None:
    golden = Golden("resize_preprocess")

    resized = resize_map(golden["in/a"], size, size, mode)

    assert_close(resized, golden[f"out/{mode}_7to{size}"], MODULE)


def test_a_stem_keeps_the_grid_of_the_patches() -> None:
    plain, stemmed = PatchEmbed(8, 16), PatchEmbed(8, 16, (4, 8))
    images = torch.randn(2, 40, 24, 3)

    assert plain(images).shape == stemmed(images).shape == (2, 5, 3, 16)


def test_a_patch_that_the_stem_does_not_divide_is_refused() -> None:
    with pytest.raises(ValueError, match="no multiple"):
        PatchEmbed(14, 16, (4, 8))


@pytest.mark.parametrize(("height", "width"), [(48, 96), (160, 112)])
def test_other_frames_give_one_cell_per_patch(height: int, width: int) -> None:
    images = torch.randn(1, height, width, 3)

    assert SamViT(SAM)(images).shape[1:3] == (height // 16, width // 16)
    assert Eva02(EVA)(images).shape[1:3] == (height // 14, width // 14)
