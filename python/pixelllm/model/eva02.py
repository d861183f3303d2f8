"""EVA02's image encoder: a plain ViT with rotary positions and SwiGLU.

Fang et al., "EVA-02: A Visual Representation for Neon Genesis" (2023); parameter names are those
of the EVA repository. Two things differ from how EVA02 is used elsewhere, both kept from the
authors' code: rotary positions are the raw grid coordinates, not scaled to the pre-training grid,
and there is no norm inside the attention.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pixelllm.model.config import Eva02Config
from pixelllm.model.drop_path import block_chance, drop_path
from pixelllm.model.patch_embed import PatchEmbed
from pixelllm.model.resize import resize_map


class Eva02(nn.Module):
    """Image in, `dim`-channel map with one cell per patch out."""

    def __init__(self, config: Eva02Config) -> None:
        super().__init__()
        grid = config.pretrain_image_size // config.patch_size
        self.config = config
        self.patch_embed = PatchEmbed(config.patch_size, config.dim, config.stem)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, config.dim))
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + grid * grid, config.dim))
        self.blocks = nn.ModuleList(
            Block(config, block_chance(config.drop_path, i, config.depth))
            for i in range(config.depth)
        )
        self.norm = nn.LayerNorm(config.dim, eps=1e-6)

    def forward(self, images: Tensor) -> Tensor:
        """Encode normalised images.

        Args:
            images: float[B, H, W, 3], padded pixels 0.

        Returns:
            float[B, H // patch_size, W // patch_size, C]; the class token is dropped.
        """
        x: Tensor = self.patch_embed(images)
        height, width = x.shape[1:3]
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), x.flatten(1, 2)], 1)  # [B, 1 + N, C]
        x = x + self.positions(height, width)
        rope = rotary_angles(height, width, self.head_dim, self.config.rope_theta, x.device)
        for block in self.blocks:
            x = block(x, rope)
        x = self.norm(x)
        return torch.unflatten(x[:, 1:], 1, (height, width))

    @property
    def head_dim(self) -> int:
        """Channels of one attention head."""
        return self.config.dim // self.config.heads

    def positions(self, height: int, width: int) -> Tensor:
        """The learned position table at another grid, float[1, 1 + height * width, C]."""
        side = self.config.pretrain_image_size // self.config.patch_size
        grid = torch.unflatten(self.pos_embed[:, 1:], 1, (side, side))
        return torch.cat([self.pos_embed[:, :1], resize_map(grid, height, width).flatten(1, 2)], 1)


class Block(nn.Module):
    """Attention and SwiGLU, pre-norm."""

    def __init__(self, config: Eva02Config, drop_path: float) -> None:
        super().__init__()
        self.drop_path = drop_path
        self.norm1 = nn.LayerNorm(config.dim, eps=1e-6)
        self.attn = Attention(config.dim, config.heads)
        self.norm2 = nn.LayerNorm(config.dim, eps=1e-6)
        self.mlp = SwiGLU(config.dim, int(config.dim * config.mlp_ratio))

    def forward(self, x: Tensor, rope: Tensor) -> Tensor:
        """float[B, 1 + N, C] to the same."""
        x = x + drop_path(self.attn(self.norm1(x), rope), self.drop_path, self.training)
        return x + drop_path(self.mlp(self.norm2(x)), self.drop_path, self.training)


class Attention(nn.Module):
    """Multi-head attention; queries and values have a bias, keys have none."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q_proj = nn.Linear(dim, dim, bias=False)
        self.k_proj = nn.Linear(dim, dim, bias=False)
        self.v_proj = nn.Linear(dim, dim, bias=False)
        self.q_bias = nn.Parameter(torch.zeros(dim))
        self.v_bias = nn.Parameter(torch.zeros(dim))
        self.proj = nn.Linear(dim, dim)

    def forward(self, x: Tensor, rope: Tensor) -> Tensor:
        """float[B, 1 + N, C] to the same; the class token has no position to rotate by."""
        q = rotate_patches(self._split(self.q_proj(x) + self.q_bias), rope)
        k = rotate_patches(self._split(self.k_proj(x)), rope)
        v = self._split(self.v_proj(x) + self.v_bias)
        x = F.scaled_dot_product_attention(q, k, v)
        y: Tensor = self.proj(x.transpose(1, 2).flatten(2))
        return y

    def _split(self, x: Tensor) -> Tensor:
        return torch.unflatten(x, 2, (self.heads, -1)).transpose(
            1, 2
        )  # [B, heads, 1 + N, C / heads]


class SwiGLU(nn.Module):
    """Gated MLP with a norm before its last layer ("sub-LN")."""

    def __init__(self, dim: int, hidden_dim: int) -> None:
        super().__init__()
        self.w1 = nn.Linear(dim, hidden_dim)
        self.w2 = nn.Linear(dim, hidden_dim)
        self.ffn_ln = nn.LayerNorm(hidden_dim, eps=1e-5)
        self.w3 = nn.Linear(hidden_dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        """float[..., C] to the same."""
        y: Tensor = self.w3(self.ffn_ln(F.silu(self.w1(x)) * self.w2(x)))
        return y


def rotary_angles(
    height: int, width: int, head_dim: int, theta: float, device: torch.device
) -> Tensor:
    """Rotation angles of every cell: the first half of a head turns by row, the second by column.

    Returns:
        float32[height * width, head_dim / 2], one angle per channel pair.
    """
    half = head_dim // 2
    frequency = theta ** (-torch.arange(0, half, 2, device=device, dtype=torch.float32) / half)
    row = torch.arange(height, device=device, dtype=torch.float32)[:, None] * frequency
    column = torch.arange(width, device=device, dtype=torch.float32)[:, None] * frequency
    row = row[:, None].expand(-1, width, -1)
    column = column[None].expand(height, -1, -1)
    return torch.cat([row, column], -1).flatten(0, 1)


def rotate(x: Tensor, angles: Tensor) -> Tensor:
    """Turn neighbouring channel pairs of float[..., N, C] by float[N, C / 2] radians."""
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack([even * cos - odd * sin, odd * cos + even * sin], -1).flatten(-2)


def rotate_patches(x: Tensor, angles: Tensor) -> Tensor:
    """Rotate all tokens of float[..., 1 + N, C] but the class token."""
    return torch.cat([x[..., :1, :], rotate(x[..., 1:, :], angles)], -2)
