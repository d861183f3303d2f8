"""A scene told as Localized Narratives are: words, and the pointer that moves while they are said.

During every word of an object's description the pointer circles the object once; during "and" it
moves from one object to the next; during "on a sand background" it circles the whole image.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pixelllm.data.narrative import Narrative, Utterance, utterance_boxes
from pixelllm.data.sample import Box, Caption, WordPlace

TRACE_POINTS = 17  # per word: a circle in 16 arcs
TREMBLE = 0.006  # standard deviation of the pointer's position, in sizes of what it circles


@dataclass(frozen=True)
class SpokenWord:
    """A word with its punctuation, and what the pointer does: circle `path`, or walk along it.

    `path` is a box in 0-1 of the image; for a walk it runs from (0, 1) to (2, 3).
    `names` is the index of the object that the word helps to name; None for other words.
    """

    text: str
    path: Box
    circles: bool
    names: int | None


def script(
    descriptions: Sequence[str], boxes: Sequence[Box], background: str
) -> tuple[SpokenWord, ...]:
    """The words for objects from left to right: "a ..., a ... and a ... on a sand background".

    Args:
        descriptions: such as "large striped red circle", one per object.
        boxes: of the objects, in 0-1 of the image.
    """
    words: list[SpokenWord] = []
    last = len(descriptions) - 1
    for index, (description, box) in enumerate(zip(descriptions, boxes, strict=True)):
        if index and index == last:
            walk = (*_centre(boxes[index - 1]), *_centre(box))
            words.append(SpokenWord("and", walk, circles=False, names=None))
        words.append(SpokenWord("a", box, circles=True, names=None))
        words += [SpokenWord(w, box, circles=True, names=index) for w in description.split()]
        if index < last - 1:
            words[-1] = SpokenWord(words[-1].text + ",", box, circles=True, names=index)
    whole = (0.0, 0.0, 1.0, 1.0)
    tail = ("on", "a", background, "background")
    words += [SpokenWord(word, whole, circles=True, names=None) for word in tail]
    return tuple(words)


def speak(
    rng: np.random.Generator, words: Sequence[SpokenWord], width: int, height: int
) -> Caption:
    """Says the words at a random pace; places come from the trace, in pixels of the image."""
    spans = _timing(rng, words)  # [U, 2]
    trace = _trace(rng, words, spans)  # [U, TRACE_POINTS, 3]
    text = " ".join(word.text for word in words)
    narrative = Narrative(
        caption=text,
        timed_caption=tuple(
            Utterance(word.text, start, end)
            for word, (start, end) in zip(words, spans.tolist(), strict=True)
        ),
        traces=tuple(_strokes(words, trace)),
    )
    places = utterance_boxes(narrative) * np.array((width, height, width, height), np.float64)
    lengths = np.array([len(word.text) for word in words])
    ends = np.cumsum(lengths + 1) - 1
    return Caption(
        text=text,
        words=tuple(
            WordPlace(start, end, (x0, y0, x1, y1))
            for start, end, (x0, y0, x1, y1) in zip(
                (ends - lengths).tolist(), ends.tolist(), places.tolist(), strict=True
            )
        ),
        narrative=narrative,
    )


def _centre(box: Box) -> tuple[float, float]:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def _timing(rng: np.random.Generator, words: Sequence[SpokenWord]) -> NDArray[np.float64]:
    """float64[U, 2]: start and end of each word in seconds, to the millisecond, with pauses."""
    letters = np.array([len(word.text) for word in words])
    spoken: NDArray[np.float64] = 0.12 + 0.05 * letters + rng.uniform(0.0, 0.1, len(words))
    pauses = rng.uniform(0.03, 0.15, len(words))
    ends = np.cumsum(pauses + spoken)
    spans: NDArray[np.float64] = np.stack([ends - spoken, ends], axis=1)
    return spans.round(3)


def _trace(
    rng: np.random.Generator, words: Sequence[SpokenWord], spans: NDArray[np.float64]
) -> NDArray[np.float64]:
    """float64[U, TRACE_POINTS, 3]: (x, y, t) of the pointer during each word."""
    paths = np.array([word.path for word in words])
    circles = np.array([word.circles for word in words])[:, None]
    step = np.linspace(0.0, 1.0, TRACE_POINTS)
    start = rng.uniform(0.0, 2 * np.pi, (len(words), 1))
    turn = start + 2 * np.pi * step * rng.choice((-1.0, 1.0))
    points = np.empty((len(words), TRACE_POINTS, 3))
    for axis, wave in ((0, np.cos(turn)), (1, np.sin(turn))):
        low, high = paths[:, axis, None], paths[:, axis + 2, None]
        extent = np.abs(high - low)
        centre = (low + high) / 2 + extent * rng.normal(0.0, TREMBLE, extent.shape)
        radius = extent / 2 * (1 + rng.normal(0.0, TREMBLE, extent.shape))
        points[..., axis] = np.where(circles, centre + radius * wave, low + (high - low) * step)
    points[..., 2] = spans[:, :1] + (spans[:, 1:] - spans[:, :1]) * step
    return points


def _strokes(words: Sequence[SpokenWord], trace: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """One stroke per stretch of words about the same thing, as a hand that lifts in between."""
    strokes: list[NDArray[np.float64]] = []
    first = 0
    for index in range(1, len(words) + 1):
        if index == len(words) or words[index].path != words[first].path:
            strokes.append(trace[first:index].reshape(-1, 3))
            first = index
    return strokes
