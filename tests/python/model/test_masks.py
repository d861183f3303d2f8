"""The mask adapter and SAM's mask decoder against the authors' code."""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor

from pixelllm.model.config import MaskDecoderConfig
from pixelllm.model.mask_adapter import MaskAdapter, TextStates
from pixelllm.model.mask_decoder import MaskDecoder
from pixelllm.model.pixelllm import ImageFeatures, PixelLLM
from pixelllm.model.point_head import points_box
from pixelllm.training.losses import (
    MaskLoss,
    end_box_positions,
    mask_loss,
)
from tests.python.goldens import FRAME, MODULE, Golden, assert_close, load
from tests.python.model.small import (
    WHOLE,
    batch_of,
    check_prompts,
    check_reading,
    check_reading_of,
    check_total,
    features_of,
    objective_of,
    rows,
    visual_of,
)

MASKS = MaskDecoderConfig(depth=2, mlp_dim=64, hidden_dim=24)


def test_golden_mask_adapter() -> None:
    golden = Golden("mask_adapter_decoder")
    adapter = MaskAdapter(MASKS, dim=32, visual_dim=40, text_dim=48)
    load(adapter, golden.params("mask_adapter/", "mask_adapter.", prefix="adapter/params/"))
    inputs = (golden[f"in/{name}"].flatten(0, 1) for name in ("sparse", "visual", "text"))

    golden.check("out/adapter", adapter(*inputs))


def test_golden_mask_decoder() -> None:
    golden = Golden("mask_adapter_decoder")
    decoder = MaskDecoder(MASKS, dim=32)
    load(decoder, golden.params("mask_decoder/", "mask_decoder.", prefix="decoder/params/"))
    sparse = golden["out/adapter"][0]  # the first image's prompts, adapted
    image = golden["in/image_embedding"].expand(len(sparse), -1, -1, -1)

    masks, overlap = decoder(image, golden["in/image_pe"], sparse, golden["in/dense"])

    golden.check("out/masks_single", masks[:, :1])
    golden.check("out/masks_multi", masks[:, 1:])
    golden.check("out/iou_single", overlap[:, :1])
    golden.check("out/iou_multi", overlap[:, 1:])


def test_golden_sam_mask_loss() -> None:
    golden = Golden("sam_mask_loss")

    losses = mask_loss(
        golden["in/low_res_masks"].flatten(0, 2),
        golden["in/iou_pred"].flatten(),
        golden["in/gt_masks"][..., 0].flatten(0, 1),
        golden["in/gt_valid"].flatten(),
        golden["in/padding_mask"].repeat_interleave(3, 0),
    )

    check_mask_loss(golden, losses)


def segmenter(golden: Golden) -> PixelLLM:
    model = PixelLLM(replace(WHOLE, masks=MASKS))
    load(model, golden.params())
    return model


@dataclass(frozen=True)
class Segmented:
    """Of each prompt: what the model read, its text, and where and what that is."""

    features: ImageFeatures
    visual: Tensor
    logits: Tensor
    hidden: Tensor
    corners: Tensor
    boxes: Tensor
    masks: Tensor
    overlap: Tensor


def segmented(model: PixelLLM, golden: Golden, tokens: Tensor) -> Segmented:
    """Lead the model through phrases about the golden's images, and segment what they refer to."""
    features = features_of(model, golden)
    visual = visual_of(model, golden, features)
    encoded = model.encode_prefix(visual, rows(golden["in/context_tokens"]))
    logits, hidden = model.decode_text(encoded, tokens)
    corners = model.place(hidden, features.valid_size)
    boxes = points_box(corners, end_box_positions(tokens))
    masks, overlap = model.segment(features, boxes, visual, hidden)
    return Segmented(features, visual, logits, hidden, corners, boxes, masks, overlap)


def check_segmented(golden: Golden, model: PixelLLM, tokens: Tensor, found: Segmented) -> None:
    """What a training pass and an answer have in common."""
    golden.check("out/visual_features", found.visual)
    golden.check("out/point_coords", found.corners, scale=FRAME)
    golden.check("out/point_logits", model.point_head(found.hidden)[1])
    golden.check("out/point_valid_mask", end_box_positions(tokens))
    golden.check("out/detection_boxes", found.boxes, scale=FRAME)
    golden.check("out/detection_masks", found.masks)
    golden.check("out/iou_predictions", found.overlap)


def check_mask_loss(golden: Golden, losses: MaskLoss) -> None:
    """Each part of the mask loss, and their sum."""
    golden.check("loss/mask_focal_loss", losses.focal)
    golden.check("loss/mask_dice_loss", losses.dice)
    golden.check("loss/mask_iou_pred_loss", losses.overlap)
    golden.check("loss/mask_loss", losses.total)


def test_golden_refseg_train() -> None:
    golden = Golden("full_refseg_train")
    model = segmenter(golden)
    objective = objective_of(model, "point", "mask")
    batch = batch_of(golden)

    reading = objective.read(batch)
    found = objective.segment(reading)
    losses = objective(batch)

    check_reading_of(golden, reading)
    golden.check("out/point_logits", model.point_head(reading.hidden)[1])
    golden.check("out/detection_boxes", found.boxes, scale=FRAME)
    golden.check("out/detection_masks", found.masks)
    golden.check("out/iou_predictions", found.overlap)
    check_prompts(golden, golden["in/prompt_boxes"])
    check_mask_loss(golden, objective.mask_loss(batch, reading, found))
    check_total(golden, losses)


def test_golden_refseg_infer() -> None:
    golden = Golden("full_refseg_train")
    expected = Golden("full_refseg_infer")
    model = segmenter(golden)
    tokens = rows(golden["in/text_tokens"])

    found = segmented(model, golden, tokens)

    check_segmented(expected, model, tokens, found)
    check_prompts(expected, golden["in/prompt_boxes"])
    check_reading(expected, golden["in/context_tokens"])
    expected.check("out/text_tokens", tokens)
    expected.check("out/sam_image_embeddings", found.features.sam[::3])  # one row per prompt here


def test_padding_that_does_not_count_changes_no_mask_prompt() -> None:
    golden = Golden("mask_adapter_decoder")
    adapter = MaskAdapter(MASKS, dim=32, visual_dim=40, text_dim=48)
    load(adapter, golden.params("mask_adapter/", "mask_adapter.", prefix="adapter/params/"))
    corners, visual, text = (
        golden[f"in/{name}"].flatten(0, 1)[:2] for name in ("sparse", "visual", "text")
    )
    short = TextStates(visual[0], text[0, :3])
    long = TextStates(visual[1], text[1])

    padded, hidden, counts = TextStates.pad([short, long])
    hidden[0, 3:] = 1e3
    together = adapter(corners, padded, hidden, counts)

    assert_close(together[:1], adapter(corners[:1], visual[:1], text[:1, :3]), MODULE)
    assert_close(together[1:], adapter(corners[1:], visual[1:], text[1:]), MODULE)
