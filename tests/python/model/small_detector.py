"""The small detector with which the goldens were made."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from pixelllm.model.config import DetectorConfig
from pixelllm.model.detector.boxes import area
from pixelllm.model.detector.detector import Detector
from pixelllm.model.pixelllm import PixelLLM
from pixelllm.training.detection_losses import DetectionLoss, Matched, center_targets
from tests.python.goldens import Golden, load
from tests.python.model.small import WHOLE

DETECTOR = DetectorConfig(
    dim=32,
    upsample_dim=64,
    tower_dim=64,
    hidden_dim=32,
    candidates=100,
    proposals=16,
    max_detections=6,
)


def detector_of(golden: Golden) -> Detector:
    """The detector alone, with the parameters of a golden of it alone."""
    detector = Detector(DETECTOR, 64)
    load(detector, golden.params("box_decoder/", "detector."))
    return detector


def captioner(golden: Golden) -> PixelLLM:
    """A whole model with a detector and the golden's parameters.

    A golden of dense captioning alone has no point head; the model's own then stays as it is.
    """
    model = PixelLLM(replace(WHOLE, detector=DETECTOR))
    own = {f"point_head.{name}": t for name, t in model.point_head.state_dict().items()}
    load(model, own | golden.params())
    return model


def check_losses(golden: Golden, loss: DetectionLoss) -> None:
    """Each of the detector's losses."""
    golden.check("loss/pos_loss", loss.center.positive)
    golden.check("loss/neg_loss", loss.center.negative)
    golden.check("loss/reg_loss", loss.center.distance)
    golden.check("loss/stage0_roi_cls_loss", loss.roi.label)
    golden.check("loss/stage0_roi_reg_loss", loss.roi.correction)
    golden.check("loss/det_loss", loss.total)


def check_norms(golden: Golden, detector: Detector, features: Tensor, boxes: Tensor) -> None:
    """How many centres and how many cells per image the heatmap and the distances learn from."""
    shapes = [(level.shape[2], level.shape[3]) for level in detector.fpn(features)]
    targets = center_targets(boxes, shapes, DETECTOR.strides)
    images = len(boxes)
    centres, cells = (targets.heat == 1).sum(), (targets.distances.amax(2) >= 0).sum()
    golden.check("loss/hm_norm", (centres / images).clamp(min=1), exact=True)
    golden.check("loss/reg_norm", (cells / images).clamp(min=1), exact=True)


def check_samples(golden: Golden, detector: Detector, features: Tensor, samples: Matched) -> None:
    """What the box head learned from, and which of it it told right."""
    logits, _ = detector.roi_head(detector.fpn(features), samples.boxes)
    real = area(samples.boxes) > 0
    things = (samples.labels > 0) & real
    right = logits.argmax(-1) == samples.labels
    images, count = real.shape
    accuracy = golden["loss/stage0_accuracy_scalar"]  # of each sample, over the number of real ones

    golden.check("loss/stage0_num_proposals", torch.tensor(count))
    golden.check("loss/stage0_num_valid_proposals", real.sum() / images, exact=True)
    positives = things.sum() / images
    golden.check("loss/stage0_num_positives_per_img_scalar", positives, exact=True)
    assert torch.equal(right & real, accuracy > 0)
    golden.check("loss/stage0_accuracy_scalar", (right & real) / (real.sum() + 1e-4))
    share = (right & things).sum() / (things.sum() + 1e-4)
    golden.check("loss/stage0_foreground_accuracy_scalar", share)
