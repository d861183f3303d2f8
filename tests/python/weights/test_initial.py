"""What no published model has begins as in the authors' code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from pixelllm.model.config import (
    DetectorConfig,
    MaskDecoderConfig,
    PixelLLMConfig,
    T5Config,
    pixelllm_t5_xl,
)
from pixelllm.weights.initial import initial_tensor, is_initialised
from pixelllm.weights.output import model_shapes

CONFIG = replace(pixelllm_t5_xl(), masks=MaskDecoderConfig(), detector=DetectorConfig())
ATTENTION = "language.decoder.block.3.layer.1.EncDecAttention"
TOWER = "detector.proposal_generator"


@pytest.fixture(scope="module")
def shapes() -> Mapping[str, torch.Size]:
    return model_shapes(CONFIG)


def initial(name: str, shapes: Mapping[str, torch.Size], config: PixelLLMConfig = CONFIG) -> Tensor:
    assert isinstance(config.language, T5Config)
    return initial_tensor(name, shapes[name], config.language, seed=0)


def test_published_parts_are_not_initialised(shapes: Mapping[str, torch.Size]) -> None:
    own = {name.split(".")[0] for name in shapes if is_initialised(name)}
    published = {name.split(".")[0] for name in shapes if not is_initialised(name)}

    assert published == {"eva", "sam", "prompt_encoder", "language", "mask_decoder"}
    assert own - {"language"} == {
        "extractor",
        "visual_projection",
        "point_head",
        "mask_adapter",
        "detector",
    }
    assert {name.split(".")[-1] for name in shapes if is_initialised(name)} >= {"lora_a", "lora_b"}


@pytest.mark.parametrize(
    ("name", "std"),
    [
        ("extractor.output_tokens", 1.0),
        ("extractor.token_heads.weight", 512**-0.5),
        ("extractor.transformer.layers.2.mlp.lin2.weight", 2048**-0.5),
        ("visual_projection.0.weight", 0.02),
        ("point_head.layers.0.weight", 2048**-0.5),
        (f"{ATTENTION}.q.lora_a", 2048**-0.5 / 8),
        (f"{ATTENTION}.v.lora_a", 2048**-0.5),
        ("mask_adapter.textual_projection.1.weight", 2048**-0.5),
        ("detector.fpn.simfp_3.0.weight", (4 * 1280) ** -0.5),
        ("detector.fpn.simfp_4.1.weight", (9 * 256) ** -0.5),
        ("detector.fpn.top_block.p6.weight", (9 * 256) ** -0.5),
        (f"{TOWER}.bbox_tower.0.weight", 0.01),
        (f"{TOWER}.agn_hm.weight", 0.01),
        ("detector.roi_head.fc2.weight", 1024**-0.5),
        ("detector.roi_head.cls_score.weight", 0.01),
        ("detector.roi_head.bbox_pred.weight", 0.001),
    ],
)
def test_deviation(name: str, std: float, shapes: Mapping[str, torch.Size]) -> None:
    tensor = initial(name, shapes)

    assert tensor.std().item() == pytest.approx(std, rel=0.05)
    assert abs(tensor.mean().item()) < 0.1 * std


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (f"{ATTENTION}.q.lora_b", 0.0),
        ("mask_adapter.gate", 0.0),
        ("extractor.token_heads.bias", 0.0),
        ("extractor.transformer.layers.1.norm4.weight", 1.0),
        ("extractor.transformer.norm_final_attn.weight", 1.0),
        ("visual_projection.1.weight", 1.0),
        ("visual_projection.1.bias", 0.0),
        ("point_head.norm.weight", 1.0),
        ("mask_adapter.visual_projection.0.weight", 1.0),
        ("detector.fpn.simfp_5.1.norm.weight", 1.0),
        (f"{TOWER}.bbox_tower.1.weight", 1.0),
        (f"{TOWER}.bbox_tower.1.bias", 0.0),
        (f"{TOWER}.scales.3", 1.0),
        (f"{TOWER}.bbox_pred.bias", 8.0),
        (f"{TOWER}.agn_hm.bias", -4.6),
    ],
)
def test_constant(name: str, value: float, shapes: Mapping[str, torch.Size]) -> None:
    tensor = initial(name, shapes)

    assert torch.equal(tensor, torch.full_like(tensor, value))
