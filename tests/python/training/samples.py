"""Small samples, made by hand."""

from __future__ import annotations

import numpy as np

from pixelllm.data.narrative import Narrative
from pixelllm.data.sample import (
    Caption,
    Exchange,
    Image,
    Phrase,
    Region,
    Sample,
    SpokenCaption,
    WordPlace,
)

HEIGHT, WIDTH = 48, 64


def image(height: int = HEIGHT, width: int = WIDTH) -> Image:
    return np.random.default_rng(height * width).integers(0, 256, (height, width, 3), np.uint8)


def captioned(*texts: str) -> Sample:
    return Sample(image(), captions=tuple(map(Caption, texts)), id="captioned")


def written() -> Sample:
    """A caption whose words have places, one each 10 pixels."""
    words = (
        WordPlace(0, 1, (0, 0, 10, 10)),
        WordPlace(2, 5, (10, 0, 20, 10)),
        WordPlace(6, 9, (20, 0, 30, 10)),
    )
    return Sample(image(), captions=(Caption("a red car", words),), id="written")


def spoken() -> Sample:
    """The pointer goes from the left to the right while two words are said."""
    narrative = Narrative.from_json(
        {
            "caption": "two cars",
            "timed_caption": [
                {"utterance": "two", "start_time": 0.0, "end_time": 1.0},
                {"utterance": "cars", "start_time": 1.0, "end_time": 2.0},
            ],
            "traces": [[{"x": 0.0, "y": 0.5, "t": 0.0}, {"x": 1.0, "y": 0.5, "t": 2.0}]],
        }
    )
    return Sample(image(), captions=(SpokenCaption("two cars", narrative=narrative),), id="spoken")


def referred(*texts: str, masks: bool = False) -> Sample:
    """Phrases for boxes one beside the other, 8 pixels wide."""
    phrases = []
    for number, text in enumerate(texts):
        mask = np.zeros((HEIGHT, WIDTH), bool)
        mask[:16, 8 * number : 8 * number + 8] = True
        box = (8.0 * number, 0.0, 8.0 * number + 8, 16.0)
        phrases.append(Phrase(text, box, mask if masks else None))
    return Sample(image(), phrases=tuple(phrases), id="referred")


def regions(*texts: str) -> Sample:
    """The same as regions."""
    whole = referred(*texts)
    found = tuple(Region(phrase.box, phrase.text) for phrase in whole.phrases)
    return Sample(whole.image, regions=found, id="regions")


def asked() -> Sample:
    exchanges = (Exchange("what is red", "a car"), Exchange("is it a {phrase}", "no"))
    return Sample(image(), exchanges=exchanges, id="asked")
