"""Masks as COCO's annotations have them: polygons, run lengths as numbers, run lengths as text.

Runs go down the columns, off and on in turn; their text is that of pycocotools
(common/maskApi.c, rleToString). Run lengths are decoded here and not by pycocotools, whose C code
believes what a file says about its sizes; it draws the polygons, whose points are checked first.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco

from pixelllm.data.boxes import is_number
from pixelllm.data.errors import DatasetError
from pixelllm.data.sample import Mask

_FAR: Final = 2  # a polygon may leave the image by so many of its sides
_MAX_RUN_BITS: Final = 40  # more than any image has pixels


def decode_segmentation(segmentation: Any, height: int, width: int, place: str) -> Mask:
    """The mask of a `segmentation` of COCO's, bool[H, W].

    Args:
        segmentation: a list of polygons, each [x0, y0, x1, y1, ...] in pixels; or
            {"size": [height, width], "counts": ...} with the runs as a list or as text.
        place: where it is, for errors.

    Raises:
        DatasetError: it is neither, or not of this image.
    """
    if isinstance(segmentation, list):
        return _fill(segmentation, height, width, place)
    if not isinstance(segmentation, dict) or "counts" not in segmentation:
        raise DatasetError(f"{place}: a mask is a list of polygons, or has size and counts")
    size = segmentation.get("size")
    if size != [height, width]:
        raise DatasetError(
            f"{place}: the mask's size is {size}; the image's, [height, width], is "
            f"[{height}, {width}]"
        )
    counts = segmentation["counts"]
    runs = _runs_of_text(counts, place) if isinstance(counts, (str, bytes)) else counts
    return _paint(runs, height, width, place)


def encode_runs(mask: Mask) -> dict[str, Any]:
    """A mask, bool[H, W], in COCO's form with the runs as a list."""
    height, width = mask.shape
    flat = mask.T.reshape(-1)
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    start = [0] if flat[0] else []  # the first run is off
    ends = np.concatenate([[0], start, changes, [flat.size]]).astype(np.int64)
    return {"size": [height, width], "counts": np.diff(ends).tolist()}


def _paint(runs: Any, height: int, width: int, place: str) -> Mask:
    if not isinstance(runs, Sequence) or not all(type(r) is int and r >= 0 for r in runs):
        raise DatasetError(f"{place}: the counts of a mask are whole numbers, none below 0")
    if sum(runs) != height * width:
        raise DatasetError(
            f"{place}: the counts of the mask sum to {sum(runs)}, the image has {height * width} "
            "pixels"
        )
    on = np.arange(len(runs)) % 2 == 1
    painted: NDArray[np.bool_] = np.repeat(on, runs)
    return np.ascontiguousarray(painted.reshape(width, height).T)


def _runs_of_text(text: str | bytes, place: str) -> list[int]:
    """Run lengths from their text: five bits a character, each run from the fourth on as the
    difference to the one before the last."""
    data = text.encode("utf-8") if isinstance(text, str) else text
    runs: list[int] = []
    at = 0
    while at < len(data):
        value = shift = 0
        while True:
            if at == len(data) or not 48 <= data[at] < 112 or shift > _MAX_RUN_BITS:
                raise DatasetError(f"{place}: the counts of the mask are no run lengths")
            bits = data[at] - 48
            at += 1
            value |= (bits & 31) << shift
            shift += 5
            if not bits & 32:
                break
        if bits & 16:
            value -= 1 << shift
        runs.append(value + runs[-2] if len(runs) > 2 else value)
    return runs


def _fill(polygons: list[Any], height: int, width: int, place: str) -> Mask:
    """The pixels in any of the polygons, as pycocotools draws them; one of a point or a line, as
    some annotations have, has none."""
    limit = (_FAR + 1) * max(height, width)
    drawn = []
    for polygon in polygons:
        if not isinstance(polygon, list) or not all(is_number(v) for v in polygon):
            raise DatasetError(f"{place}: a polygon is a list of numbers")
        if len(polygon) % 2:
            raise DatasetError(f"{place}: a polygon has x and y for each point")
        if any(abs(v) > limit for v in polygon):
            raise DatasetError(f"{place}: a polygon is far outside the image")
        if len(polygon) >= 6:
            drawn.append(polygon)
    if not drawn:
        return np.zeros((height, width), np.bool_)
    merged = coco.merge(coco.frPyObjects(drawn, height, width))
    return _paint(_runs_of_text(merged["counts"], place), height, width, place)
