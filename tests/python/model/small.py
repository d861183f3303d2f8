"""The small configuration with which the full-model goldens were made, and its batches."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

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
from tests.python.goldens import Golden, load

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
    valid = golden["in/padding_mask"]
    valid_size = torch.stack([valid.amax(2).sum(1), valid.amax(1).sum(1)], 1)
    return model.encode_images(golden["in/images"], valid_size)


def for_prompts(features: ImageFeatures, count: int) -> ImageFeatures:
    """Each image's features `count` times, one row per prompt."""
    return features.select([i for i in range(len(features.fused)) for _ in range(count)])


def encoded_of(model: PixelLLM, golden: Golden, features: ImageFeatures) -> Encoded:
    """What the decoder attends to for each of the golden's prompts."""
    prompts = Prompts.of_boxes(golden["in/prompt_boxes"].flatten(0, 1))
    visual = model.visual_prefix(features, prompts)
    return model.encode_prefix(visual, rows(golden["in/context_tokens"]))


def rows(tokens: Tensor) -> Tensor:
    """int[images, prompts, T] as int64[images * prompts, T]."""
    return tokens.flatten(0, 1).long()
