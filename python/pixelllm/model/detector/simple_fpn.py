"""SimpleFPN: a pyramid of five maps from one.

Li et al., "Exploring Plain Vision Transformer Backbones for Object Detection" (2022); parameter
names are Detectron2's. The finest map has twice the grid of the features, each next one half of
the one before.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from pixelllm.model.config import DetectorConfig
from pixelllm.model.sam_vit import ChannelNorm


class SimpleFpn(nn.Module):
    """Features at 2, 1 and 1/2 of their grid, and two coarser maps made from the last."""

    def __init__(self, config: DetectorConfig, dim: int) -> None:
        super().__init__()
        out, finer = config.dim, config.upsample_dim // 2
        self.simfp_3 = nn.Sequential(
            nn.ConvTranspose2d(dim, finer, 2, stride=2),
            NormedConv(finer, out, 1),
            NormedConv(out, out, 3),
        )
        self.simfp_4 = nn.Sequential(NormedConv(dim, out, 1), NormedConv(out, out, 3))
        self.simfp_5 = nn.Sequential(
            nn.MaxPool2d(2), NormedConv(dim, out, 1), NormedConv(out, out, 3)
        )
        self.top_block = TopBlock(out)

    def forward(self, features: Tensor) -> list[Tensor]:
        """float[B, h, w, Ci] to five maps float[B, C, h', w'], finest first."""
        x = features.permute(0, 3, 1, 2)
        maps: list[Tensor] = [self.simfp_3(x), self.simfp_4(x), self.simfp_5(x)]
        return [*maps, *self.top_block(maps[-1])]


class NormedConv(nn.Conv2d):
    """A convolution that keeps the grid, then a norm over the channels."""

    def __init__(self, channels: int, out: int, kernel: int) -> None:
        super().__init__(channels, out, kernel, padding=kernel // 2, bias=False)
        self.norm = ChannelNorm(out)

    def forward(self, x: Tensor) -> Tensor:
        """float[B, Ci, h, w] to float[B, C, h, w]."""
        y: Tensor = self.norm(super().forward(x))
        return y


class TopBlock(nn.Module):
    """Two more maps, each of half the grid of the one before, odd grids rounded up."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.p6 = nn.Conv2d(dim, dim, 3, stride=2, padding=1)
        self.p7 = nn.Conv2d(dim, dim, 3, stride=2, padding=1)

    def forward(self, x: Tensor) -> list[Tensor]:
        """float[B, C, h, w] to the two maps."""
        p6: Tensor = self.p6(x)
        return [p6, self.p7(F.relu(p6))]
