"""From the model's frame to the image, as the release's evaluators go.

google-research/scenic, projects/pixel_llm, evaluators.py. What is served goes another way
(`tasks/frame.py`, `tasks/masks.py`) and differs in the last digits of boxes, and in masks at their
edges.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pycocotools import mask as coco

from pixelllm import contract
from pixelllm.evaluation.segmentation import Mask
from pixelllm.tasks.frame import Frame

Size = tuple[int, int]  # (height, width)


def release_boxes(boxes: ArrayLike, size: Size, original_size: Size) -> NDArray[np.float64]:
    """Boxes of the original image, cut to it.

    Args:
        boxes: float[N, 4], (x_min, y_min, x_max, y_max), pixels of the resized image.
        size: of the resized image, before padding.
        original_size: of the image as it is.

    Returns:
        float64[N, 4], (x, y, width, height).
    """
    height, width = original_size
    scale = np.array([width, height] * 2) / np.array([size[1], size[0]] * 2)
    limits = np.array([width, height] * 2)
    moved = np.clip(np.asarray(boxes, np.float64).reshape(-1, 4) * scale, 0, limits)
    return np.concatenate([moved[:, :2], moved[:, 2:] - moved[:, :2]], axis=1)


def release_mask(
    logits: NDArray[np.floating],
    size: Size,
    padded_size: Size,
    original_size: Size,
) -> Mask:
    """The mask that the release makes of the decoder's coarse map: set where it is above 0.

    The map is cut to the whole cells that the image fills, and what is left is stretched over the
    image. Where the image ends inside a cell every pixel so moves a little towards the end; the
    masks that are served keep each cell in its place (`tasks/masks.py`).

    Args:
        logits: float[h, w], of the whole padded frame.
        size: (height, width) of the image in the frame, before padding.
        padded_size: of the frame.
        original_size: of the image as it is.

    Returns:
        bool[H, W] of the original size.
    """
    rows, columns = (
        max(1, int(own * (cells / padded)))
        for own, cells, padded in zip(size, logits.shape, padded_size, strict=True)
    )
    return _stretch(logits[:rows, :columns], original_size) > 0


def encode_release_mask(logits: NDArray[np.float32], frame: Frame, side: int) -> contract.Mask:
    """`release_mask`, encoded; in the form of the function that encodes what is served.

    Args:
        logits: float[h, w], of the whole frame.
        side: of the square frame, model pixels.
    """
    size = round(frame.height * frame.scale_y), round(frame.width * frame.scale_x)
    original = frame.height, frame.width
    mask = release_mask(logits, size, (side, side), original)
    counts = coco.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"]
    return contract.Mask(size=list(original), counts=counts.decode("ascii"))


def _stretch(cells: NDArray[np.floating], size: Size) -> NDArray[np.float32]:
    """Bilinear interpolation of float[h, w] to a size, with pixel centres at halves, float32."""
    values = cells.astype(np.float32)
    for axis, pixels in enumerate(size):
        count = values.shape[axis]
        place = ((np.arange(pixels) + 0.5) * (count / pixels) - 0.5).clip(0, count - 1)
        low = np.minimum(place.astype(np.int64), max(0, count - 2))
        high = np.minimum(low + 1, count - 1)
        share = (place - low).astype(np.float32)
        share = share[:, None] if axis == 0 else share[None, :]
        values = values.take(low, axis) * (1 - share) + values.take(high, axis) * share
    return values
