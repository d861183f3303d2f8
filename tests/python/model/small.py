"""The small configuration with which the full-model goldens were made, and its batches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from pixelllm.model.box_points import points_of_boxes, solid_grid
from pixelllm.model.config import (
    Eva02Config,
    ExtractorConfig,
    PixelLLMConfig,
    PointHeadConfig,
    PromptEncoderConfig,
    SamViTConfig,
    T5Config,
)
from pixelllm.model.language import Encoded
from pixelllm.model.pixelllm import ImageFeatures, PixelLLM, Prompts
from pixelllm.training.losses import POINT_WEIGHT
from tests.python.goldens import FRAME, Golden, load

SAM = SamViTConfig(
    pretrain_image_size=160,
    dim=32,
    depth=3,
    heads=4,
    window=4,
    global_blocks=(1,),
    neck_dim=24,
)
EVA = Eva02Config(pretrain_image_size=70, dim=32, depth=2, heads=4)
LANGUAGE = T5Config(
    vocab_size=64,
    dim=32,
    heads=4,
    head_dim=8,
    encoder_layers=2,
    decoder_layers=2,
    mlp_dim=48,
    lora_rank=4,
    dropout=0.0,
    max_text_tokens=10,
)
WHOLE = PixelLLMConfig(
    preset="golden",
    image_size=112,
    sam=replace(SAM, neck_dim=32),
    eva=EVA,
    prompt_encoder=PromptEncoderConfig(dim=32),
    extractor=ExtractorConfig(tokens=6, dim=48, depth=2, mlp_dim=64, output_dim=40),
    language=LANGUAGE,
    point_head=PointHeadConfig(hidden_dim=32),
)


def whole_model(golden: Golden) -> PixelLLM:
    """The model with the golden's parameters."""
    model = PixelLLM(WHOLE)
    load(model, golden.params())
    return model


def features_of(model: PixelLLM, golden: Golden) -> ImageFeatures:
    """Features of the golden's images, one row per prompt."""
    return for_prompts(images_of(model, golden), golden["in/prompt_boxes"].shape[1])


def images_of(model: PixelLLM, golden: Golden) -> ImageFeatures:
    """Features of the golden's images."""
    return model.encode_images(golden["in/images"], valid_size(golden["in/padding_mask"]))


def valid_size(padding_mask: Tensor) -> Tensor:
    """(height, width) of each image in its frame, float[B, 2], of masks float[B, H, W]."""
    return torch.stack([padding_mask.amax(2).sum(1), padding_mask.amax(1).sum(1)], 1)


def for_prompts(features: ImageFeatures, count: int) -> ImageFeatures:
    """Each image's features `count` times, one row per prompt."""
    return features.select([i for i in range(len(features.fused)) for _ in range(count)])


def encoded_of(model: PixelLLM, golden: Golden, features: ImageFeatures) -> Encoded:
    """What the decoder attends to for each of the golden's prompts."""
    visual = visual_of(model, golden, features)
    return model.encode_prefix(visual, rows(golden["in/context_tokens"]))


def visual_of(model: PixelLLM, golden: Golden, features: ImageFeatures) -> Tensor:
    """Visual tokens of each of the golden's prompts."""
    prompts = Prompts.of_boxes(golden["in/prompt_boxes"].flatten(0, 1))
    return model.visual_prefix(features, prompts)


def rows(tokens: Tensor) -> Tensor:
    """int[images, prompts, T] as int64[images * prompts, T]."""
    return tokens.flatten(0, 1).long()


def check_prompts(golden: Golden, boxes: Tensor) -> None:
    """What prompts the model: float[images, prompts, 4] boxes; where they are empty, points."""
    points = points_of_boxes(boxes, solid_grid(2, inset=False))
    golden.check("out/prompt_point_coords", points, scale=FRAME)
    golden.check("out/box_valid_mask", boxes.amax(-1) > 0)


def check_reading(golden: Golden, prefixes: Tensor) -> None:
    """What a text begins with: the prefixes int[images, prompts, T], and a buffer to write into."""
    golden.check("out/context_tokens", prefixes)
    begin = torch.full((*prefixes.shape[:2], LANGUAGE.max_text_tokens), LANGUAGE.end_id)
    begin[..., 0] = LANGUAGE.begin_id
    golden.check("out/begin_tokens", begin)


def check_total(golden: Golden, losses: Mapping[str, Tensor]) -> None:
    """Each task's loss, by the authors' name for it; what it weighs in this batch; and the sum."""
    total = torch.zeros(())
    for name, loss in losses.items():
        golden.check(f"loss/{name}_loss", loss, scale=FRAME if name == "point" else 1.0)
        scaled = loss * (POINT_WEIGHT if name == "point" else 1) * taught(golden, name)
        golden.check(f"loss/{name}_loss_scaled", scaled)
        total = total + scaled
    golden.check("loss/total_loss", total)


def taught(golden: Golden, name: str) -> Tensor:
    """The share of the golden's images that teach a task; a golden that does not say has all."""
    masks = {"text": ("cap", "objcap"), "point": ("point",), "det": ("proposal",), "mask": ()}[name]
    keys = [f"in/{mask}_loss_valid_mask" for mask in masks]
    if not keys or keys[0] not in golden:
        return torch.ones(())
    return torch.stack([golden[key].float() for key in keys]).sum(0).clamp(max=1).mean()
