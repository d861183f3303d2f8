"""Referring phrases: words that fit exactly one thing of a scene.

Three kinds. attribute: "the small striped car". order: "the leftmost boat", "the second boat from
the left", among the things of that kind. relation: "the cat left of the blue tree", "the cup on
the red table", where the other thing is the only one of its colour and kind. Positions are compared
at the centres of the visible boxes and with a margin, so that a phrase is true and unique for
anybody who looks, and not by a pixel.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np

from pixelllm.data.scene_layout import Relation
from pixelllm.data.scene_words import ORDINALS, RELATIONS, SUPERLATIVES

MARGIN = 0.06  # of the long side
KINDS_OF_PHRASES = ("attribute", "order", "relation")
ALTERNATIVES = 0.2  # chance that a phrase is told without "the"


class Referable(Protocol):
    """What phrases can tell about a thing; `centre` in long sides of the image."""

    @property
    def kind(self) -> str: ...
    @property
    def colour(self) -> str: ...
    @property
    def texture(self) -> str: ...
    @property
    def size(self) -> str: ...
    @property
    def centre(self) -> tuple[float, float]: ...


@dataclass(frozen=True)
class Reference:
    """A phrase for the thing of this index. `weight` is how often it is chosen beside others."""

    text: str
    thing: int
    kind: str
    weight: float


def choose_references(
    rng: np.random.Generator,
    things: Sequence[Referable],
    relations: Sequence[Relation],
    count: int,
) -> tuple[Reference, ...]:
    """Up to `count` different references: first a thing, each alike, then one of its phrases."""
    left = list_references(things, relations)
    chosen: list[Reference] = []
    while left and len(chosen) < count:
        targets = sorted({reference.thing for reference in left})
        target = targets[int(rng.integers(len(targets)))]
        own = [reference for reference in left if reference.thing == target]
        bounds = np.cumsum([reference.weight for reference in own])
        picked = own[int(np.searchsorted(bounds, rng.random() * bounds[-1], side="right"))]
        left.remove(picked)
        if rng.random() < ALTERNATIVES:
            text = picked.text.removeprefix("the ")
            picked = Reference(text, picked.thing, picked.kind, picked.weight)
        chosen.append(picked)
    return tuple(chosen)


def list_references(
    things: Sequence[Referable], relations: Sequence[Relation] = ()
) -> list[Reference]:
    """Every unique phrase for every thing."""
    references: list[Reference] = []
    for index in range(len(things)):
        references += _attributes(things, index)
        references += _superlatives(things, index)
        references += _ordinals(things, index)
        references += _directions(things, index)
    return references + _contacts(things, relations)


def _attributes(things: Sequence[Referable], index: int) -> list[Reference]:
    """With the kind always: nothing more, the colour, the size, or all, in the spoken order."""
    one = things[index]
    found: list[Reference] = []
    for keys in (
        ("kind",),
        ("colour", "kind"),
        ("size", "kind"),
        ("size", "colour", "kind"),
        ("texture", "kind"),
        ("texture", "colour", "kind"),
        ("size", "texture", "kind"),
        ("size", "texture", "colour", "kind"),
    ):
        said = tuple(getattr(one, key) for key in keys)
        if "solid" in said:
            continue
        fits = sum(tuple(getattr(o, key) for key in keys) == said for o in things)
        if fits == 1:
            found.append(Reference(" ".join(("the", *said)), index, "attribute", 1.0))
    return found


def _superlatives(things: Sequence[Referable], index: int) -> list[Reference]:
    one = things[index]
    rivals = [o for i, o in enumerate(things) if i != index and o.kind == one.kind]
    found: list[Reference] = []
    for word, (axis, sign) in SUPERLATIVES.items():
        ahead = [sign * (rival.centre[axis] - one.centre[axis]) for rival in rivals]
        if ahead and min(ahead) > MARGIN:
            found.append(Reference(f"the {word} {one.kind}", index, "order", 3.0))
    return found


def _ordinals(things: Sequence[Referable], index: int) -> list[Reference]:
    """The second, third, ... of its kind from either side, where no two are above each other."""
    one = things[index]
    alike = sorted((o for o in things if o.kind == one.kind), key=lambda o: o.centre[0])
    if any(b.centre[0] - a.centre[0] <= MARGIN for a, b in pairwise(alike)):
        return []
    place = [o is one for o in alike].index(True)
    found: list[Reference] = []
    for side, number in (("left", place), ("right", len(alike) - 1 - place)):
        if 0 < number <= len(ORDINALS):
            text = f"the {ORDINALS[number - 1]} {one.kind} from the {side}"
            found.append(Reference(text, index, "order", 3.0))
    return found


def _directions(things: Sequence[Referable], index: int) -> list[Reference]:
    """The thing lies clearly to that side of the landmark, and its rivals to the other."""
    one = things[index]
    found: list[Reference] = []
    for other, landmark in enumerate(things):
        if other == index or not _only_one(things, landmark):
            continue
        rivals = [o for i, o in enumerate(things) if i not in (index, other) and o.kind == one.kind]
        needed = bool(rivals) or landmark.kind == one.kind  # the kind alone would not do
        for words, (axis, sign) in RELATIONS.items():
            offset = sign * (landmark.centre[axis] - one.centre[axis])
            aside = abs(landmark.centre[1 - axis] - one.centre[1 - axis])
            beyond = [sign * (rival.centre[axis] - landmark.centre[axis]) for rival in rivals]
            if offset > max(MARGIN, aside / 2) and all(gap > MARGIN for gap in beyond):
                text = f"the {one.kind} {words} the {landmark.colour} {landmark.kind}"
                found.append(Reference(text, index, "relation", 2.0 if needed else 0.5))
    return found


def _contacts(things: Sequence[Referable], relations: Sequence[Relation]) -> list[Reference]:
    """On, under and behind, where the landmark has a name of its own."""
    found: list[Reference] = []
    for relation in relations:
        thing, landmark = things[relation.index], things[relation.landmark]
        if _only_one(things, landmark):
            text = f"the {thing.kind} {relation.word} the {landmark.colour} {landmark.kind}"
            found.append(Reference(text, relation.index, "relation", 4.0))
    return found


def _only_one(things: Sequence[Referable], landmark: Referable) -> bool:
    pair = (landmark.colour, landmark.kind)
    return sum((o.colour, o.kind) == pair for o in things) == 1
