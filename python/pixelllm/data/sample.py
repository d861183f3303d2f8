"""What every dataset yields: a picture with captions, phrases and regions.

The synthetic scenes and the real datasets (Localized Narratives, RefCOCO, Visual Genome) come in
this one form, so that nothing after it needs to know where a sample is from.

Frame: every box and mask is in pixels of the sample's own image, origin top left. A box is
(x_min, y_min, x_max, y_max) with the max edge exclusive.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pixelllm.data.narrative import Narrative

Box = tuple[float, float, float, float]
Image = NDArray[np.uint8]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class WordPlace:
    """Where one spoken word of a caption is: `caption.text[start:end]`, its punctuation included.

    `box` bounds the pointer's trace while the word is spoken.
    """

    start: int
    end: int
    box: Box


@dataclass(frozen=True)
class Caption:
    """A sentence about the whole image, with a place for each word.

    `words` are in reading order and cover every character of `text` but the spaces between them.
    """

    text: str
    words: tuple[WordPlace, ...]
    narrative: Narrative


@dataclass(frozen=True, eq=False)
class Phrase:
    """Words that refer to exactly one object of the image; `mask` is bool[H, W]."""

    text: str
    box: Box
    mask: Mask


@dataclass(frozen=True)
class Region:
    """A box and what is in it."""

    box: Box
    caption: str


@dataclass(frozen=True, eq=False)
class Sample:
    """An image, uint8[H, W, 3] RGB, and all that is said about it."""

    image: Image
    captions: tuple[Caption, ...]
    phrases: tuple[Phrase, ...]
    regions: tuple[Region, ...]
