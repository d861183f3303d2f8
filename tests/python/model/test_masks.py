"""The mask adapter and SAM's mask decoder against the authors' code."""

from __future__ import annotations

from dataclasses import replace

import torch

from pixelllm.model.config import MaskDecoderConfig
from pixelllm.model.mask_adapter import MaskAdapter, TextStates
from pixelllm.model.mask_decoder import MaskDecoder
from pixelllm.model.pixelllm import PixelLLM, Prompts
from pixelllm.model.point_head import points_box
from pixelllm.training.losses import end_box_positions, mask_loss
from tests.python.goldens import Golden, assert_close, load
from tests.python.model.small import WHOLE, features_of, rows

MODULE = 1e-5
FULL_PASS = 1e-4
MASKS = MaskDecoderConfig(depth=2, mlp_dim=64, hidden_dim=24)


def test_golden_mask_adapter() -> None:
    golden = Golden("mask_adapter_decoder")
    adapter = MaskAdapter(MASKS, dim=32, visual_dim=40, text_dim=48)
    load(adapter, golden.params("mask_adapter/", "mask_adapter.", prefix="adapter/params/"))
    inputs = (golden[f"in/{name}"].flatten(0, 1) for name in ("sparse", "visual", "text"))

    assert_close(adapter(*inputs), golden["out/adapter"].flatten(0, 1), MODULE)


def test_golden_mask_decoder() -> None:
    golden = Golden("mask_adapter_decoder")
    decoder = MaskDecoder(MASKS, dim=32)
    load(decoder, golden.params("mask_decoder/", "mask_decoder.", prefix="decoder/params/"))
    sparse = golden["out/adapter"][0]  # the first image's prompts, adapted
    image = golden["in/image_embedding"].expand(len(sparse), -1, -1, -1)

    masks, overlap = decoder(image, golden["in/image_pe"], sparse, golden["in/dense"])

    assert_close(masks[:, :1], golden["out/masks_single"], MODULE)
    assert_close(masks[:, 1:], golden["out/masks_multi"], MODULE)
    assert_close(overlap[:, :1], golden["out/iou_single"], MODULE)
    assert_close(overlap[:, 1:], golden["out/iou_multi"], MODULE)


def test_golden_sam_mask_loss() -> None:
    golden = Golden("sam_mask_loss")

    losses = mask_loss(
        golden["in/low_res_masks"].flatten(0, 2),
        golden["in/iou_pred"].flatten(),
        golden["in/gt_masks"][..., 0].flatten(0, 1),
        golden["in/gt_valid"].flatten(),
        golden["in/padding_mask"].repeat_interleave(3, 0),
    )

    assert_close(losses.focal, golden["loss/mask_focal_loss"], MODULE)
    assert_close(losses.dice, golden["loss/mask_dice_loss"], MODULE)
    assert_close(losses.overlap, golden["loss/mask_iou_pred_loss"], MODULE)
    assert_close(losses.total, golden["loss/mask_loss"], MODULE)


def segmenter(golden: Golden) -> PixelLLM:
    model = PixelLLM(replace(WHOLE, masks=MASKS))
    load(model, golden.params())
    return model


def test_golden_refseg_train() -> None:
    golden = Golden("full_refseg_train")
    model = segmenter(golden)
    features = features_of(model, golden)
    tokens = rows(golden["in/text_tokens"])

    visual = model.visual_prefix(
        features, Prompts.of_boxes(golden["in/prompt_boxes"].flatten(0, 1))
    )
    encoded = model.encode_prefix(visual, rows(golden["in/context_tokens"]))
    _, hidden = model.decode_text(encoded, tokens)
    corners = model.place(hidden, features.valid_size)
    boxes = points_box(corners, end_box_positions(tokens))
    masks, overlap = model.segment(features, boxes, visual, hidden)

    assert_close(boxes / 112, golden["out/detection_boxes"].flatten(0, 1) / 112, FULL_PASS)
    assert_close(masks, golden["out/detection_masks"].flatten(0, 2), FULL_PASS)
    assert_close(overlap, golden["out/iou_predictions"].flatten(), FULL_PASS)
    losses = mask_loss(
        masks,
        overlap,
        golden["in/masks"][..., 0].flatten(0, 1),
        golden["in/labels"].flatten() > 0,
        golden["in/padding_mask"].repeat_interleave(3, 0),
    )
    assert_close(losses.total, golden["loss/mask_loss"], FULL_PASS)


def test_golden_refseg_infer() -> None:
    golden = Golden("full_refseg_train")
    expected = Golden("full_refseg_infer")
    model = segmenter(golden)
    features = features_of(model, golden)
    tokens = rows(expected["out/text_tokens"])

    visual = model.visual_prefix(
        features, Prompts.of_boxes(golden["in/prompt_boxes"].flatten(0, 1))
    )
    encoded = model.encode_prefix(visual, rows(golden["in/context_tokens"]))
    _, hidden = model.decode_text(encoded, tokens)
    boxes = points_box(model.place(hidden, features.valid_size), end_box_positions(tokens))
    masks, overlap = model.segment(features, boxes, visual, hidden)

    assert torch.equal(tokens, rows(golden["in/text_tokens"]))
    assert_close(boxes / 112, expected["out/detection_boxes"].flatten(0, 1) / 112, FULL_PASS)
    assert_close(masks, expected["out/detection_masks"].flatten(0, 1), FULL_PASS)
    assert_close(overlap, expected["out/iou_predictions"].flatten(), FULL_PASS)


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
