"""A decoded picture as the model takes it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pixelllm.model.config import PixelLLMConfig
from pixelllm.model.preprocess import ModelImage, preprocess_image
from pixelllm.tasks.frame import Frame


@dataclass(frozen=True)
class Picture:
    """A decoded picture in the model's frame."""

    frame: Frame
    image: ModelImage


def fit_picture(pixels: NDArray[np.uint8], config: PixelLLMConfig) -> Picture:
    """Fit uint8[H, W, 3], RGB, into the model's frame."""
    height, width = pixels.shape[:2]
    image = preprocess_image(pixels, config)
    return Picture(Frame(width, height, image.scale_x, image.scale_y), image)
