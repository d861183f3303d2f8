"""Somebody who reads texts about scenes word by word, and knows nothing of how they were made."""

import re
from collections.abc import Sequence

from pixelllm.data.scene_layout import Relation
from pixelllm.data.scene_phrases import Referable
from pixelllm.data.things import KINDS

_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight")
_ORDINALS = ("first", "second", "third", "fourth", "fifth")
_SINGULAR = {kind.plural: kind.name for kind in KINDS.values()}


def fitting(
    phrase: str, things: Sequence[Referable], relations: Sequence[Relation] = ()
) -> list[int]:
    """The indices of all things that a phrase fits. Positions are compared without any margin."""
    said = phrase.removeprefix("the ")
    if match := re.fullmatch(r"(\w+) (left of|right of|above|below) the (\w+) (\w+)", said):
        kind, words, colour, other = match.groups()
        (landmark,) = (o for o in things if (o.colour, o.kind) == (colour, other))
        axis, sign = (0 if "of" in words else 1), (1 if words in ("left of", "above") else -1)
        return [
            index
            for index, o in enumerate(things)
            if o.kind == kind and sign * (landmark.centre[axis] - o.centre[axis]) > 0
        ]
    if match := re.fullmatch(r"(\w+) (on|under|behind) the (\w+) (\w+)", said):
        kind, word, colour, other = match.groups()
        return [
            relation.index
            for relation in relations
            if relation.word == word
            and things[relation.index].kind == kind
            and things[relation.landmark].colour == colour
            and things[relation.landmark].kind == other
        ]
    if match := re.fullmatch(r"(\w+) (\w+) from the (left|right)", said):
        ordinal, kind, side = match.groups()
        own = [index for index, o in enumerate(things) if o.kind == kind]
        own.sort(key=lambda index: things[index].centre[0], reverse=side == "right")
        return own[_ORDINALS.index(ordinal) :][:1]
    if match := re.fullmatch(r"(left|right|top|bottom)most (\w+)", said):
        side, kind = match.groups()
        axis, first = (0 if side in ("left", "right") else 1), side in ("left", "top")
        places = [o.centre[axis] for o in things if o.kind == kind]
        most = min(places) if first else max(places)
        return [i for i, o in enumerate(things) if o.kind == kind and o.centre[axis] == most]
    words_said = said.split()
    return [
        index
        for index, o in enumerate(things)
        if o.kind == words_said[-1] and set(words_said) <= {o.size, o.texture, o.colour, o.kind}
    ]


def caption_things(caption: str) -> list[tuple[str, str]]:
    """Colour and kind of all things that a caption tells, those of a group as often as it has.

    Raises ValueError where the caption has none of the three forms.
    """
    sides = "|".join(("on the left", "in the middle", "on the right"))
    setting = "a street|a meadow|the sea|a room"
    where = "on a street|in a meadow|by the sea|in a room"
    if match := re.fullmatch(rf"(.+) ({where})", caption):
        return _list(match[1])
    if match := re.fullmatch(rf"({setting}) with (.+)", caption):
        return _list(match[2])
    if re.match(sides, caption):
        parts = re.split(rf", (?={sides})", caption)
        return [pair for part in parts for pair in _list(re.sub(rf"^({sides}) ", "", part))]
    raise ValueError(f"neither where nor what first: {caption}")


def _list(text: str) -> list[tuple[str, str]]:
    """The things of "a red car, two white birds and a green tree"."""
    *first, last = re.split(r" and ", text)
    if len(first) > 1:
        raise ValueError(f"more than one 'and': {text}")
    mentions = [mention for part in first for mention in part.split(", ")] + [last]
    return [pair for mention in mentions for pair in _mention(mention)]


def _mention(text: str) -> list[tuple[str, str]]:
    """The things of "a red car" or "two red cars"."""
    match = re.fullmatch(r"(\w+) (\w+) (\w+)", text)
    if match is None:
        raise ValueError(f"not a number, a colour and a kind: {text}")
    number, colour, noun = match.groups()
    if number in ("a", "an"):
        if (number == "an") != (colour[0] in "aeiou"):
            raise ValueError(f"wrong article: {text}")
        return [(colour, noun)]
    return [(colour, _SINGULAR[noun])] * _NUMBERS.index(number)
