"""The losses that PixelLLM is trained with, as the authors compute them.

Xu et al. (CVPR 2024), section 3.4; google-research/scenic, projects/pixel_llm/modeling/losses.py.

Each is a mean over what counts. Where several processes share a batch, `total` makes of a process's
count that of all of them: the losses of the processes then add up to the loss of the whole batch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from pixelllm.model.language import PAD
from pixelllm.model.output_positions import output_positions
from pixelllm.model.resize import resize_map

LABEL_SMOOTHING: Final = 0.1
POINT_WEIGHT: Final = 0.1  # the point loss is in pixels of the model frame

PointLoss = Literal["l1", "l2", "l1_nonzero"]
Total = Callable[[Tensor], Tensor]


def own(count: Tensor) -> Tensor:
    """The total of a process that has the batch for itself: its own count."""
    return count


def text_loss(
    logits: Tensor,
    tokens: Tensor,
    valid: Tensor | None = None,
    *,
    end_id: int = 1,
    smoothing: float = LABEL_SMOOTHING,
    total: Total = own,
) -> Tensor:
    """Cross-entropy of the next token, smoothed as GRiT smooths it.

    The gold token keeps 1 - smoothing; the others share `smoothing`, without the gold one
    (torch's label smoothing gives it a share too). Padding, and texts that are empty, do not count.

    Args:
        logits: float[B, T, V].
        tokens: int[B, T], begin token first, PAD behind the end.
        valid: bool[B], texts that count; all where absent.

    Returns:
        float, the mean over the tokens that count.
    """
    target = tokens[:, 1:].long()
    counts = (target > PAD) & (target[:, :1] != end_id)
    if valid is not None:
        counts &= valid[:, None]
    log_probs = logits[:, :-1].float().log_softmax(-1)
    gold = log_probs.gather(-1, target[..., None])[..., 0]
    others = (log_probs.sum(-1) - gold) / (logits.shape[-1] - 1)
    loss = -(1 - smoothing) * gold - smoothing * others
    return (loss * counts).sum() / (total(counts.sum()) + 1e-8)


def point_loss(
    corners: Tensor,
    target: Tensor,
    valid: Tensor,
    kind: PointLoss = "l1_nonzero",
    *,
    total: Total = own,
) -> Tensor:
    """Mean distance of predicted corners to the target, in pixels of the model frame.

    Args:
        corners, target: float[B, T, K, 2].
        valid: bool[B, T], positions that count. With "l1_nonzero", an all-zero target does not.

    Returns:
        float, the mean over the positions that count; 0 where there are none.
    """
    difference = corners.float() - target
    distance = difference.square() if kind == "l2" else difference.abs()
    counts = valid.float()
    if kind == "l1_nonzero":
        counts = counts * (target.square().sum((-2, -1)) > 0)
    return (distance.mean((-2, -1)) * counts).sum() / total(counts.sum()).clamp(min=1)


def word_positions(tokens: Tensor, *, begin_id: int = 0, end_id: int = 1) -> Tensor:
    """Where a trace places its words: bool[..., T], input tokens that are no begin, end or pad."""
    return output_positions(tokens, "begin,end,pad", begin_id=begin_id, end_id=end_id)


def end_box_positions(tokens: Tensor, *, end_id: int = 1) -> Tensor:
    """Where a phrase has its box: bool[..., T], the last word, whose successor is the end token.

    A text that was cut off before its end has no such position.
    """
    return output_positions(tokens, "^end-1", end_id=end_id)


def corners_of_boxes(boxes: Tensor, length: int) -> Tensor:
    """The two corners of float[B, 4] boxes at every position, float[B, length, 2, 2]."""
    return torch.unflatten(boxes, 1, (2, 2))[:, None].expand(-1, length, -1, -1)


@dataclass(frozen=True)
class MaskLoss:
    """The parts of SAM's mask loss, weighted."""

    focal: Tensor
    dice: Tensor
    overlap: Tensor

    @property
    def total(self) -> Tensor:
        """Their sum."""
        return self.focal + self.dice + self.overlap


def mask_loss(
    logits: Tensor,
    overlap: Tensor,
    target: Tensor,
    counts: Tensor,
    valid: Tensor,
    *,
    total: Total = own,
) -> MaskLoss:
    """SAM's loss of one mask per prompt: 20 x focal + dice + error of the predicted IoU.

    Args:
        logits: float[P, h, w], enlarged to the target's size.
        overlap: float[P], the IoU that the decoder predicts.
        target: [P, H, W], above 0 where the mask is.
        counts: bool[P], prompts that count.
        valid: [P, H, W], 1 inside the image; the dice loss ignores it, as the authors' does.
    """
    height, width = target.shape[1:]
    logits = resize_map(logits[..., None], height, width, "bilinear")[..., 0].float()
    gold = (target > 0).float()
    weight = counts.float()
    inside = valid.float() * weight[:, None, None]
    count = total(weight.sum()).clamp(min=1)

    def mean(losses: Tensor) -> Tensor:
        return (losses * weight).sum() / count

    entropy = F.binary_cross_entropy_with_logits(logits, gold, reduction="none")
    probability = logits.sigmoid()
    wrong = gold * (1 - probability) + (1 - gold) * probability
    focal = (0.5 * wrong.square() * entropy * inside).sum((1, 2)) / inside.sum((1, 2)).clamp(min=1)
    common = 2 * (probability * gold).sum((1, 2))
    dice = 1 - (common + 1) / ((probability + gold).sum((1, 2)) + 1)
    found, there = logits > 0, gold > 0
    true_overlap = (found & there).sum((1, 2)) / (found | there).sum((1, 2)).clamp(min=1)
    return MaskLoss(20 * mean(focal), mean(dice), mean((true_overlap - overlap).square()))
