"""Which of a spoken caption's words was said where.

The caption of a Localized Narrative is what its author typed; the utterances are what the recording
was matched with. They are the same words nearly always, but an utterance can be a group of words,
or empty, and punctuation and case can differ. So letters are matched, in order.
"""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pixelllm.data.boxes import box_around
from pixelllm.data.sample import WordPlace

_WORD = re.compile(r"\S+")


def place_words(
    caption: str, utterances: Sequence[str], boxes: NDArray[np.float64]
) -> tuple[WordPlace, ...]:
    """The words of a caption with their places; none where the utterances say something else.

    A word has the box of its utterance; one that was said in several, the box around theirs; one
    without letters, such as a dash, that of the word before it.

    Args:
        boxes: float64[U, 4], of the utterances, (x_min, y_min, x_max, y_max) in pixels.
    """
    spoken = [(letter, index) for index, text in enumerate(utterances) for letter in _letters(text)]
    words = [(match.start(), match.end(), match[0]) for match in _WORD.finditer(caption)]
    if not spoken or [letter for letter, _ in spoken] != [
        x for *_, w in words for x in _letters(w)
    ]:
        return ()
    places: list[WordPlace] = []
    at = 0
    for start, end, word in words:
        length = len(_letters(word))
        said = sorted({index for _, index in spoken[at : at + length]})
        if said:
            box = box_around(boxes[said].tolist())
        else:
            box = places[-1].box if places else box_around(boxes[spoken[0][1], None].tolist())
        places.append(WordPlace(start, end, box))
        at += length
    return tuple(places)


def _letters(text: str) -> list[str]:
    return [character for character in text.lower() if character.isalnum()]
