"""SAM's mask decoder: a mask for each prompt, and how good it is.

Kirillov et al., "Segment Anything" (2023); parameter names are those of the published state dict
below `mask_decoder.`. PixelLLM uses the first of its four masks, the one for unambiguous prompts.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pixelllm.model.config import MaskDecoderConfig
from pixelllm.model.sam_vit import ChannelNorm
from pixelllm.model.two_way import TwoWayTransformer

MASKS = 4  # one for unambiguous prompts, then three from part to whole


class MaskDecoder(nn.Module):
    """Image features and a prompt's tokens in, mask logits at four times the grid out."""

    def __init__(self, config: MaskDecoderConfig, dim: int) -> None:
        super().__init__()
        self.iou_token = nn.Embedding(1, dim)
        self.mask_tokens = nn.Embedding(MASKS, dim)
        self.transformer = TwoWayTransformer(dim, config.depth, config.heads, config.mlp_dim)
        self.output_upscaling = nn.Sequential(
            nn.ConvTranspose2d(dim, dim // 4, 2, stride=2),
            ChannelNorm(dim // 4),
            nn.GELU(),
            nn.ConvTranspose2d(dim // 4, dim // 8, 2, stride=2),
            nn.GELU(),
        )
        hidden = config.hidden_dim
        self.output_hypernetworks_mlps = nn.ModuleList(
            Mlp([dim, hidden, hidden, dim // 8]) for _ in range(MASKS)
        )
        self.iou_prediction_head = Mlp([dim, hidden, hidden, MASKS])

    def forward(
        self, image: Tensor, image_pe: Tensor, sparse: Tensor, dense: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Decode all masks of each prompt.

        Args:
            image: float[P, h, w, C], SAM's features of each prompt's image.
            image_pe: float[h, w, C], Fourier positions of the cells.
            sparse: float[P, K, C], the prompt's tokens.
            dense: float[1, C], added to every cell ("no mask").

        Returns:
            Mask logits float[P, MASKS, 4h, 4w] and predicted IoU float[P, MASKS].
        """
        height, width = image.shape[1:3]
        own = torch.cat([self.iou_token.weight, self.mask_tokens.weight])
        tokens = torch.cat([own.expand(len(sparse), -1, -1), sparse], 1)
        cells = image.flatten(1, 2) + dense
        tokens, cells = self.transformer(cells, image_pe.flatten(0, 1)[None], tokens)
        fine = cells.transpose(1, 2).unflatten(2, (height, width))
        fine = self.output_upscaling(fine)  # [P, C / 8, 4h, 4w]
        weights = torch.stack(
            [mlp(tokens[:, 1 + i]) for i, mlp in enumerate(self.output_hypernetworks_mlps)], 1
        )  # [P, MASKS, C / 8]
        masks = torch.einsum("pmc,pchw->pmhw", weights, fine)
        return masks, self.iou_prediction_head(tokens[:, 0])


class Mlp(nn.Module):
    """Linear layers with ReLUs between."""

    def __init__(self, widths: list[int]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))

    def forward(self, x: Tensor) -> Tensor:
        """float[..., widths[0]] to float[..., widths[-1]]."""
        for layer in self.layers[:-1]:
            x = F.relu(layer(x))
        y: Tensor = self.layers[-1](x)
        return y
