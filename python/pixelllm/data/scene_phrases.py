"""Referring phrases: words that fit exactly one object of a scene.

Three kinds. attribute: "the small striped star". superlative: "the leftmost circle", among the
objects of that shape. relation: "the circle left of the blue star", where the other object is the
only blue star. Positions are compared at the centres of the visible boxes and with a margin, so
that a phrase is true and unique for anybody who looks, and not by a pixel.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from pixelllm.data.scene_vocabulary import RELATIONS, SUPERLATIVES

MARGIN = 0.06  # of the long side
KINDS = ("attribute", "superlative", "relation")


class Referable(Protocol):
    """What phrases can tell about an object; `centre` in long sides of the image."""

    @property
    def shape(self) -> str: ...
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
    """A phrase for the object of this index. `weight` is how often it is chosen beside others."""

    text: str
    object: int
    kind: str
    weight: float


def choose_references(
    rng: np.random.Generator, objects: Sequence[Referable], count: int
) -> tuple[Reference, ...]:
    """Up to `count` different references: first an object, each alike, then one of its phrases."""
    left = list_references(objects)
    chosen: list[Reference] = []
    while left and len(chosen) < count:
        targets = sorted({reference.object for reference in left})
        target = targets[int(rng.integers(len(targets)))]
        own = [reference for reference in left if reference.object == target]
        bounds = np.cumsum([reference.weight for reference in own])
        picked = own[int(np.searchsorted(bounds, rng.random() * bounds[-1], side="right"))]
        chosen.append(picked)
        left.remove(picked)
    return tuple(chosen)


def list_references(objects: Sequence[Referable]) -> list[Reference]:
    """Every unique phrase for every object."""
    references: list[Reference] = []
    for index in range(len(objects)):
        references += _attributes(objects, index)
        references += _superlatives(objects, index)
        references += _relations(objects, index)
    return references


def _attributes(objects: Sequence[Referable], index: int) -> list[Reference]:
    """With the shape always: nothing more, the colour, the size, or all, in the spoken order."""
    one = objects[index]
    found: list[Reference] = []
    for keys in (
        ("shape",),
        ("colour", "shape"),
        ("size", "shape"),
        ("size", "colour", "shape"),
        ("texture", "shape"),
        ("texture", "colour", "shape"),
        ("size", "texture", "shape"),
        ("size", "texture", "colour", "shape"),
    ):
        said = tuple(getattr(one, key) for key in keys)
        if "solid" in said:
            continue
        fits = sum(tuple(getattr(o, key) for key in keys) == said for o in objects)
        if fits == 1:
            found.append(Reference(" ".join(("the", *said)), index, "attribute", 1.0))
    return found


def _superlatives(objects: Sequence[Referable], index: int) -> list[Reference]:
    one = objects[index]
    rivals = [o for i, o in enumerate(objects) if i != index and o.shape == one.shape]
    found: list[Reference] = []
    for word, (axis, sign) in SUPERLATIVES.items():
        ahead = [sign * (rival.centre[axis] - one.centre[axis]) for rival in rivals]
        if ahead and min(ahead) > MARGIN:
            found.append(Reference(f"the {word} {one.shape}", index, "superlative", 3.0))
    return found


def _relations(objects: Sequence[Referable], index: int) -> list[Reference]:
    """The object lies clearly to that side of the landmark, and its rivals to the other."""
    one = objects[index]
    found: list[Reference] = []
    for other, landmark in enumerate(objects):
        pair = (landmark.colour, landmark.shape)
        if other == index or sum((o.colour, o.shape) == pair for o in objects) > 1:
            continue
        rivals = [
            o for i, o in enumerate(objects) if i not in (index, other) and o.shape == one.shape
        ]
        needed = bool(rivals) or landmark.shape == one.shape  # the shape alone would not do
        for words, (axis, sign) in RELATIONS.items():
            offset = sign * (landmark.centre[axis] - one.centre[axis])
            aside = abs(landmark.centre[1 - axis] - one.centre[1 - axis])
            beyond = [sign * (rival.centre[axis] - landmark.centre[axis]) for rival in rivals]
            if offset > max(MARGIN, aside / 2) and all(gap > MARGIN for gap in beyond):
                text = f"the {one.shape} {words} the {landmark.colour} {landmark.shape}"
                found.append(Reference(text, index, "relation", 2.0 if needed else 0.5))
    return found
