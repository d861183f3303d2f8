"""What the detector is trained with: targets, samples and losses.

CenterNet's proposals learn where centres are (focal loss) and how far the edges (GIoU); the box
head learns from sampled proposals which hold a thing and how to correct them. From scenic,
projects/baselines/centernet/modeling (centernet.py, centernet_utils.py, iou_assignment.py,
roi_heads.py), with the numbers of PixelLLM's dense captioning. Where several processes share a
batch, every count is that of all of them (`Total` in losses.py), as the authors' norms are averages
over devices.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional as F

from pixelllm.model.detector.boxes import area, encode_boxes, overlap_and_union
from pixelllm.model.detector.centernet_head import CenterMaps
from pixelllm.model.detector.detector import Detector
from pixelllm.model.detector.proposals import cell_centres, cell_strides, peaks, propose
from pixelllm.training.losses import Total, own

FAR: Final = 1.0e8  # a distance that nothing has
MIN_OVERLAP: Final = 0.8  # a box moved by its heat's radius overlaps the true one so much
MIN_RADIUS: Final = 4.0  # pixels
PROBABILITY_MARGIN: Final = 1e-4
FOCAL_POSITIVE: Final = 0.25  # weight of the cells with a centre; the others have the rest
FOCAL_POWER: Final = 2.0
NEAR_POWER: Final = 4.0  # how much less a cell near a centre counts as a negative one
HEAT_WEIGHT: Final = 0.5


@dataclass(frozen=True)
class Sampling:
    """Which boxes the box head learns from."""

    candidates: int = 2000  # as in DetectorConfig, for training
    proposals: int = 1000
    samples: int = 512  # per image
    positives: float = 0.25  # of the samples, at most
    match: float = 0.6  # IoU with a true box that makes a box positive


@dataclass(frozen=True)
class CenterTargets:
    """What CenterNet's maps should say, in the order of `CenterMaps.flat_heat`.

    heat: float32[B, M], 1 at a centre, falling off around it.
    distances: float32[B, M, 4], in strides; far below 0 in cells that learn no distances.
    """

    heat: Tensor
    distances: Tensor


@dataclass(frozen=True)
class Matched:
    """Boxes, each with the true box that it overlaps most.

    boxes: float32[B, K, 4].
    matches: int[B, K], index of the true box.
    labels: int[B, K], the true box's label; 0 where the overlap is too small.
    """

    boxes: Tensor
    matches: Tensor
    labels: Tensor


@dataclass(frozen=True)
class CenterLoss:
    """CenterNet's losses, unweighted."""

    positive: Tensor
    negative: Tensor
    distance: Tensor

    @property
    def total(self) -> Tensor:
        """Their weighted sum."""
        return HEAT_WEIGHT * (self.positive + self.negative) + self.distance


@dataclass(frozen=True)
class RoiLoss:
    """The box head's losses."""

    label: Tensor
    correction: Tensor

    @property
    def total(self) -> Tensor:
        """Their sum."""
        return self.label + self.correction


@dataclass(frozen=True)
class DetectionLoss:
    """All losses of the detector."""

    center: CenterLoss
    roi: RoiLoss

    @property
    def total(self) -> Tensor:
        """Their sum."""
        return self.center.total + self.roi.total


def detection_loss(
    detector: Detector,
    features: Tensor,
    frame: tuple[int, int],
    boxes: Tensor,
    labels: Tensor,
    sampling: Sampling | None = None,
    generator: torch.Generator | None = None,
    total: Total = own,
) -> tuple[DetectionLoss, Matched]:
    """Run the detector on images whose regions are known.

    Args:
        features: float[B, h, w, C], fused.
        frame: (height, width) of the padded model frame.
        boxes: float[B, N, 4], pixels of the frame; padding rows are all zero. N >= 1.
        labels: int[B, N], 1 for a box, 0 for padding.

    Returns:
        The losses, and the boxes that the box head learned from, positive ones first.
    """
    sampling = sampling or Sampling()
    strides = detector.config.strides
    pyramid = detector.fpn(features)
    maps: CenterMaps = detector.proposal_generator(pyramid)
    targets = center_targets(boxes, maps.shapes, strides)
    with torch.no_grad():
        candidates = peaks(maps, strides, sampling.candidates)
        proposals = propose(candidates, detector.config.proposal_overlap, sampling.proposals, frame)
        samples = sample_boxes(proposals.boxes, boxes, labels, sampling, generator)
    logits, corrections = detector.roi_head(pyramid, samples.boxes)
    center = center_loss(maps, targets, total)
    return DetectionLoss(center, roi_loss(logits, corrections, samples, boxes, total)), samples


def size_ranges(strides: tuple[int, ...]) -> list[tuple[float, float]]:
    """Half diagonals, in pixels, of the boxes that each map learns.

    2 to 5 strides, so that neighbours overlap; the first map also learns what is smaller, the last
    what is larger.
    """
    ranges = [(2.0 * stride, 5.0 * stride) for stride in strides]
    ranges[0] = (0.0, ranges[0][1])
    ranges[-1] = (ranges[-1][0], FAR)
    return ranges


def center_targets(
    boxes: Tensor, shapes: list[tuple[int, int]], strides: tuple[int, ...]
) -> CenterTargets:
    """What maps of these shapes should say of float[B, N, 4] boxes; those without area are none."""
    stride = cell_strides(shapes, strides, boxes.device)
    centres = cell_centres(shapes, strides, boxes.device)
    cells = torch.tensor([height * width for height, width in shapes], device=boxes.device)
    ranges = torch.tensor(size_ranges(strides), device=boxes.device).repeat_interleave(cells, 0)
    images = [_image_targets(image.float(), centres, stride, ranges) for image in boxes]
    return CenterTargets(*(torch.stack(parts) for parts in zip(*images, strict=True)))


def _image_targets(
    boxes: Tensor, cells: Tensor, stride: Tensor, ranges: Tensor
) -> tuple[Tensor, Tensor]:
    """Heat float[M] and distances float[M, 4] for float[N, 4] boxes and float[M, 2] cells."""
    cells, stride = cells[:, None], stride[:, None]  # against the boxes, [M, N, ...]
    edges = torch.cat([cells - boxes[:, :2], boxes[:, 2:] - cells], -1)  # [M, N, 4]
    size = (edges[..., :2] + edges[..., 2:]).square().sum(-1).sqrt() / 2
    fits = (size >= ranges[:, :1]) & (size <= ranges[:, 1:])
    real = area(boxes) > 0

    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    snapped = (centre / stride[..., None]).trunc() * stride[..., None] + stride[..., None] / 2
    away = (cells - snapped).abs()
    peak = (away == 0).all(-1) & fits
    spread = (1 - MIN_OVERLAP) / (1 + MIN_OVERLAP)
    radius = (spread**2 * 2 * area(boxes)).clamp(min=MIN_RADIUS**2)  # squared
    distance = ((cells - centre).square().sum(-1) / radius).clamp(min=1e-6)  # 1 at peaks alone
    distance = distance.masked_fill(peak, 0.0).masked_fill(~real, FAR)
    heat = (-distance).exp().amax(1)

    near = (away <= stride[..., None]).all(-1)
    learns = near & (edges.amin(-1) > 0) & fits & real
    nearest, index = torch.where(learns, distance, FAR).min(1)
    chosen = edges[torch.arange(len(edges), device=edges.device), index]
    chosen = chosen.masked_fill((nearest == FAR)[:, None], -FAR)
    return heat, chosen / stride


def center_loss(maps: CenterMaps, targets: CenterTargets, total: Total = own) -> CenterLoss:
    """Focal loss of the heat, by the number of centres, and 1 - GIoU of the distances."""
    probability = maps.flat_heat.sigmoid().clamp(PROBABILITY_MARGIN, 1 - PROBABILITY_MARGIN)
    peak = (targets.heat == 1).float()
    count = total(peak.sum(1).clamp(min=1).sum())
    hit = probability.log() * (1 - probability) ** FOCAL_POWER * peak
    miss = (1 - probability).log() * probability**FOCAL_POWER
    miss = miss * (1 - targets.heat) ** NEAR_POWER
    positive = -FOCAL_POSITIVE * hit.sum() / count
    negative = -(1 - FOCAL_POSITIVE) * miss.sum() / count

    learns = targets.distances.amax(2) >= 0
    count = total(learns.sum(1).clamp(min=1).float().sum())
    difference = 1 - giou(maps.flat_distances, targets.distances.clamp(min=0))
    return CenterLoss(positive, negative, (difference * learns).sum() / count)


def giou(first: Tensor, second: Tensor) -> Tensor:
    """Generalised IoU of boxes given as float[..., 4] distances from a common point: float[...]."""
    common = torch.minimum(first, second)
    around = torch.maximum(first, second)
    both, hull = _span(common), _span(around)
    union = _span(first) + _span(second) - both
    return both / (union + 1e-6) - (hull - union) / (hull + 1e-6)


def _span(distances: Tensor) -> Tensor:
    return (distances[..., :2] + distances[..., 2:]).prod(-1)


def match_boxes(candidates: Tensor, boxes: Tensor, labels: Tensor, match: float) -> Matched:
    """Find for each of float[B, K, 4] candidates the true box of float[B, N, 4] it overlaps most.

    Args:
        labels: int[B, N], of the true boxes.
        match: IoU from which on they match.
    """
    overlap, matches = _best_overlap(candidates, boxes)
    found = labels.gather(1, matches)
    return Matched(candidates, matches, torch.where(overlap >= match, found, 0))


def _best_overlap(candidates: Tensor, boxes: Tensor) -> tuple[Tensor, Tensor]:
    """Of each candidate with the true boxes: the largest IoU, and whose; of equals the first."""
    common, union = overlap_and_union(boxes, candidates)
    best = (common / torch.where(union > 0, union, 1.0)).max(1)
    return best.values, best.indices


def sample_boxes(
    proposals: Tensor,
    boxes: Tensor,
    labels: Tensor,
    sampling: Sampling,
    generator: torch.Generator | None = None,
) -> Matched:
    """Choose at random what the box head learns from, from float[B, K, 4] and the true boxes.

    Positive ones come first. Where the rest are too few, surplus positive ones fill up as
    negative ones, as in the authors' code.
    """
    everything = torch.cat([proposals, boxes.to(proposals.dtype)], 1)
    overlap, matches = _best_overlap(everything, boxes)
    positive = overlap >= sampling.match
    count = min(sampling.samples, everything.shape[1])
    luck = torch.rand(positive.shape, generator=generator, device=positive.device)

    chosen = positive & _highest(positive + luck, int(sampling.samples * sampling.positives))
    rank = torch.where(positive & ~chosen, -1, positive.long())
    rank = torch.where(_highest(rank + luck, count), rank, -1)
    order = rank.sort(dim=1, descending=True, stable=True).indices[:, :count]
    matches = matches.gather(1, order)
    found = torch.where(rank.gather(1, order) == 1, labels.gather(1, matches), 0)
    return Matched(everything.gather(1, order[..., None].expand(-1, -1, 4)), matches, found)


def _highest(values: Tensor, count: int) -> Tensor:
    """Which are the `count` highest of each row: bool[B, K]."""
    places = values.topk(min(count, values.shape[1]), 1).indices
    return torch.zeros_like(values, dtype=torch.bool).scatter(1, places, True)


def roi_loss(
    logits: Tensor, corrections: Tensor, samples: Matched, boxes: Tensor, total: Total = own
) -> RoiLoss:
    """Cross-entropy over all samples with area; distance of corrections over the positive ones.

    The second is divided by the number of all samples.

    Args:
        logits, corrections: what `RoiHead` says of the samples.
        boxes: float[B, N, 4], the true boxes.
    """
    real = area(samples.boxes) > 0
    entropy = F.cross_entropy(logits.transpose(1, 2), samples.labels.long(), reduction="none")
    label = (entropy * real).sum() / (total(real.sum()) + 1e-4)

    things = (samples.labels > 0) & real
    true = boxes.gather(1, samples.matches[..., None].expand(-1, -1, 4))
    target = encode_boxes(true, samples.boxes)
    target = torch.where(target.isfinite(), target, 0.0)
    difference = (corrections - target).abs() * things[..., None]
    return RoiLoss(
        label, difference.sum() / total(torch.tensor(things.numel(), device=boxes.device))
    )


def caption_prompts(
    samples: Matched, boxes: Tensor, labels: Tensor, *, count: int = 32, match: float = 0.6
) -> Matched:
    """The first samples, positive ones first, as prompts to caption.

    Each learns the text of the true box that it matches; one with label 0 learns none.
    """
    return match_boxes(samples.boxes[:, :count], boxes, labels, match)
