"""Referring expressions of an object, as the RefCOCO family of formats has them."""

from collections.abc import Iterable, Iterator
from typing import Any

from pixelllm.data.boxes import box_from_size, clip_box
from pixelllm.data.coco_masks import decode_segmentation
from pixelllm.data.sample import Image, Phrase


def read_phrases(
    texts: Iterable[str], box: Any, segmentation: Any, image: Image, place: str
) -> Iterator[Phrase]:
    """A phrase for each text about an object; none where the object is outside the image.

    Args:
        box: COCO's, (x, y, width, height).
        segmentation: COCO's, or None for phrases without masks.
        place: where it is, for errors.

    Raises:
        DatasetError: the box or the mask is damaged.
    """
    height, width = image.shape[:2]
    clipped = clip_box(box_from_size(box, place), width, height)
    if clipped is None:
        return
    mask = None
    if segmentation is not None:
        mask = decode_segmentation(segmentation, height, width, place)
    for text in texts:
        if text.strip():
            yield Phrase(text.strip(), clipped, mask)
