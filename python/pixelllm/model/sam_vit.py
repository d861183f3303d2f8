"""SAM's image encoder: a ViT with windowed attention, a few global blocks and a convolutional neck.

Kirillov et al., "Segment Anything" (2023); parameter names are those of the published state dict
below `image_encoder.`. PixelLLM runs it at 384 px instead of 1024: the position table is resized
with a bicubic, the relative-position tables of the global blocks with a linear filter.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pixelllm.model.config import SamViTConfig
from pixelllm.model.drop_path import block_chance, drop_path
from pixelllm.model.patch_embed import PatchEmbed
from pixelllm.model.resize import resize_map, resize_rows


class SamViT(nn.Module):
    """Image in, `neck_dim`-channel map with one cell per patch out."""

    def __init__(self, config: SamViTConfig) -> None:
        super().__init__()
        grid = config.pretrain_image_size // config.patch_size
        self.patch_embed = PatchEmbed(config.patch_size, config.dim, config.stem)
        self.pos_embed = nn.Parameter(torch.zeros(1, grid, grid, config.dim))
        self.blocks = nn.ModuleList(
            Block(
                config,
                window=0 if i in config.global_blocks else config.window,
                drop_path=block_chance(config.drop_path, i, config.depth),
            )
            for i in range(config.depth)
        )
        self.neck = nn.Sequential(
            nn.Conv2d(config.dim, config.neck_dim, 1, bias=False),
            ChannelNorm(config.neck_dim),
            nn.Conv2d(config.neck_dim, config.neck_dim, 3, padding=1, bias=False),
            ChannelNorm(config.neck_dim),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Encode normalised images.

        Args:
            images: float[B, H, W, 3], padded pixels 0.

        Returns:
            float[B, H // patch_size, W // patch_size, neck_dim].
        """
        x: Tensor = self.patch_embed(images)
        x = x + resize_map(self.pos_embed, x.shape[1], x.shape[2])
        for block in self.blocks:
            x = block(x)
        x = self.neck(x.permute(0, 3, 1, 2))
        return x.permute(0, 2, 3, 1)


class Block(nn.Module):
    """Attention (over windows where `window` > 0, else over the whole map) and MLP, pre-norm."""

    def __init__(self, config: SamViTConfig, window: int, drop_path: float) -> None:
        super().__init__()
        self.drop_path = drop_path
        grid = window or config.pretrain_image_size // config.patch_size
        self.window = window
        self.norm1 = nn.LayerNorm(config.dim, eps=1e-6)
        self.attn = Attention(config.dim, config.heads, grid)
        self.norm2 = nn.LayerNorm(config.dim, eps=1e-6)
        self.mlp = Mlp(config.dim, int(config.dim * config.mlp_ratio))

    def forward(self, x: Tensor) -> Tensor:
        """float[B, h, w, C] to the same."""
        y: Tensor = self.norm1(x)
        y = windowed(y, self.window, self.attn) if self.window else self.attn(y)
        x = x + drop_path(y, self.drop_path, self.training)
        return x + drop_path(self.mlp(self.norm2(x)), self.drop_path, self.training)


class Attention(nn.Module):
    """Multi-head attention over a map, with relative positions decomposed into rows and columns."""

    def __init__(self, dim: int, heads: int, grid: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)
        self.rel_pos_h = nn.Parameter(torch.zeros(2 * grid - 1, dim // heads))
        self.rel_pos_w = nn.Parameter(torch.zeros(2 * grid - 1, dim // heads))

    def forward(self, x: Tensor) -> Tensor:
        """float[B, h, w, C] to the same."""
        batch, height, width, _ = x.shape
        qkv = self.qkv(x).view(batch, height * width, 3, self.heads, -1)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)  # each [B, heads, N, C / heads]
        bias = self._relative_bias(q, height, width)
        x = F.scaled_dot_product_attention(q, k, v, attn_mask=bias)
        x = x.transpose(1, 2).reshape(batch, height, width, -1)
        y: Tensor = self.proj(x)
        return y

    def _relative_bias(self, q: Tensor, height: int, width: int) -> Tensor:
        """float[B, heads, N, N]: what each query adds for the row and column distance of a key."""
        rows = relative_table(self.rel_pos_h, height).to(q.dtype)  # [h, h, C / heads]
        columns = relative_table(self.rel_pos_w, width).to(q.dtype)
        grid = torch.unflatten(q, 2, (height, width))
        by_row = torch.einsum("bnhwc,hkc->bnhwk", grid, rows)
        by_column = torch.einsum("bnhwc,wkc->bnhwk", grid, columns)
        bias = by_row[..., :, None] + by_column[..., None, :]  # [B, heads, h, w, h, w]
        return bias.flatten(4, 5).flatten(2, 3)


class Mlp(nn.Module):
    """Two linear layers with an exact GELU between."""

    def __init__(self, dim: int, hidden_dim: int) -> None:
        super().__init__()
        self.lin1 = nn.Linear(dim, hidden_dim)
        self.lin2 = nn.Linear(hidden_dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        """float[..., C] to the same."""
        y: Tensor = self.lin2(F.gelu(self.lin1(x)))
        return y


class ChannelNorm(nn.Module):
    """Layer norm over the channels of a channels-first map."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """float[B, C, h, w] to the same."""
        x = F.layer_norm(x.permute(0, 2, 3, 1), self.weight.shape, self.weight, self.bias, 1e-6)
        return x.permute(0, 3, 1, 2)


def relative_table(table: Tensor, size: int) -> Tensor:
    """Spread float[2 * trained_size - 1, C] to float[size (query), size (key), C]."""
    table = resize_rows(table, 2 * size - 1)
    position = torch.arange(size, device=table.device)
    return table[position[:, None] - position[None, :] + size - 1]


def windowed(x: Tensor, window: int, attend: nn.Module) -> Tensor:
    """Apply `attend` to each window of a map; a map that does not divide is padded with zeros.

    The zeros are attended to like any other cell, as in SAM.

    Args:
        x: float[B, h, w, C].

    Returns:
        float[B, h, w, C].
    """
    batch, height, width, channels = x.shape
    x = F.pad(x, (0, 0, 0, -width % window, 0, -height % window))
    rows, columns = x.shape[1] // window, x.shape[2] // window
    x = x.view(batch, rows, window, columns, window, channels).transpose(2, 3)
    x = attend(x.reshape(-1, window, window, channels))
    x = x.view(batch, rows, columns, window, window, channels).transpose(2, 3)
    return x.reshape(batch, rows * window, columns * window, channels)[:, :height, :width]
