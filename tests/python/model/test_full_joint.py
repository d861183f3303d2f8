"""The model that is trained on all tasks at once, with a batch of each, against the authors'."""

from __future__ import annotations

import pytest
import torch

from pixelllm.model.pixelllm import PixelLLM, Prompts
from pixelllm.training.detection_losses import Matched, caption_prompts, detection_loss
from pixelllm.training.losses import (
    corners_of_boxes,
    end_box_positions,
    point_loss,
    text_loss,
    word_positions,
)
from tests.python.goldens import FRAME as SIDE
from tests.python.goldens import Golden
from tests.python.model.small import (
    check_prompts,
    check_total,
    for_prompts,
    images_of,
    rows,
    taught,
)
from tests.python.model.small_detector import (
    SAMPLING,
    captioner,
    check_losses,
    check_norms,
    check_samples,
)

FRAME = (112, 112)
PROMPTS = 5


def prompts_of(batch: Golden, samples: Matched) -> Matched:
    """What is captioned: the detector's samples where it is taught, else the given prompts."""
    boxes, labels = batch["in/boxes"], batch["in/labels"].long()
    if batch["in/objcap_loss_valid_mask"].any():
        return caption_prompts(samples, boxes, labels, count=PROMPTS)
    own = torch.arange(PROMPTS).expand_as(labels)
    return Matched(batch["in/prompt_boxes"], own, labels)


@pytest.mark.parametrize("task", ["trace", "ref", "det"])
def test_golden_joint_batch(task: str) -> None:
    golden, batch = Golden("full_joint_params"), Golden(f"full_joint_{task}")
    model: PixelLLM = captioner(golden)
    detects = int(taught(batch, "det"))
    features = images_of(model, golden)
    image = torch.arange(2)[:, None]

    detection, samples = detection_loss(
        model.detector,
        features.fused,
        FRAME,
        batch["in/boxes"] * detects,  # a batch that teaches no detection has no true boxes
        batch["in/labels"].long() * detects,
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
    check_norms(batch, model.detector, features.fused, batch["in/boxes"] * detects)
    check_prompts(batch, prompts.boxes)
    batch.check("out/last_proposals", samples.boxes, scale=SIDE)
    batch.check("out/prompt_boxes", prompts.boxes, scale=SIDE)
    batch.check("out/gt_classes", prompts.labels)
    batch.check("out/gt_boxes", boxes, exact=True)
    batch.check("out/gt_text_tokens", texts)
    batch.check("out/context_tokens", prefixes)
    batch.check("out/gt_point_coords", target, exact=True)
    batch.check("out/point_valid_mask", valid)
    batch.check("out/visual_features", visual)
    batch.check("out/point_coords", corners, scale=SIDE)
    batch.check("out/point_logits", model.point_head(hidden)[1])
    check_total(
        batch,
        {
            "text": text_loss(logits, texts, labelled),
            "det": detection.total,
            "point": point_loss(corners, target, valid & labelled[:, None]),
        },
    )
