"""Proposals: the hottest cells of CenterNet's maps as boxes.

Strides are nominal: the authors' code takes the features for a map of stride 16 whatever their
grid is (27 x 27 for 384 pixels, so really 14.2), and its maps reach beyond the image's edge.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pixelllm.model.detector.boxes import clip_boxes
from pixelllm.model.detector.centernet_head import CenterMaps
from pixelllm.model.detector.nms import first_kept, suppress


@dataclass(frozen=True)
class Proposals:
    """Candidate boxes, best first.

    boxes: float32[B, K, 4], pixels of the model frame.
    scores: float32[B, K], heat, 0-1; 0 in a slot that nothing was left for.
    """

    boxes: Tensor
    scores: Tensor


def cell_centres(
    shapes: list[tuple[int, int]], strides: tuple[int, ...], device: torch.device | None = None
) -> Tensor:
    """Where each cell of maps of these shapes lies: float32[M, 2], (x, y) in pixels."""
    maps = []
    for (height, width), stride in zip(shapes, strides, strict=True):
        y = torch.arange(height, device=device, dtype=torch.float32) * stride + stride // 2
        x = torch.arange(width, device=device, dtype=torch.float32) * stride + stride // 2
        maps.append(torch.stack(torch.meshgrid(x, y, indexing="xy"), -1).flatten(0, 1))
    return torch.cat(maps)


def cell_strides(
    shapes: list[tuple[int, int]], strides: tuple[int, ...], device: torch.device | None = None
) -> Tensor:
    """The stride of each cell's map: float32[M]."""
    cells = torch.tensor([height * width for height, width in shapes], device=device)
    return torch.tensor(strides, device=device, dtype=torch.float32).repeat_interleave(cells)


def peaks(maps: CenterMaps, strides: tuple[int, ...], count: int) -> Proposals:
    """The boxes of the `count` hottest cells, unclipped; at most of all cells but one."""
    heat = maps.flat_heat.sigmoid()
    count = min(count, heat.shape[1] - 1)
    ranked = heat.sort(dim=1, descending=True, stable=True)
    scores, cells = ranked.values[:, :count], ranked.indices[:, :count]
    centres = cell_centres(maps.shapes, strides, heat.device)[cells]  # [B, K, 2]
    distances = maps.flat_distances * cell_strides(maps.shapes, strides, heat.device)[:, None]
    distances = distances.gather(1, cells[..., None].expand(-1, -1, 4))
    boxes = torch.cat([centres - distances[..., :2], centres + distances[..., 2:]], -1)
    return Proposals(boxes, scores)


def propose(candidates: Proposals, overlap: float, count: int, frame: tuple[int, int]) -> Proposals:
    """The best `count` candidates that overlap by less than `overlap`, clipped to the frame.

    Slots that nothing is left for repeat the last candidate with score 0.
    """
    places, real = first_kept(suppress(candidates.boxes, overlap), count)
    boxes = candidates.boxes.gather(1, places[..., None].expand(-1, -1, 4))
    return Proposals(clip_boxes(boxes, frame), candidates.scores.gather(1, places) * real)
