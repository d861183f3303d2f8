"""SAM's and EVA02's image encoders against the authors' code."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from pixelllm.model.eva02 import Eva02, rotary_angles, rotate
from pixelllm.model.patch_embed import PatchEmbed
from pixelllm.model.resize import Filter, resize_map
from pixelllm.model.sam_vit import SamViT
from tests.python.goldens import Golden, load, outputs_of
from tests.python.model.small import EVA, SAM


def blocks_of(model: SamViT | Eva02, *parts: str) -> dict[str, nn.Module]:
    """The blocks and these parts of each, by the goldens' names."""
    named = {f"blocks.{i}": block for i, block in enumerate(model.blocks)}
    inner = {
        f"{name}/{part}": block.get_submodule(part)
        for name, block in named.items()
        for part in parts
    }
    return named | inner


@pytest.mark.parametrize("file", ["sam_vit_native", "sam_vit_resized"])
def test_golden_sam_vit(file: str) -> None:
    golden = Golden(file)
    model = SamViT(SAM)
    load(model, golden.params("sam_backbone/", "sam."))
    parts = {"patch_embed.proj": model.patch_embed} | blocks_of(model, "attn")

    with outputs_of(parts) as outputs:
        features = model(golden["in/x"])

    golden.check("out/y", features)
    for name, output in outputs.items():
        golden.check(f"inter/{name}", output, scale=golden.largest(f"inter/{name}"))


@pytest.mark.parametrize("file", ["eva02_vit_up", "eva02_vit_same", "eva02_vit_ragged"])
def test_golden_eva02(file: str) -> None:
    golden = Golden(file)
    model = Eva02(EVA)
    load(model, golden.params("git_backbone/", "eva."))
    parts = {"patch_embed.proj": model.patch_embed} | blocks_of(model, "attn", "mlp")

    with outputs_of(parts | {"norm": model.norm}) as outputs:
        features = model(golden["in/x"])
    height, width = features.shape[1:3]

    golden.check("out/y", outputs.pop("norm"))
    golden.check("out/y", features, part=np.s_[:, 1:])  # without the class token
    for name, output in outputs.items():
        golden.check(f"inter/{name}", output, scale=golden.largest(f"inter/{name}"))
    golden.check("out/abs_pos_resized", model.positions(height, width))
    angles = rotary_angles(height, width, model.head_dim, EVA.rope_theta, torch.device("cpu"))
    golden.check("out/rope", rotate(golden["in/rope_q"], angles))


@pytest.mark.parametrize("size", [5, 8, 13])
@pytest.mark.parametrize("mode", ["bicubic", "bilinear"])
def test_golden_resize(mode: Filter, size: int) -> None:
    golden = Golden("resize_preprocess")

    resized = resize_map(golden["in/a"], size, size, mode)

    golden.check(f"out/{mode}_7to{size}", resized)


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
