"""From the mask decoder's logits to the mask of the original image, as COCO run-length encodes it.

The decoder gives a coarse map of the whole padded frame. As in the authors' evaluation its cells
are cut to the image's extent, interpolated bilinearly to the original size, and set where the
value is above 0. The authors cut to whole cells and stretch what is left over the image; here every
cell stays where it is, also where the image ends inside one, as the decoder was trained.

The enlarged map is never made: between two rows of cells a column of it is a straight line, so the
pixels that are set are known from where the line crosses 0. Time and memory grow with the width of
the image times the rows of cells, and not with its pixels.
"""

import warnings

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco

from pixelllm.contract import Mask
from pixelllm.tasks.frame import Frame

COLUMNS = 4096  # worked on together, so that a very wide image takes no more memory


def encode_mask(logits: NDArray[np.float32], frame: Frame, side: int) -> Mask:
    """Encode the mask of one image.

    Args:
        logits: finite float[h, w], of the whole frame.
        side: of the square frame, model pixels.
    """
    rows = _Axis(frame.height, frame.scale_y * logits.shape[0] / side, logits.shape[0])
    columns = _Axis(frame.width, frame.scale_x * logits.shape[1] / side, logits.shape[1])
    cells = logits[: rows.cells, : columns.cells].astype(np.float64)
    set_columns = np.flatnonzero((cells > 0).any(axis=0))
    if not len(set_columns):
        return empty_mask(frame)
    # Only pixels between a set cell and its neighbours can be set.
    first, last = columns.pixels_between(int(set_columns[0]) - 1, int(set_columns[-1]) + 1)
    edges = [
        _edges(cells, rows, columns, start, min(start + COLUMNS, last))
        for start in range(first, last, COLUMNS)
    ]
    return _encode_edges(np.concatenate(edges), frame)


def empty_mask(frame: Frame) -> Mask:
    """A mask without a pixel."""
    return _encode_edges(np.empty(0, np.int64), frame)


def decode_mask(mask: Mask) -> NDArray[np.bool_]:
    """The pixels of a mask, bool[H, W]."""
    encoded = {"size": mask["size"], "counts": mask["counts"].encode("ascii")}
    with warnings.catch_warnings():
        # pycocotools hands its pixels over in a way that numpy 2 still takes, and warns about.
        warnings.simplefilter("ignore", DeprecationWarning)
        pixels: NDArray[np.uint8] = coco.decode(encoded)
    return pixels.astype(np.bool_)


class _Axis:
    """Where the pixels of an axis lie among the cells: pixel i at (i + 0.5) * step - 0.5.

    Args:
        pixels: of the original image.
        step: cells per pixel.
        cells: of the whole frame.
    """

    def __init__(self, pixels: int, step: float, cells: int) -> None:
        self.pixels = pixels
        self._step = step
        # The last cell that shows a part of the image; an error of rounding shows nothing.
        self.cells = min(cells, max(1, int(np.ceil(pixels * step - 1e-6))))

    def at(self, first: int, last: int) -> NDArray[np.float64]:
        """The places of pixels first to last - 1, cut to the cells there are."""
        places = (np.arange(first, last) + 0.5) * self._step - 0.5
        return places.clip(0, self.cells - 1)

    def pixel(self, place: NDArray[np.float64]) -> NDArray[np.float64]:
        """The pixel at a place among the cells, as a fraction."""
        return (place + 0.5) / self._step - 0.5

    def pixels_between(self, first: int, last: int) -> tuple[int, int]:
        """The pixels `[start, end)` that lie between two cells, with one more at either end.

        The outermost cells reach to the edge of the image.
        """
        low, high = self.pixel(np.array([first, last], np.float64))
        start = 0 if first <= 0 else max(0, int(low) - 1)
        end = self.pixels if last >= self.cells - 1 else min(self.pixels, int(high) + 2)
        return start, end


def _edges(
    cells: NDArray[np.float64], rows: _Axis, columns: _Axis, first: int, last: int
) -> NDArray[np.int64]:
    """Where the mask changes between off and on in columns first to last - 1.

    Pixels are counted down the columns. Each column begins and ends outside the mask, so an edge
    can be there twice, as the end of one column and the beginning of the next.
    """
    place = columns.at(first, last)  # [W]
    left = np.minimum(place.astype(np.int64), max(0, cells.shape[1] - 2))
    right = np.minimum(left + 1, cells.shape[1] - 1)
    share = place - left
    lines = cells[:, left] * (1 - share) + cells[:, right] * share  # [h, W]

    on = np.pad(lines > 0, ((1, 1), (0, 0)))  # outside the image all is off
    column, row = (on[1:] != on[:-1]).T.nonzero()  # [N] each; between cells row - 1 and row
    above = lines[np.maximum(row - 1, 0), column]
    below = lines[np.minimum(row, len(lines) - 1), column]
    fall = np.where(above == below, 1, above - below)  # equal only where both are the same cell
    crossing = rows.pixel(row - 1 + above / fall)
    pixel = np.where(on[row + 1, column], np.floor(crossing) + 1, np.ceil(crossing))
    pixel = np.where(row == 0, 0, np.where(row == len(lines), rows.pixels, pixel))
    edges = pixel.clip(0, rows.pixels).astype(np.int64) + (column + first) * rows.pixels
    return np.maximum.accumulate(edges)  # two that fall on one pixel may be rounded out of order


def _encode_edges(edges: NDArray[np.int64], frame: Frame) -> Mask:
    """COCO's form of a mask that changes between off and on at each of ordered int[N] pixels."""
    pixels, times = np.unique(edges, return_counts=True)
    size = [frame.height, frame.width]
    ends = np.concatenate([[0], pixels[times % 2 == 1], [frame.height * frame.width]])
    runs = {"size": size, "counts": np.diff(ends).tolist()}
    return Mask(size=size, counts=coco.frPyObjects(runs, *size)["counts"].decode("ascii"))
