"""The second stage: is there a thing in a proposed box, and where exactly?

Faster R-CNN's box head with one class and one stage (scenic, projects/baselines/centernet/modeling/
roi_heads.py and box_head.py, configured as PixelLLM's dense captioning configures it).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pixelllm.model.config import DetectorConfig
from pixelllm.model.detector.boxes import clip_boxes, decode_boxes
from pixelllm.model.detector.nms import first_kept, suppress
from pixelllm.model.detector.proposals import Proposals
from pixelllm.model.detector.roi_align import pyramid_align

CROP = 7
NOTHING, THING = 0, 1  # classes
REJECTED = -1.0  # score of a box below the least score


@dataclass(frozen=True)
class Detections:
    """Regions found, best first.

    boxes: float32[B, K, 4], pixels of the model frame; all zero in an empty slot.
    scores: float32[B, K], 0-1; 0 or less in a slot without a region.
    """

    boxes: Tensor
    scores: Tensor

    @property
    def counts(self) -> Tensor:
        """How many regions each image has, int[B]; they come first."""
        return (self.scores > 0).sum(1)


class RoiHead(nn.Module):
    """Two fully connected layers over the crop of each box."""

    def __init__(self, config: DetectorConfig) -> None:
        super().__init__()
        self.strides = config.strides
        self.fc1 = nn.Linear(CROP * CROP * config.dim, config.hidden_dim)
        self.fc2 = nn.Linear(config.hidden_dim, config.hidden_dim)
        self.cls_score = nn.Linear(config.hidden_dim, 2)
        self.bbox_pred = nn.Linear(config.hidden_dim, 4)
        for output, spread in ((self.cls_score, 0.01), (self.bbox_pred, 0.001)):
            nn.init.normal_(output.weight, std=spread)
            nn.init.zeros_(output.bias)

    def forward(self, pyramid: list[Tensor], boxes: Tensor) -> tuple[Tensor, Tensor]:
        """Look at boxes.

        Args:
            pyramid: float[B, C, h, w] each.
            boxes: float32[B, K, 4], pixels.

        Returns:
            float32[B, K, 2] logits of NOTHING and THING, and float32[B, K, 4] corrections.
        """
        x = pyramid_align(pyramid, self.strides, boxes, CROP).flatten(2)
        x = F.relu(self.fc2(F.relu(self.fc1(x))))
        return self.cls_score(x).float(), self.bbox_pred(x).float()


def detections(
    logits: Tensor,
    corrections: Tensor,
    proposals: Proposals,
    frame: tuple[int, int],
    config: DetectorConfig,
    overlap: Tensor | None = None,
) -> Detections:
    """The best regions: corrected, rejected below the least score, without doubles.

    Args:
        logits, corrections: what `RoiHead` says of the proposals.
        overlap: float[B], IoU at which the weaker of two goes; where absent, the configuration's.
    """
    scores = (logits.softmax(-1)[..., THING] * proposals.scores).sqrt()
    scores = torch.where(scores > config.min_score, scores, REJECTED)
    boxes = clip_boxes(decode_boxes(corrections, proposals.boxes), frame)
    boxes, scores = _ranked(boxes, scores)

    limit = config.detection_overlap if overlap is None else overlap
    places, real = first_kept(suppress(boxes, limit), config.max_detections)
    boxes = boxes.gather(1, places[..., None].expand(-1, -1, 4)) * real[..., None]
    # Empty slots have score 0 and so come before boxes that were rejected.
    return Detections(*_ranked(boxes, scores.gather(1, places) * real))


def _ranked(boxes: Tensor, scores: Tensor) -> tuple[Tensor, Tensor]:
    scores, order = scores.sort(dim=1, descending=True, stable=True)
    return boxes.gather(1, order[..., None].expand(-1, -1, 4)), scores
