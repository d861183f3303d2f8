"""Picture files for tests."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

ORIENTATION = 0x0112


def encode(image: Image.Image, form: str, **options: object) -> bytes:
    """The bytes of `image` as a file."""
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def gradient(height: int, width: int) -> NDArray[np.uint8]:
    """uint8[H, W, 3] in which every corner has another colour."""
    y = np.linspace(0, 255, height).astype(np.uint8)[:, None].repeat(width, 1)
    x = np.linspace(0, 255, width).astype(np.uint8)[None].repeat(height, 0)
    return np.stack([x, y, 255 - x], 2)


def png(pixels: NDArray[np.uint8]) -> bytes:
    """A PNG file of uint8[H, W, 3] pixels."""
    return encode(Image.fromarray(pixels), "PNG")


def rotated(pixels: NDArray[np.uint8], orientation: int, form: str = "PNG") -> bytes:
    """A file of `pixels` whose EXIF data name this orientation."""
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return encode(Image.fromarray(pixels), form, exif=exif, **_LOSSLESS.get(form, {}))


_LOSSLESS: dict[str, dict[str, object]] = {"WEBP": {"lossless": True}, "JPEG": {"quality": 95}}
