"""CenterNet's head: at every cell of the pyramid, is there the centre of a thing, and how big?

Zhou et al., "Probabilistic two-stage detection" (CenterNet2, 2021), without classes: one tower of
convolutions, shared by all maps, feeds both outputs.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pixelllm.model.config import DetectorConfig

GROUPS = 32
RARE = -4.6  # the logit of 0.01: at the start of training few cells hold a centre
FIRST_DISTANCE = 8.0  # strides; the first boxes have the size that their map is for


@dataclass(frozen=True)
class CenterMaps:
    """What the head says of each map, finest first.

    heat: float32[B, h, w] each, logits of "a thing's centre is in this cell".
    distances: float32[B, h, w, 4] each, from the cell's centre to the left, top, right and bottom
        edge of the thing, in strides of the map, never negative.
    """

    heat: list[Tensor]
    distances: list[Tensor]

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """(height, width) of each map."""
        return [(x.shape[1], x.shape[2]) for x in self.heat]

    @property
    def flat_heat(self) -> Tensor:
        """float32[B, M], the cells of all maps, finest map first, each row by row."""
        return torch.cat([x.flatten(1) for x in self.heat], 1)

    @property
    def flat_distances(self) -> Tensor:
        """float32[B, M, 4], in the order of `flat_heat`."""
        return torch.cat([x.flatten(1, 2) for x in self.distances], 1)


class CenterNetHead(nn.Module):
    """Pyramid in, heat and distances out."""

    def __init__(self, config: DetectorConfig) -> None:
        super().__init__()
        widths = [config.dim] + [config.tower_dim] * config.tower_layers
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            norm = nn.GroupNorm(GROUPS, after, eps=1e-6)
            layers += [nn.Conv2d(before, after, 3, padding=1), norm, nn.ReLU()]
        self.bbox_tower = nn.Sequential(*layers)
        self.bbox_pred = nn.Conv2d(config.tower_dim, 4, 3, padding=1)
        self.agn_hm = nn.Conv2d(config.tower_dim, 1, 3, padding=1)
        self.scales = nn.ParameterList(torch.ones(1) for _ in config.strides)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, std=0.01)
                assert module.bias is not None
                nn.init.zeros_(module.bias)
        for output, start in ((self.bbox_pred, FIRST_DISTANCE), (self.agn_hm, RARE)):
            assert output.bias is not None
            nn.init.constant_(output.bias, start)

    def forward(self, pyramid: list[Tensor]) -> CenterMaps:
        """Read float[B, C, h, w] maps, one per stride."""
        heat, distances = [], []
        for x, scale in zip(pyramid, self.scales, strict=True):
            x = self.bbox_tower(x)
            heat.append(self.agn_hm(x)[:, 0].float())
            distances.append(F.relu(self.bbox_pred(x) * scale).permute(0, 2, 3, 1).float())
        return CenterMaps(heat, distances)
