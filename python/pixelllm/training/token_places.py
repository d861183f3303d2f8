"""Where each token of a caption is in the image.

Of a spoken caption the authors match neither words nor times (google-research/scenic,
projects/pixel_llm, io/ops.py): utterances and tokens are each numbered from 0 to 1, and a token is
placed where the utterance with the nearest number is. Captions whose words have given places are
read letter by letter instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pixelllm.data.narrative import Narrative, UtterancePlaces, utterance_places
from pixelllm.data.sample import WordPlace

Floats = NDArray[np.float32]

AT_THE_EDGE: Final = (
    1e-5  # an utterance whose centre is no farther in has no place, with the authors
)

SHORTEST_TRACE: Final = 2  # points


def spoken_places(tokens: int, narrative: Narrative, height: int, width: int) -> Floats:
    """Places of the tokens of a spoken caption.

    Args:
        tokens: how many there are, without begin and end, once a long caption has been cut.
        height, width: of the image, pixels.

    Returns:
        float32[tokens, 4], whole pixels of the image. All are zero where no utterance has a place
        or the trace has one point at most. The authors have no caption of the latter kind, and
        take the first utterance's place in the former.
    """
    if sum(len(trace) for trace in narrative.traces) < SHORTEST_TRACE:
        return np.zeros((tokens, 4), np.float32)
    places = utterance_places(narrative)
    told = np.flatnonzero(has_place(narrative, places))
    if not len(told) or not tokens:
        return np.zeros((tokens, 4), np.float32)
    utterance = told[nearest_utterances(tokens, len(told))]
    boxes = places.boxes.astype(np.float32)[utterance].clip(0, 1)
    extent = np.array([width, height, width, height], np.float32)
    rounded: Floats = np.round(boxes * extent)
    return rounded


def has_place(narrative: Narrative, places: UtterancePlaces) -> NDArray[np.bool_]:
    """bool[U]: whether an utterance says something while the pointer is inside the image.

    Inside means right of its left edge and below its upper one, as the authors have it.
    """
    says = np.array([bool(u.utterance.strip()) for u in narrative.timed_caption], bool)
    inside = (places.centres.astype(np.float32) > np.float32(AT_THE_EDGE)).all(axis=1)
    both: NDArray[np.bool_] = says & inside
    return both


def nearest_utterances(tokens: int, utterances: int) -> NDArray[np.intp]:
    """int[tokens], the number of the utterance that each token goes with; of two, the first."""
    spoken = np.arange(1, utterances + 1) / utterances
    written = np.arange(1, tokens + 1) / tokens
    written = spoken[0] + written * (spoken[-1] - spoken[0])
    nearest: NDArray[np.intp] = np.argmin((written[:, None] - spoken) ** 2, axis=1)
    return nearest


def written_places(starts: Sequence[int], words: Sequence[WordPlace]) -> Floats:
    """Places of the tokens of a caption whose words have them.

    Args:
        starts: where each token begins in the caption.

    Returns:
        float32[tokens, 4], pixels of the image; zero for a token that is in no word.
    """
    places = np.zeros((len(starts), 4), np.float32)
    for row, start in enumerate(starts):
        box = next((word.box for word in words if word.start <= start < word.end), None)
        if box is not None:
            places[row] = box
    return places
