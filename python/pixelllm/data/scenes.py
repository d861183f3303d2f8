"""Synthetic scenes: the tiny model's world, drawn on demand and known exactly.

A scene is a picture of 1 to 5 objects of 8 shapes, 8 colours, 3 textures and 2 sizes on one of 6
backgrounds, at any aspect ratio from 1:2 to 2:1, with all that a dataset would say about it: a
spoken caption with its trace, referring phrases with boxes and masks, and a caption per object.

Every scene has an address, (seed, index, stream), and can be drawn alone. Training, evaluation and
the sample images use streams of their own and therefore never meet, whatever their seeds.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pixelllm.data.sample import Box, Caption, Image, Mask, Phrase, Region, Sample
from pixelllm.data.scene_layout import ObjectPlan, plan_scene
from pixelllm.data.scene_narration import script, speak
from pixelllm.data.scene_painting import paint_scene
from pixelllm.data.scene_phrases import Reference, choose_references
from pixelllm.data.scene_vocabulary import CAPTION_PREFIX, DESCRIBE_PREFIX, LOCATE_PREFIX

TRAINING_STREAM = 0
EVALUATION_STREAM = 1
SAMPLES_STREAM = 2


@dataclass(frozen=True, eq=False)
class SceneObject:
    """An object as it is seen: box and mask, bool[H, W], are of its visible pixels.

    `centre` is the middle of the box, in long sides of the image.
    """

    shape: str
    colour: str
    texture: str
    size: str
    box: Box
    mask: Mask
    centre: tuple[float, float]

    @property
    def pair(self) -> tuple[str, str]:
        """(colour, shape)."""
        return self.colour, self.shape

    @property
    def description(self) -> str:
        """Size, texture (where it has one), colour and shape: "large striped red circle"."""
        texture = () if self.texture == "solid" else (self.texture,)
        return " ".join((self.size, *texture, self.colour, self.shape))


@dataclass(frozen=True, eq=False)
class Scene:
    """A drawn scene; objects are in the caption's order, from left to right by centre.

    `names` has one entry per word of the caption: the index of the object that the word helps to
    name, None for articles and the words between and after the objects.
    """

    image: Image
    background: str
    objects: tuple[SceneObject, ...]
    caption: Caption
    names: tuple[int | None, ...]
    references: tuple[Reference, ...]

    @cached_property
    def sample(self) -> Sample:
        """The scene in the form that every dataset yields."""
        return Sample(
            image=self.image,
            captions=(self.caption,),
            phrases=tuple(
                Phrase(r.text, self.objects[r.object].box, self.objects[r.object].mask)
                for r in self.references
            ),
            regions=tuple(Region(o.box, f"a {o.description}") for o in self.objects),
        )


def scene_rng(seed: int, index: int, stream: int = TRAINING_STREAM) -> np.random.Generator:
    """The generator for one scene of a stream; equal addresses draw equal scenes."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(stream, index)))


def draw_scene(
    rng: np.random.Generator,
    *,
    long_side: int = 96,
    max_objects: int = 5,
    held_out: bool = False,
    max_references: int = 4,
) -> Scene:
    """Draws one scene.

    Args:
        rng: a fresh generator, such as `scene_rng(seed, index)`.
        long_side: the longer side of the image, pixels. The scene is the same at any size.
        held_out: draw the colour-shape pairs that training never sees: the first object painted
            and about half of the others. Without it no such pair is drawn.
        max_references: how many referring phrases to choose, where there are that many.
    """
    layout = plan_scene(rng, max_objects, held_out)
    image, owner = paint_scene(rng, layout, long_side)
    height, width = owner.shape
    seen = [_see(plan, owner == index) for index, plan in enumerate(layout.objects)]
    objects = tuple(sorted(seen, key=lambda o: o.centre[0]))
    boxes = [_normalise(o.box, width, height) for o in objects]
    words = script([o.description for o in objects], boxes, layout.background)
    return Scene(
        image=image,
        background=layout.background,
        objects=objects,
        caption=speak(rng, words, width, height),
        names=tuple(word.names for word in words),
        references=choose_references(rng, objects, max_references),
    )


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


def _see(plan: ObjectPlan, mask: NDArray[np.bool_]) -> SceneObject:
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    x0, x1 = float(columns[0]), float(columns[-1] + 1)
    y0, y1 = float(rows[0]), float(rows[-1] + 1)
    long_side = max(mask.shape)
    return SceneObject(
        *(plan.shape, plan.colour, plan.texture, plan.size),
        box=(x0, y0, x1, y1),
        mask=mask,
        centre=((x0 + x1) / 2 / long_side, (y0 + y1) / 2 / long_side),
    )


def _normalise(box: Box, width: int, height: int) -> Box:
    return box[0] / width, box[1] / height, box[2] / width, box[3] / height
