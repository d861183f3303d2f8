"""The small configuration with which the full-model goldens were made, and its batches."""

from __future__ import annotations

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
from pixelllm.training.batch import Batch, LossWeights
from pixelllm.training.detection_losses import Sampling
from pixelllm.training.objective import Losses, Objective, ObjectiveConfig, Reading
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
# Exhaustive: the authors' random choice cannot be repeated.
SAMPLING = Sampling(candidates=100, proposals=24, samples=1000, positives=1.0)
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


def batch_of(golden: Golden, pictures: Golden | None = None) -> Batch:
    """The golden's batch; its images are another's where it has none.

    What a golden does not say counts: every image teaches every task.
    """
    pictures = pictures or golden
    tokens = golden["in/text_tokens"]
    images, texts, length = tokens.shape
    empty = torch.zeros(images, texts, 4)

    def given(name: str, otherwise: Tensor) -> Tensor:
        return golden.get(f"in/{name}", otherwise)

    def taught(*names: str) -> Tensor:
        keys = [f"in/{name}_loss_valid_mask" for name in names]
        if not keys or keys[0] not in golden:
            return torch.ones(images)
        return torch.stack([golden[key].float() for key in keys]).sum(0).clamp(max=1)

    masks = given("masks", torch.zeros(0))
    return Batch(
        ids=tuple(f"{golden.name}/{number}" for number in range(images)),
        images=pictures["in/images"],
        valid_size=valid_size(pictures["in/padding_mask"]),
        context=golden["in/context_tokens"],
        tokens=tokens,
        corners=given("points", torch.zeros(images, texts, length, 2, 2)),
        boxes=given("boxes", empty),
        prompts=given("prompt_boxes", empty),
        labels=golden["in/labels"],
        masks=masks[..., 0] > 0 if masks.numel() else None,
        weights=LossWeights(
            text=taught("cap", "objcap"),
            point=taught("point"),
            detection=taught("proposal"),
            mask=taught(),
        ),
    )


def objective_of(model: PixelLLM, *losses: str) -> Objective:
    """The authors' losses of these names: besides the text's, which is always one."""
    weights = ObjectiveConfig()
    config = ObjectiveConfig(
        point=weights.point if "point" in losses else 0.0,
        detection=weights.detection if "detection" in losses else 0.0,
        mask=weights.mask if "mask" in losses else 0.0,
        regions=5,
        sampling=SAMPLING,
        reads_padding=True,
    )
    return Objective(model, config)


def check_reading_of(golden: Golden, reading: Reading) -> None:
    """What the model read of a batch, as far as the golden has it."""
    values = {
        "gt_boxes": reading.boxes,
        "gt_classes": reading.prompts.labels,
        "gt_text_tokens": reading.tokens,
        "context_tokens": reading.context,
        "gt_point_coords": reading.target,
        "point_valid_mask": reading.places,
        "visual_features": reading.visual,
    }
    for name, value in values.items():
        if f"out/{name}" in golden:
            golden.check(f"out/{name}", value, exact=name in ("gt_boxes", "gt_point_coords"))
    for name, value in (("point_coords", reading.corners), ("prompt_boxes", reading.prompts.boxes)):
        if f"out/{name}" in golden:
            golden.check(f"out/{name}", value, scale=FRAME)


def check_total(golden: Golden, losses: Losses) -> None:
    """Each task's loss, what it weighs in this batch, and the sum."""
    for name, loss in losses.plain.items():
        theirs = "det" if name == "detection" else name
        scale = FRAME if name == "point" else 1.0
        golden.check(f"loss/{theirs}_loss", loss, scale=scale)
        golden.check(f"loss/{theirs}_loss_scaled", losses.weighted[name])
    golden.check("loss/total_loss", losses.total)
