"""Synthetic scenes: the tiny model's world, drawn on demand and known exactly.

A scene is a picture of 1 to 8 things (`things/`) of nine colours, three textures and two sizes on a
street, in a meadow, by the sea or in a room, at any aspect ratio from 1:3 to 3:1, with all that a
dataset would say about it: a spoken caption with its trace, referring phrases with boxes and masks,
and a caption per thing.

Every scene has an address, (seed, index, stream), and can be drawn alone. Training, evaluation, the
samples and calibration use streams of their own and so never meet, whatever their seeds.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pixelllm.data.sample import Box, Image, Mask, Phrase, Region, Sample, SpokenCaption
from pixelllm.data.scene_layout import Relation, ThingPlan, plan_scene, sketch
from pixelllm.data.scene_narration import Told, article, script, speak
from pixelllm.data.scene_painting import paint_scene
from pixelllm.data.scene_phrases import Reference, choose_references
from pixelllm.data.scene_vocabulary import COLOURS
from pixelllm.data.scene_words import (
    CAPTION_PREFIX,
    DESCRIBE_PREFIX,
    HELD_OUT_PAIRS,
    LOCATE_PREFIX,
)
from pixelllm.data.things import KINDS

TRAINING_STREAM = 0
EVALUATION_STREAM = 1
SAMPLES_STREAM = 2
CALIBRATION_STREAM = 3


@dataclass(frozen=True, eq=False)
class SceneThing:
    """A thing as it is seen: box and mask, bool[H, W], are of its visible pixels.

    `centre` is the middle of the box, in long sides of the image.
    """

    kind: str
    colour: str
    texture: str
    size: str
    box: Box
    mask: Mask
    centre: tuple[float, float]

    @property
    def pair(self) -> tuple[str, str]:
        """(colour, kind)."""
        return self.colour, self.kind

    @property
    def description(self) -> str:
        """Size, texture (where it has one), colour and kind: "large striped red car"."""
        texture = () if self.texture == "solid" else (self.texture,)
        return " ".join((self.size, *texture, self.colour, self.kind))


@dataclass(frozen=True, eq=False)
class Scene:
    """A drawn scene; things are in the order from left to right by centre.

    `names` has one entry per word of the caption: the indices of the things that the word helps to
    name, none for articles and the words between and around the things.
    """

    image: Image
    setting: str
    things: tuple[SceneThing, ...]
    relations: tuple[Relation, ...]
    caption: SpokenCaption
    names: tuple[tuple[int, ...], ...]
    references: tuple[Reference, ...]

    @cached_property
    def sample(self) -> Sample:
        """The scene in the form that every dataset yields."""
        return Sample(
            image=self.image,
            captions=(self.caption,),
            phrases=tuple(
                Phrase(r.text, self.things[r.thing].box, self.things[r.thing].mask)
                for r in self.references
            ),
            regions=tuple(
                Region(o.box, f"{article(o.description)} {o.description}") for o in self.things
            ),
        )


def scene_rng(seed: int, index: int, stream: int = TRAINING_STREAM) -> np.random.Generator:
    """The generator for one scene of a stream; equal addresses draw equal scenes."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(stream, index)))


def draw_scene(
    rng: np.random.Generator,
    *,
    long_side: int = 128,
    max_things: int = 8,
    held_out: bool = False,
    new_things: bool = False,
    max_references: int = 4,
    painted: bool = True,
) -> Scene:
    """Draws one scene.

    Args:
        rng: a fresh generator, such as `scene_rng(seed, index)`.
        long_side: the longer side of the image, pixels. The scene is the same at any size, but for
            what a pixel decides: which of two things is told first, or on which side one is.
        held_out: draw colours and kinds that training never sees together: the first thing that is
            placed and about half of the others. Without it no such pair is drawn.
        new_things: draw things of NEW_KINDS too, which are unknown to `tiny`: the first that is
            placed and about half of the others.
        max_references: how many referring phrases to choose, where there are that many.
        painted: without it the image is black, which takes a fraction of the time; the same things
            are in the same places, and may be told in other words.
    """
    layout = plan_scene(rng, max_things, held_out, new_things)
    if painted:
        image, owner = paint_scene(rng, layout, long_side)
    else:
        owner = sketch(layout, long_side)
        image = np.zeros((*owner.shape, 3), np.uint8)
    height, width = owner.shape
    seen = [
        (index, _see(plan, mask))
        for index, plan in enumerate(layout.things)
        if (mask := owner == index).any()
    ]
    seen.sort(key=lambda one: one[1].centre[0])
    place = {index: number for number, (index, _) in enumerate(seen)}
    things = tuple(thing for _, thing in seen)
    relations = tuple(
        Relation(place[r.index], r.word, place[r.landmark])
        for r in layout.relations
        if r.index in place and r.landmark in place
    )
    told = [Told(o.kind, o.colour, _normalise(o.box, width, height)) for o in things]
    words = script(rng, told, layout.setting)
    return Scene(
        image=image,
        setting=layout.setting,
        things=things,
        relations=relations,
        caption=speak(rng, words, width, height),
        names=tuple(word.names for word in words),
        references=choose_references(rng, things, relations, max_references),
    )


def absent_phrase(rng: np.random.Generator, scene: Scene, *, held_out: bool = False) -> str:
    """A phrase for a colour and kind that no thing of the scene has together.

    With `held_out` it names one of HELD_OUT_PAIRS; without, none: a model that is trained on
    phrases would learn that such pairs never are there.
    """
    present = {thing.pair for thing in scene.things}
    colours, kinds = tuple(COLOURS), tuple(KINDS)
    while True:
        colour = colours[rng.integers(len(colours))]
        # Half of the time the kind is there, in another colour: the phrase must be read whole.
        near = scene.things[rng.integers(len(scene.things))].kind
        kind = near if rng.random() < 0.5 else kinds[rng.integers(len(kinds))]
        pair = (colour, kind)
        if pair not in present and (pair in HELD_OUT_PAIRS) == held_out:
            return f"the {colour} {kind}"


def corpus(rng: np.random.Generator, count: int) -> Iterator[str]:
    """Texts of `count` scenes, for training a tokenizer: all that the model reads or writes."""
    for _ in range(count):
        scene = draw_scene(rng)
        yield CAPTION_PREFIX
        yield scene.caption.text
        yield DESCRIBE_PREFIX
        yield from (region.caption for region in scene.sample.regions)
        for reference in scene.references:
            yield reference.text
            yield f"{LOCATE_PREFIX} {reference.text}"


def _see(plan: ThingPlan, mask: NDArray[np.bool_]) -> SceneThing:
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    x0, x1 = float(columns[0]), float(columns[-1] + 1)
    y0, y1 = float(rows[0]), float(rows[-1] + 1)
    long_side = max(mask.shape)
    return SceneThing(
        *(plan.kind, plan.colour, plan.texture, plan.size),
        box=(x0, y0, x1, y1),
        mask=mask,
        centre=((x0 + x1) / 2 / long_side, (y0 + y1) / 2 / long_side),
    )


def _normalise(box: Box, width: int, height: int) -> Box:
    return box[0] / width, box[1] / height, box[2] / width, box[3] / height
