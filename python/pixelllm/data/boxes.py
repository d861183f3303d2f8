"""Boxes as annotations have them, in the image's pixels."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

from pixelllm.data.errors import DatasetError
from pixelllm.data.sample import Box


def box_from_corners(corners: Any, place: str) -> Box:
    """(x_min, y_min, x_max, y_max). Raises DatasetError where it is not four finite numbers."""
    x0, y0, x1, y1 = _four_numbers(corners, place)
    return x0, y0, x1, y1


def box_from_size(values: Any, place: str) -> Box:
    """The box of COCO's (x, y, width, height)."""
    x, y, width, height = _four_numbers(values, place)
    return x, y, x + width, y + height


def box_around(boxes: Iterable[Sequence[float]]) -> Box:
    """The smallest box that has all of them in it; there must be one."""
    x0, y0, x1, y1 = zip(*boxes, strict=True)
    return min(x0), min(y0), max(x1), max(y1)


def clip_box(box: Box, width: int, height: int) -> Box | None:
    """The part of a box that is inside the image; None where there is none."""
    x0, x1 = max(0.0, box[0]), min(float(width), box[2])
    y0, y1 = max(0.0, box[1]), min(float(height), box[3])
    return (x0, y0, x1, y1) if x0 < x1 and y0 < y1 else None


def _four_numbers(values: Any, place: str) -> Sequence[float]:
    if (
        not isinstance(values, (list, tuple))
        or len(values) != 4
        or not all(is_number(v) for v in values)
    ):
        raise DatasetError(f"{place}: a box is four numbers, not {str(values)[:80]}")
    return [float(v) for v in values]


def is_number(value: Any) -> bool:
    """Whether a JSON value is a finite number; true and false are none."""
    return type(value) in (int, float) and math.isfinite(value)
