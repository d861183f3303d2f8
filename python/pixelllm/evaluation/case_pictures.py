"""Pictures of single answers: the image with the true boxes and the predicted ones."""

from collections.abc import Sequence
from typing import Final

from PIL import Image, ImageDraw

from pixelllm.data import sample as data
from pixelllm.evaluation.measures.base import Case
from pixelllm.tasks.masks import decode_mask

TRUE: Final = (0, 158, 115)  # green and orange, which everybody tells apart
FOUND: Final = (213, 94, 0)
TINT: Final = 120  # of 255: how far a mask's pixels take its colour
LONG_SIDE: Final = 480  # pixels of a picture, about


def draw_case(image: data.Image, case: Case) -> Image.Image:
    """The image, small ones enlarged, with true boxes in green and predicted ones in orange.

    A predicted mask is tinted.
    """
    picture = Image.fromarray(image)
    if case.mask is not None:
        veil = (
            Image.fromarray(decode_mask(case.mask)).convert("L").point(lambda on: on * TINT // 255)
        )
        picture.paste(FOUND, mask=veil)
    scale = LONG_SIDE / max(picture.size)
    size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    picture = picture.resize(size, Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(picture)
    _outline(draw, case.true, scale, TRUE, width=4)
    _outline(draw, case.found, scale, FOUND, width=2)  # inside the green where both agree
    return picture


def _outline(
    draw: ImageDraw.ImageDraw,
    boxes: Sequence[data.Box],
    scale: float,
    colour: tuple[int, int, int],
    width: int,
) -> None:
    for x0, y0, x1, y1 in boxes:
        left, right = sorted((round(x0 * scale), round(x1 * scale)))
        top, bottom = sorted((round(y0 * scale), round(y1 * scale)))
        draw.rectangle((left, top, max(left, right - 1), max(top, bottom - 1)), None, colour, width)
