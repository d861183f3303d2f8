"""SAM's prompt encoder: boxes and points as tokens, positions as random Fourier features.

Kirillov et al., "Segment Anything" (2023); parameter names are those of the published state dict
below `prompt_encoder.`. PixelLLM's box prompt differs from SAM's: two corner tokens followed by
three copies of `no_mask_embed`, so that a box and a point prompt have the same number of tokens.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pixelllm.model.config import PromptEncoderConfig
from pixelllm.model.sam_vit import ChannelNorm

PROMPT_TOKENS = 5  # four points and the padding point, or two corners and three fillers
IGNORED, NEGATIVE, POSITIVE = -1, 0, 1  # labels of points


class PromptEncoder(nn.Module):
    """Prompts in pixels of the model frame in, tokens out."""

    def __init__(self, config: PromptEncoderConfig) -> None:
        super().__init__()
        self.pe_layer = FourierPositions(config.dim // 2)
        # Negative point, positive point, top-left corner, bottom-right corner.
        self.point_embeddings = nn.ModuleList(nn.Embedding(1, config.dim) for _ in range(4))
        self.not_a_point_embed = nn.Embedding(1, config.dim)
        self.no_mask_embed = nn.Embedding(1, config.dim)
        self.mask_downscaling = nn.Sequential()
        if channels := config.mask_channels:
            self.mask_downscaling.extend(
                [
                    nn.Conv2d(1, channels // 4, 2, stride=2),
                    ChannelNorm(channels // 4),
                    nn.GELU(),
                    nn.Conv2d(channels // 4, channels, 2, stride=2),
                    ChannelNorm(channels),
                    nn.GELU(),
                    nn.Conv2d(channels, config.dim, 1),
                ]
            )

    def embed_points(
        self, points: Tensor, labels: Tensor, frame: tuple[int, int], *, pad: bool
    ) -> Tensor:
        """Encode points.

        Args:
            points: float[P, K, 2], (x, y) in pixels.
            labels: int[P, K]: POSITIVE, NEGATIVE or IGNORED.
            frame: (height, width) of the frame in pixels.
            pad: append an ignored point, as SAM does where no box follows.

        Returns:
            float[P, K, C], or float[P, K + 1, C] with `pad`.
        """
        points = points + 0.5  # from a pixel's corner to its centre
        if pad:
            points = F.pad(points, (0, 0, 0, 1))
            labels = F.pad(labels, (0, 1), value=IGNORED)
        label = labels[..., None]
        x = self.pe_layer.at(points, frame)
        x = torch.where(label == IGNORED, self.not_a_point_embed.weight, x)
        x = x + torch.where(label == NEGATIVE, self._kind(0), 0.0)
        return x + torch.where(label == POSITIVE, self._kind(1), 0.0)

    def embed_boxes(self, boxes: Tensor, frame: tuple[int, int]) -> Tensor:
        """Encode the two corners of float[P, 4] boxes in pixels as float[P, 2, C]."""
        corners = self.pe_layer.at(torch.unflatten(boxes + 0.5, 1, (2, 2)), frame)
        return corners + torch.cat([self._kind(2), self._kind(3)])

    def embed_masks(self, masks: Tensor) -> Tensor:
        """Encode float[P, 4h, 4w, 1] mask logits as float[P, h, w, C]."""
        x: Tensor = self.mask_downscaling(masks.permute(0, 3, 1, 2))
        return x.permute(0, 2, 3, 1)

    def box_prompt(self, boxes: Tensor, frame: tuple[int, int]) -> Tensor:
        """Tokens of a box prompt.

        Args:
            boxes: float[P, 4] in pixels of the frame.

        Returns:
            float[P, PROMPT_TOKENS, C].
        """
        corners = self.embed_boxes(boxes, frame)
        filler = self.no_mask_embed.weight.expand(len(boxes), PROMPT_TOKENS - 2, -1)
        return torch.cat([corners, filler], 1)

    def point_prompt(self, points: Tensor, frame: tuple[int, int]) -> Tensor:
        """Tokens of a point prompt: up to four positive points and the padding point.

        Args:
            points: float[P, K, 2] in pixels of the frame, K <= 4; missing ones are ignored points.

        Returns:
            float[P, PROMPT_TOKENS, C].
        """
        missing = PROMPT_TOKENS - 1 - points.shape[1]
        labels = torch.ones(points.shape[:2], dtype=torch.int64, device=points.device)
        labels = F.pad(labels, (0, missing), value=IGNORED)
        return self.embed_points(F.pad(points, (0, 0, 0, missing)), labels, frame, pad=True)

    def _kind(self, index: int) -> Tensor:
        embedding = self.point_embeddings[index]
        assert isinstance(embedding, nn.Embedding)
        return embedding.weight  # [1, C]


class FourierPositions(nn.Module):
    """Sines and cosines of random projections of a position."""

    positional_encoding_gaussian_matrix: Tensor

    def __init__(self, features: int) -> None:
        super().__init__()
        self.register_buffer("positional_encoding_gaussian_matrix", torch.randn(2, features))

    def at(self, points: Tensor, frame: tuple[int, int]) -> Tensor:
        """Encode float[..., 2] pixels (x, y) of a (height, width) frame as float[..., C]."""
        height, width = frame
        return self._encode(points / points.new_tensor([width, height]))

    def grid(self, height: int, width: int) -> Tensor:
        """Encode the cell centres of a map as float[height, width, C]."""
        device = self.positional_encoding_gaussian_matrix.device
        y = (torch.arange(height, device=device, dtype=torch.float32) + 0.5) / height
        x = (torch.arange(width, device=device, dtype=torch.float32) + 0.5) / width
        centres = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1)  # [height, width, 2]
        return self._encode(centres)

    def _encode(self, position: Tensor) -> Tensor:
        # In float32 throughout: half a degree of a fast wave is lost in bfloat16.
        matrix = self.positional_encoding_gaussian_matrix
        with torch.autocast(position.device.type, enabled=False):
            angle = 2 * math.pi * ((2 * position.float() - 1) @ matrix.float())
            return torch.cat([angle.sin(), angle.cos()], -1).to(matrix.dtype)
