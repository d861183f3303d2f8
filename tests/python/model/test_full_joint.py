"""The model that is trained on all tasks at once, with a batch of each, against the authors'."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from pixelllm.model.pixelllm import PixelLLM, Prompts
from pixelllm.training.detection_losses import Matched, caption_prompts, detection_loss
from pixelllm.training.losses import (
    POINT_WEIGHT,
    corners_of_boxes,
    end_box_positions,
    point_loss,
    text_loss,
    word_positions,
)
from tests.python.goldens import Golden, assert_close
from tests.python.model.small import for_prompts, images_of, rows
from tests.python.model.small_detector import SAMPLING, captioner, check_losses, check_samples

FULL_PASS = 1e-4
FRAME = (112, 112)
PROMPTS = 5


def weight(batch: Golden, task: str) -> Tensor:
    """1 where the batch teaches the task, 0 where its loss does not count."""
    return batch[f"in/{task}_loss_valid_mask"].float().mean()


def prompts_of(batch: Golden, samples: Matched) -> Matched:
    """What is captioned: the detector's samples where it is taught, else the given prompts."""
    boxes, labels = batch["in/boxes"], batch["in/labels"].long()
    if weight(batch, "objcap"):
        return caption_prompts(samples, boxes, labels, count=PROMPTS)
    own = torch.arange(PROMPTS).expand_as(labels)
    return Matched(batch["in/prompt_boxes"], own, labels)


@pytest.mark.parametrize("task", ["trace", "ref", "det"])
def test_golden_joint_batch(task: str) -> None:
    golden, batch = Golden("full_joint_params"), Golden(f"full_joint_{task}")
    model: PixelLLM = captioner(golden)
    taught = int(weight(batch, "proposal"))
    features = images_of(model, golden)
    image = torch.arange(2)[:, None]

    detection, samples = detection_loss(
        model.detector,
        features.fused,
        FRAME,
        batch["in/boxes"] * taught,  # a batch that teaches no detection has no true boxes
        batch["in/labels"].long() * taught,
        SAMPLING,
    )
    prompts = prompts_of(batch, samples)
    texts = rows(batch["in/text_tokens"][image, prompts.matches])
    prefixes = batch["in/context_tokens"][image, prompts.matches]
    boxes = batch["in/boxes"][image, prompts.matches]
    labelled = prompts.labels.flatten() > 0
    seen = for_prompts(features, PROMPTS)
    visual = model.visual_prefix(seen, Prompts.of_boxes(prompts.boxes.flatten(0, 1)))
    encoded = model.encode_prefix(visual, rows(prefixes))
    logits, hidden = model.decode_text(encoded, texts)
    corners = model.place(hidden, seen.valid_size)
    traced = bool(batch["in/points"].any())
    if traced:
        valid, target = word_positions(texts), batch["in/points"].flatten(0, 1)
    else:
        valid = end_box_positions(texts)
        target = corners_of_boxes(boxes.flatten(0, 1), texts.shape[1])

    check_losses(batch, detection)
    check_samples(batch, model.detector, features.fused, samples)
    assert traced == (task == "trace")
    assert_close(samples.boxes / 112, batch["out/last_proposals"] / 112, FULL_PASS)
    assert_close(prompts.boxes / 112, batch["out/prompt_boxes"] / 112, FULL_PASS)
    assert torch.equal(prompts.labels, batch["out/gt_classes"].long())
    assert torch.equal(boxes, batch["out/gt_boxes"])
    assert torch.equal(texts, rows(batch["out/gt_text_tokens"]))
    assert torch.equal(prefixes, batch["out/context_tokens"])
    assert torch.equal(target, batch["out/gt_point_coords"].flatten(0, 1))
    assert torch.equal(valid, batch["out/point_valid_mask"].flatten(0, 1))
    assert_close(visual, batch["out/visual_features"].flatten(0, 1), FULL_PASS)
    assert_close(corners / 112, batch["out/point_coords"].flatten(0, 1) / 112, FULL_PASS)
    _, extra = model.point_head(hidden)
    assert_close(extra, batch["out/point_logits"].flatten(0, 1), FULL_PASS)

    caption = text_loss(logits, texts, labelled)
    points = point_loss(corners, target, valid & labelled[:, None])
    text_weight = (weight(batch, "cap") + weight(batch, "objcap")).clamp(max=1)
    scaled = {
        "text": caption * text_weight,
        "det": detection.total * weight(batch, "proposal"),
        "point": points * POINT_WEIGHT * weight(batch, "point"),
    }
    assert_close(caption, batch["loss/text_loss"], FULL_PASS)
    assert_close(points / 112, batch["loss/point_loss"] / 112, FULL_PASS)
    for name, loss in scaled.items():
        assert_close(loss, batch[f"loss/{name}_loss_scaled"], FULL_PASS)
    assert_close(sum(scaled.values(), torch.zeros(())), batch["loss/total_loss"], FULL_PASS)
