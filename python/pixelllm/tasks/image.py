"""From the bytes of a file to the picture that a person sees.

The picture is 8-bit RGB, upright (EXIF rotation applied), transparency shown on white. Colour
profiles are not applied: the model was trained on plain values too.
"""

import struct
import zlib
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from pixelllm.tasks.errors import TaskError

FORMATS = ("JPEG", "PNG", "WEBP")
MIN_SIDE = 8  # fewer pixels show nothing
MAX_ASPECT = 32  # a thinner picture has no whole row of pixels left in a small model's frame
MAX_PIXELS = 64_000_000  # 192 MB as RGB; a header can claim far more than its file can hold

_ORIENTATION = 0x0112  # the EXIF tag
_XMP = ("XML:com.adobe.xmp", "xmp")  # Pillow's names of XMP data, in PNG and in the others
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# What Pillow's parsers raise on bytes that lie about themselves.
_DAMAGED = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    ArithmeticError,
    LookupError,
    TypeError,
    AttributeError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)


def decode_image(data: bytes, *, upright: bool = True) -> NDArray[np.uint8]:
    """Read a JPEG, PNG or WebP file; of a moving picture, its first frame.

    Args:
        data: the bytes of the file.
        upright: turn it as its EXIF data say; without, it is as it is stored.

    Returns:
        uint8[H, W, 3], RGB.

    Raises:
        TaskError: `image_unreadable` for another format, a damaged file or a picture too small
            or too narrow to see; `image_too_large` for more than `MAX_PIXELS`.
    """
    try:
        image = Image.open(BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError as error:
        message = "the file is not a JPEG, PNG or WebP picture, or its beginning is damaged"
        raise TaskError("image_unreadable", message) from error
    except Image.DecompressionBombError as error:
        raise _too_large() from error
    except _DAMAGED as error:
        raise _damaged() from error
    with image:
        _check_size(*image.size)
        try:
            image.load()
            return _to_rgb(_upright(image) if upright else image)
        except _DAMAGED as error:
            raise _damaged() from error


def _check_size(width: int, height: int) -> None:
    """Judge the picture by its header, before any memory is taken for it."""
    if width * height > MAX_PIXELS:
        raise _too_large()
    if min(width, height) < MIN_SIDE:
        message = f"the picture is {width} x {height} pixels; each side needs {MIN_SIDE} at least"
        raise TaskError("image_unreadable", message)
    if max(width, height) > MAX_ASPECT * min(width, height):
        message = (
            f"the picture is {width} x {height} pixels; "
            f"the longer side may be {MAX_ASPECT} times the shorter one at most"
        )
        raise TaskError("image_unreadable", message)


def _upright(image: Image.Image) -> Image.Image:
    """Turn the picture as its EXIF data say; EXIF data that cannot be read say nothing.

    Pillow would also believe an orientation in XMP data; browsers and the gateway do not.
    """
    for key in _XMP:
        image.info.pop(key, None)
    try:
        orientation = image.getexif().get(_ORIENTATION)
    except _DAMAGED:
        return image
    turn = _UPRIGHT.get(orientation) if isinstance(orientation, int) else None
    return image if turn is None else image.transpose(turn)


def _to_rgb(image: Image.Image) -> NDArray[np.uint8]:
    """uint8[H, W, 3] of a picture in any of the modes that the three formats have."""
    if image.mode.startswith("I"):
        # 16-bit grey. Pillow's own conversion to 8 bits saturates instead of scaling.
        grey = (np.asarray(image).astype(np.uint32) >> 8).clip(0, 255).astype(np.uint8)  # [H, W]
        return np.repeat(grey[:, :, None], 3, axis=2)  # [H, W, 3]
    if image.has_transparency_data:
        colour = image.convert("RGBA")
        white = Image.new("RGBA", colour.size, "white")
        image = Image.alpha_composite(white, colour)
    return np.array(image.convert("RGB"))


def _damaged() -> TaskError:
    return TaskError("image_unreadable", "the picture is damaged or cut short")


def _too_large() -> TaskError:
    message = f"the picture has more than {MAX_PIXELS // 1_000_000} million pixels"
    return TaskError("image_too_large", message)
