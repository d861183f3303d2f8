"""From an image of any size to the padded square that the encoders read.

The authors' evaluation: the shorter side to `image_size`, the longer one capped at it, so that the
image fits the square; black padding at the right and bottom. Integers are truncated as they
truncate them: a capped longer side can come out one pixel short.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from pixelllm.model.config import PixelLLMConfig

EVA_MEAN = (0.48145466 * 255, 0.4578275 * 255, 0.40821073 * 255)
EVA_STD = (0.26862954 * 255, 0.26130258 * 255, 0.27577711 * 255)
SAM_MEAN = (123.675, 116.28, 103.53)
SAM_STD = (58.395, 57.12, 57.375)


@dataclass(frozen=True)
class ModelImage:
    """An image in the model frame.

    pixels: float32[S, S, 3], 0-255, padding 0.
    valid_height, valid_width: the image's extent inside the frame, pixels.
    scale_x, scale_y: model pixels per pixel of the original image.
    """

    pixels: Tensor
    valid_height: int
    valid_width: int
    scale_x: float
    scale_y: float


def fitted_size(height: int, width: int, side: int) -> tuple[int, int]:
    """The (height, width) of an image of any size once it fits a square of `side` pixels."""
    short, long = min(height, width), max(height, width)
    size = side
    if long / short * size > side:
        size = max(1, int(side * short / long))
    ratio = long / short
    larger = min(side, int(size * ratio))  # a sliver of an image keeps at least one pixel
    return (size, larger) if height <= width else (larger, size)


def preprocess_image(image: NDArray[np.uint8], config: PixelLLMConfig) -> ModelImage:
    """Fit an image into the model frame.

    Args:
        image: uint8[H, W, 3], RGB.
    """
    height, width = image.shape[:2]
    fitted_height, fitted_width = fitted_size(height, width, config.image_size)
    x = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None].float()
    if (height, width) != (fitted_height, fitted_width):
        x = F.interpolate(
            x, (fitted_height, fitted_width), mode="bilinear", antialias=config.antialias
        )
    side = config.image_size
    x = F.pad(x, (0, side - fitted_width, 0, side - fitted_height))
    return ModelImage(
        pixels=x[0].permute(1, 2, 0).contiguous(),
        valid_height=fitted_height,
        valid_width=fitted_width,
        scale_x=fitted_width / width,
        scale_y=fitted_height / height,
    )


def normalise(
    images: Tensor, valid: Tensor, mean: tuple[float, float, float], std: tuple[float, float, float]
) -> Tensor:
    """Centre and scale the colours, and put the padding back to 0.

    Args:
        images: float[B, H, W, 3], 0-255.
        valid: float[B, H, W], 1 inside the image, 0 in the padding.

    Returns:
        float[B, H, W, 3].
    """
    return (images - images.new_tensor(mean)) / images.new_tensor(std) * valid[..., None]


def valid_mask(valid_size: Tensor, side: int) -> Tensor:
    """float[B, side, side], 1 inside each float[B, 2] (height, width), 0 in the padding."""
    position = torch.arange(side, device=valid_size.device)
    rows = position < valid_size[:, :1]
    columns = position < valid_size[:, 1:]
    return (rows[:, :, None] & columns[:, None, :]).float()
