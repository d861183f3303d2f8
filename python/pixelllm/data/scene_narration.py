"""A scene told as Localized Narratives are: words, and the pointer that moves while they are said.

A caption tells what is where and how many there are, in one of three phrasings:

    a red car, two white birds and a green tree on a street
    a street with a red car, two white birds and a green tree
    on the left a red car and two white birds, on the right a green tree

Things of one kind and colour are told together. During every word about things the pointer circles
them once; during "and" it moves from one to the next; during words about a side or the setting it
circles that.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from pixelllm.data.boxes import box_around
from pixelllm.data.narrative import Narrative, Utterance, utterance_boxes
from pixelllm.data.sample import Box, SpokenCaption, WordPlace
from pixelllm.data.scene_words import NUMBERS, SCENES, SIDES
from pixelllm.data.things import ALL_KINDS

TRACE_POINTS = 17  # per word: a circle in 16 arcs
TREMBLE = 0.006  # standard deviation of the pointer's position, in sizes of what it circles
WHOLE: Box = (0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True)
class Told:
    """A thing as a caption tells it; `box` in 0-1 of the image."""

    kind: str
    colour: str
    box: Box

    @property
    def side(self) -> int:
        """Which third of the image its middle is in, an index of SIDES."""
        return min(2, int(3 * _centre(self.box)[0]))


@dataclass(frozen=True)
class SpokenWord:
    """A word with its punctuation, and what the pointer does: circle `path`, or walk along it.

    `path` is a box in 0-1 of the image; for a walk it runs from (0, 1) to (2, 3).
    `names` are the indices of the things that the word helps to name; none for other words.
    """

    text: str
    path: Box
    circles: bool = True
    names: tuple[int, ...] = ()

    def followed_by(self, mark: str) -> "SpokenWord":
        """The word with a punctuation mark behind it."""
        return SpokenWord(self.text + mark, self.path, self.circles, self.names)


Words: TypeAlias = list[SpokenWord]
Phrasing: TypeAlias = Callable[[Sequence[Told], str], Words]


def script(
    rng: np.random.Generator, things: Sequence[Told], setting: str
) -> tuple[SpokenWord, ...]:
    """The words for things, from left to right, in one of the phrasings at random."""
    phrasing = PHRASINGS[int(rng.choice(len(PHRASINGS), p=ODDS))]
    return tuple(phrasing(things, setting))


def things_first(things: Sequence[Told], setting: str) -> Words:
    """A red car and two white birds on a street."""
    return [*_list(things, range(len(things))), *_about(SCENES[setting], WHOLE)]


def setting_first(things: Sequence[Told], setting: str) -> Words:
    """A street with a red car and two white birds."""
    place = SCENES[setting].split(" ", 1)[1]
    return [*_about(f"{place} with", WHOLE), *_list(things, range(len(things)))]


def side_by_side(things: Sequence[Told], setting: str) -> Words:
    """On the left a red car, in the middle two white birds."""
    words: Words = []
    for side, name in enumerate(SIDES):
        own = [index for index, thing in enumerate(things) if thing.side == side]
        if own:
            if words:
                words[-1] = words[-1].followed_by(",")
            third = (side / 3, 0.0, (side + 1) / 3, 1.0)
            words += [*_about(name, third), *_list(things, own)]
    return words


PHRASINGS: tuple[Phrasing, ...] = (things_first, setting_first, side_by_side)
ODDS = (0.5, 0.25, 0.25)


def _list(things: Sequence[Told], own: Sequence[int]) -> Words:
    """Some of the things, those alike together: "a red car, two white birds and a green tree"."""
    groups: dict[tuple[str, str], list[int]] = {}
    for index in own:
        groups.setdefault((things[index].colour, things[index].kind), []).append(index)
    words: Words = []
    before: Box | None = None
    for place, members in enumerate(groups.values()):
        box = box_around([things[index].box for index in members])
        if before is not None and place == len(groups) - 1:
            walk = (*_centre(before), *_centre(box))
            words.append(SpokenWord("and", walk, circles=False))
        elif before is not None:
            words[-1] = words[-1].followed_by(",")
        words += _mention(things[members[0]], tuple(members), box)
        before = box
    return words


def _mention(thing: Told, members: tuple[int, ...], box: Box) -> Words:
    """A red car; two red cars."""
    if len(members) == 1:
        opening = SpokenWord(article(thing.colour), box)
        noun = thing.kind
    else:
        opening = SpokenWord(NUMBERS[len(members) - 2], box, names=members)
        noun = ALL_KINDS[thing.kind].plural
    return [opening, *(SpokenWord(text, box, names=members) for text in (thing.colour, noun))]


def article(word: str) -> str:
    """The article that goes before a word."""
    return "an" if word[0] in "aeiou" else "a"


def _about(text: str, box: Box) -> Words:
    return [SpokenWord(word, box) for word in text.split()]


def speak(
    rng: np.random.Generator, words: Sequence[SpokenWord], width: int, height: int
) -> SpokenCaption:
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
    return SpokenCaption(
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
