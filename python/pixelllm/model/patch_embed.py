"""From pixels to patch tokens, for both image encoders.

Published encoders cut the image into patches with one strided convolution. A model trained from
nothing on little data learns much faster with a few small convolutions before it (Xiao et al.,
"Early Convolutions Help Transformers See Better", 2021): `stem` names their channels.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn


class PatchEmbed(nn.Module):
    """Strided 3x3 convolutions that each halve the map, then one convolution per patch."""

    def __init__(self, patch_size: int, dim: int, stem: Sequence[int] = ()) -> None:
        super().__init__()
        halvings = 2 ** len(stem)
        if patch_size % halvings:
            raise ValueError(f"patch_size {patch_size} is no multiple of the stem's {halvings}")
        self.stem = nn.Sequential()
        channels = 3
        for width in stem:
            self.stem.append(nn.Conv2d(channels, width, 3, stride=2, padding=1))
            self.stem.append(nn.GroupNorm(4, width))
            self.stem.append(nn.GELU())
            channels = width
        size = patch_size // halvings
        self.proj = nn.Conv2d(channels, dim, size, stride=size)

    def forward(self, images: Tensor) -> Tensor:
        """Embed every whole patch; what is left at the right and bottom edge is dropped.

        Args:
            images: float[B, H, W, 3], normalised.

        Returns:
            float[B, H // patch_size, W // patch_size, C].
        """
        x: Tensor = self.proj(self.stem(images.permute(0, 3, 1, 2)))
        return x.permute(0, 2, 3, 1)
