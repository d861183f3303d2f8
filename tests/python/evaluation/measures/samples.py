"""Samples whose answers can be scored by hand."""

from collections.abc import Sequence

import numpy as np

from pixelllm.data.sample import Box, Caption, Image, Mask, Phrase, Region, Sample, WordPlace


def black(width: int = 100, height: int = 50) -> Image:
    return np.zeros((height, width, 3), np.uint8)


def filled(box: Box, width: int = 100, height: int = 50) -> Mask:
    """The pixels of a box of whole numbers."""
    x0, y0, x1, y1 = map(int, box)
    mask = np.zeros((height, width), bool)
    mask[y0:y1, x0:x1] = True
    return mask


LEFT: Box = (0.0, 0.0, 40.0, 40.0)
RIGHT: Box = (50.0, 0.0, 90.0, 40.0)


def pets() -> Sample:
    """A cat on the left, a dog on the right."""
    return Sample(
        black(),
        captions=(Caption("a cat and a dog"), Caption("two pets")),
        phrases=(Phrase("the cat", LEFT, filled(LEFT)), Phrase("the dog", RIGHT, filled(RIGHT))),
        regions=(Region(LEFT, "a cat"), Region(RIGHT, "a dog")),
        id="pets/7",
    )


def spoken(*boxes: Box, words: Sequence[str] = ("a", "cat", "sits")) -> Sample:
    """A caption with the place of each of its words."""
    text = " ".join(words)
    starts = [len(" ".join([*words[:i], ""])) for i in range(len(words))]
    places = tuple(
        WordPlace(start, start + len(word), box)
        for start, word, box in zip(starts, words, boxes, strict=True)
    )
    return Sample(black(), captions=(Caption(text, places),), id="spoken/3")
