"""What every dataset yields: a picture with captions, phrases and regions.

The synthetic scenes and the real datasets (Localized Narratives, RefCOCO, Visual Genome) come in
this one form, so that nothing after it needs to know where a sample is from.

Frame: every box and mask is in pixels of the sample's own image, origin top left. A box is
(x_min, y_min, x_max, y_max) with the max edge exclusive.
"""

from dataclasses import dataclass, field
from typing import Protocol

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
    """A sentence about the whole image.

    Where it has `words`, they are in reading order and cover every character of `text` but the
    spaces between them.
    """

    text: str
    words: tuple[WordPlace, ...] = ()


@dataclass(frozen=True)
class SpokenCaption(Caption):
    """A caption with its recording: Localized Narratives."""

    narrative: Narrative = field(kw_only=True)


@dataclass(frozen=True, eq=False)
class Phrase:
    """Words that refer to one object of the image; `mask` is bool[H, W]."""

    text: str
    box: Box
    mask: Mask | None = None


@dataclass(frozen=True)
class Region:
    """A box and what is in it."""

    box: Box
    caption: str


@dataclass(frozen=True)
class Exchange:
    """A question about the image, and its answer."""

    question: str
    answer: str


@dataclass(frozen=True, eq=False)
class Sample:
    """An image, uint8[H, W, 3] RGB, and all that is said about it.

    `id` names it in reports: the dataset and the image, such as "refcoco/581857".
    """

    image: Image
    captions: tuple[Caption, ...] = ()
    phrases: tuple[Phrase, ...] = ()
    regions: tuple[Region, ...] = ()
    exchanges: tuple[Exchange, ...] = ()
    id: str = ""


class Dataset(Protocol):
    """Samples by number, one per image; an image is read when its sample is asked for."""

    @property
    def name(self) -> str:
        """Names it in reports, such as "refcoco"."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Sample: ...
