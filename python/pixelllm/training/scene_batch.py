"""Scenes as batches of tensors: what the tiny model learns from.

Of every scene the batch holds its caption, `PHRASES` referring phrases and `REGIONS` captions of
one object, and what the auxiliary losses need: labels of every feature cell and of every visual
token (`auxiliary.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import IterableDataset

from pixelllm.data.scene_vocabulary import BACKGROUNDS, COLOURS, SHAPES, SIZES, TEXTURES
from pixelllm.data.scenes import Scene, SceneObject, draw_scene, scene_rng
from pixelllm.model.config import PixelLLMConfig
from pixelllm.model.preprocess import ModelImage, preprocess_image
from pixelllm.model.tokenizer import Tokenizer

PHRASES: Final = 2
REGIONS: Final = 2
ABSENT_SHARE: Final = 0.25  # of the last phrases: one for an object that is not there
POINT_SHARE: Final = 0.25  # of the region prompts: a point on the object instead of its box
LARGER_SHARE: Final = 0.25  # of the scenes: drawn larger than the model frame, as users' images are
BOX_JITTER: Final = 0.015  # standard deviation of a prompted box's edges, in sides of the frame
CELL_COVER: Final = 0.35  # share of a cell that an object must cover to be its label
UNLABELLED: Final = -100  # cross-entropy ignores it
ATTRIBUTES: Final[tuple[tuple[str, ...], ...]] = (tuple(COLOURS), SHAPES, TEXTURES, SIZES)


@dataclass
class Texts:
    """Texts to write, n per scene, flattened to N rows.

    context: int[N, Tc], the prefix. tokens: int[N, T], begin token first. corners:
    float[N, T, 2, 2], where each *input* token's word is, pixels of the model frame; zero where
    nothing is to be placed. boxes: float[N, 4], the object's; zero where there is none.
    """

    context: Tensor
    tokens: Tensor
    corners: Tensor
    boxes: Tensor

    def rows(self, start: int, end: int | None) -> Texts:
        """These texts only."""
        return Texts(*(getattr(self, field.name)[start:end] for field in fields(self)))


@dataclass
class SceneBatch:
    """B scenes. Prompts are the scenes as a whole, then REGIONS of each: P = B * (1 + REGIONS)."""

    images: Tensor  # float[B, S, S, 3], 0-255
    valid_size: Tensor  # float[B, 2]
    captions: Texts  # B rows
    phrases: Texts  # B * PHRASES rows
    regions: Texts  # B * REGIONS rows
    region_boxes: Tensor  # float[B * REGIONS, 4], prompted; zero where a point is
    region_points: Tensor  # float[B * REGIONS, 2], prompted
    cell_labels: Tensor  # int[B, g, g, 4], colour, shape, texture, size
    cell_boxes: Tensor  # float[B, g, g, 4], the labelled object's box in 0-1 of the frame
    backgrounds: Tensor  # int[B], index of the scene's background
    token_labels: Tensor  # int[P, Q, 4]
    token_boxes: Tensor  # float[P, Q, 4]

    def to(self, device: torch.device) -> SceneBatch:
        """The batch on another device."""
        moved = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, Texts):
                value = Texts(*(getattr(value, f.name).to(device) for f in fields(value)))
            else:
                value = value.to(device)
            moved[field.name] = value
        return SceneBatch(**moved)


class SceneBatches(IterableDataset[SceneBatch]):
    """Batches number `first_step`, `first_step + 1`, ... of a seed; each can be made alone."""

    def __init__(
        self,
        config: PixelLLMConfig,
        tokenizer: bytes,
        *,
        seed: int,
        batch_size: int,
        first_step: int,
        steps: int,
    ) -> None:
        self.config = config
        self.tokenizer = tokenizer
        self.seed = seed
        self.batch_size = batch_size
        self.first_step = first_step
        self.steps = steps

    def __iter__(self) -> Iterator[SceneBatch]:
        torch.set_num_threads(1)
        builder = BatchBuilder(self.config, Tokenizer(self.tokenizer))
        for step in range(self.first_step, self.steps):
            start = step * self.batch_size
            yield builder.build(self.seed, range(start, start + self.batch_size))


@dataclass
class _Text:
    context: list[int]
    tokens: list[int]
    corners: NDArray[np.float32]  # [T, 2, 2]
    box: NDArray[np.float32]  # [4]


class BatchBuilder:
    """Draws scenes and lays them out as tensors."""

    def __init__(self, config: PixelLLMConfig, tokenizer: Tokenizer) -> None:
        self.config = config
        self.tokenizer = tokenizer
        self.grid = config.image_size // config.sam.patch_size

    def build(self, seed: int, indices: Sequence[int]) -> SceneBatch:
        """The batch of these scenes of a seed."""
        parts = [self._scene(seed, index) for index in indices]
        images = [part.image for part in parts]
        prompts = [part.whole_tokens for part in parts]
        prompts += [labels for part in parts for labels in part.region_tokens]
        return SceneBatch(
            images=torch.stack([image.pixels for image in images]),
            valid_size=torch.tensor([[i.valid_height, i.valid_width] for i in images]).float(),
            captions=_texts([part.caption for part in parts]),
            phrases=_texts([text for part in parts for text in part.phrases]),
            regions=_texts([text for part in parts for text in part.regions]),
            region_boxes=_stack([box for part in parts for box in part.region_boxes]),
            region_points=_stack([point for part in parts for point in part.region_points]),
            cell_labels=_stack([part.cell_labels for part in parts]),
            cell_boxes=_stack([part.cell_boxes for part in parts]),
            backgrounds=torch.tensor([part.background for part in parts]),
            token_labels=_stack([labels for labels, _ in prompts]),
            token_boxes=_stack([boxes for _, boxes in prompts]),
        )

    def _scene(self, seed: int, index: int) -> _ScenePart:
        rng = scene_rng(seed, index)
        side = self.config.image_size
        larger = rng.random() < LARGER_SHARE
        scene = draw_scene(rng, long_side=side * 2 if larger else side, max_references=PHRASES)
        image = preprocess_image(scene.image, self.config)
        scale = np.array([image.scale_x, image.scale_y] * 2, np.float32)
        boxes = [np.array(o.box, np.float32) * scale for o in scene.objects]
        chosen = rng.integers(len(boxes), size=REGIONS).tolist()
        prompts = [self._prompt(rng, scene.objects[i], boxes[i], image) for i in chosen]
        labels, cell_boxes = self._cells(scene, boxes, image)
        return _ScenePart(
            image=image,
            caption=self._caption(scene, scale),
            phrases=self._phrases(rng, scene, boxes),
            regions=[self._region(scene.objects[i], boxes[i]) for i in chosen],
            region_boxes=[box for box, _ in prompts],
            region_points=[point for _, point in prompts],
            cell_labels=labels,
            cell_boxes=cell_boxes,
            background=list(BACKGROUNDS).index(scene.background),
            whole_tokens=self._whole_tokens(scene, boxes),
            region_tokens=[self._region_tokens(scene.objects[i], boxes[i]) for i in chosen],
        )

    def _caption(self, scene: Scene, scale: NDArray[np.float32]) -> _Text:
        """The caption; a token is placed where the trace was while its word was spoken."""
        tokens = self.tokenizer.encode_text(scene.caption.text)
        corners = np.zeros((len(tokens), 2, 2), np.float32)
        spans = self.tokenizer.decode(tokens[1:-1]).spans
        for row, (start, _) in enumerate(spans, start=1):
            word = next(w for w in scene.caption.words if w.start <= start < w.end)
            corners[row] = (np.array(word.box, np.float32) * scale).reshape(2, 2)
        context = self.tokenizer.encode_prefix(self.config.prefixes.caption)
        return _Text(context, tokens, corners, np.zeros(4, np.float32))

    def _phrases(
        self, rng: np.random.Generator, scene: Scene, boxes: list[NDArray[np.float32]]
    ) -> list[_Text]:
        """PHRASES phrases; one told twice where the scene has too few.

        The last is at times for an object that is not there: its box is zero.
        """
        references = list(scene.references)
        texts = []
        for i in range(PHRASES):
            if not references or (i == PHRASES - 1 and rng.random() < ABSENT_SHARE):
                phrase, box = absent_phrase(rng, scene), np.zeros(4, np.float32)
            else:
                reference = references[i] if i < len(references) else references[0]
                phrase, box = reference.text, boxes[reference.object]
            prefix = self.config.prefixes.locate.format(phrase=phrase)
            tokens = self.tokenizer.encode_text(phrase)
            corners = np.zeros((len(tokens), 2, 2), np.float32)
            corners[-2] = box.reshape(2, 2)  # the last word's position, which predicts the end
            texts.append(_Text(self.tokenizer.encode_prefix(prefix), tokens, corners, box))
        return texts

    def _region(self, thing: SceneObject, box: NDArray[np.float32]) -> _Text:
        """An object's caption; all its words are placed on the object."""
        tokens = self.tokenizer.encode_text(f"a {thing.description}")
        corners = np.zeros((len(tokens), 2, 2), np.float32)
        corners[1:-1] = box.reshape(2, 2)
        context = self.tokenizer.encode_prefix(self.config.prefixes.describe)
        return _Text(context, tokens, corners, box)

    def _prompt(
        self,
        rng: np.random.Generator,
        thing: SceneObject,
        box: NDArray[np.float32],
        image: ModelImage,
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """A box as a user would draw it, or a point on the object; the other is zero."""
        if rng.random() < POINT_SHARE:
            rows, columns = np.nonzero(thing.mask)
            pick = rng.integers(len(rows))
            point = (columns[pick] * image.scale_x, rows[pick] * image.scale_y)
            return np.zeros(4, np.float32), np.array(point, np.float32)
        jitter = rng.normal(0, BOX_JITTER * self.config.image_size, 4).astype(np.float32)
        extent = np.array([image.valid_width, image.valid_height] * 2, np.float32)
        return np.clip(box + jitter, 0, extent), np.zeros(2, np.float32)

    def _cells(
        self, scene: Scene, boxes: list[NDArray[np.float32]], image: ModelImage
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Labels int[g, g, 4] and boxes float[g, g, 4] of the object that covers each cell most."""
        grid, side = self.grid, self.config.image_size
        labels = np.full((grid, grid, 4), UNLABELLED, np.int64)
        targets = np.zeros((grid, grid, 4), np.float32)
        best = np.full((grid, grid), CELL_COVER)
        for thing, box in zip(scene.objects, boxes, strict=True):
            cover = cell_cover(thing.mask, image, grid, side)
            wins = cover > best
            best[wins] = cover[wins]
            labels[wins] = attributes(thing)
            targets[wins] = box / side
        return labels, targets

    def _whole_tokens(
        self, scene: Scene, boxes: list[NDArray[np.float32]]
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """For a whole-image prompt, visual token k of k x k is to know what is at its place.

        Its place is one of the frame, not of the image in it: a learned token looks at the same
        cells whatever the image's shape.
        """
        side = self.config.image_size
        anchors = token_anchors(self.config.extractor.tokens) * side
        labels = np.full((len(anchors), 4), UNLABELLED, np.int64)
        targets = np.zeros((len(anchors), 4), np.float32)
        nearest = np.full(len(anchors), np.inf)
        for thing, box in zip(scene.objects, boxes, strict=True):
            distance = np.abs(anchors - (box[:2] + box[2:]) / 2).max(1)
            reach = max(0.11 * side, 0.4 * float((box[2:] - box[:2]).max()))
            near = (distance < reach) & (distance < nearest)
            nearest[near] = distance[near]
            labels[near] = attributes(thing)
            targets[near] = box / side
        return labels, targets

    def _region_tokens(
        self, thing: SceneObject, box: NDArray[np.float32]
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """For a region prompt, every visual token is to know the object."""
        count = self.config.extractor.tokens
        labels = np.tile(np.array(attributes(thing), np.int64), (count, 1))
        return labels, np.tile(box / self.config.image_size, (count, 1)).astype(np.float32)


@dataclass
class _ScenePart:
    image: ModelImage
    caption: _Text
    phrases: list[_Text]
    regions: list[_Text]
    region_boxes: list[NDArray[np.float32]]
    region_points: list[NDArray[np.float32]]
    cell_labels: NDArray[np.int64]
    cell_boxes: NDArray[np.float32]
    background: int
    whole_tokens: tuple[NDArray[np.int64], NDArray[np.float32]]
    region_tokens: list[tuple[NDArray[np.int64], NDArray[np.float32]]]


def attributes(thing: SceneObject) -> tuple[int, int, int, int]:
    """Indices of an object's colour, shape, texture and size in ATTRIBUTES."""
    values = (thing.colour, thing.shape, thing.texture, thing.size)
    colour, shape, texture, size = (
        names.index(value) for names, value in zip(ATTRIBUTES, values, strict=True)
    )
    return colour, shape, texture, size


def absent_phrase(rng: np.random.Generator, scene: Scene) -> str:
    """A phrase for a colour and shape that no object of the scene has together."""
    present = {thing.pair for thing in scene.objects}
    while True:
        colour = ATTRIBUTES[0][rng.integers(len(ATTRIBUTES[0]))]
        # Half of the time the shape is there, in another colour: the phrase must be read whole.
        near = scene.objects[rng.integers(len(scene.objects))].shape
        shape = near if rng.random() < 0.5 else SHAPES[rng.integers(len(SHAPES))]
        if (colour, shape) not in present:
            return f"the {colour} {shape}"


def cell_cover(
    mask: NDArray[np.bool_], image: ModelImage, grid: int, side: int
) -> NDArray[np.float32]:
    """Share of each cell, float[grid, grid], that bool[H, W] of the original image covers."""
    rows, columns = np.nonzero(mask)
    cell = side / grid
    rows = (rows * image.scale_y / cell).astype(np.int64).clip(max=grid - 1)
    columns = (columns * image.scale_x / cell).astype(np.int64).clip(max=grid - 1)
    count = np.bincount(rows * grid + columns, minlength=grid * grid).reshape(grid, grid)
    pixels_per_cell = (cell / image.scale_x) * (cell / image.scale_y)
    return (count / pixels_per_cell).astype(np.float32)


def token_anchors(tokens: int) -> NDArray[np.float64]:
    """Places of a square number of tokens, float[Q, 2] in 0-1 of the frame, row by row."""
    side = int(tokens**0.5)
    ticks = (np.arange(side) + 0.5) / side
    return np.stack(np.meshgrid(ticks, ticks, indexing="xy"), -1).reshape(-1, 2)


def _stack(arrays: list[NDArray[np.float32]] | list[NDArray[np.int64]]) -> Tensor:
    return torch.from_numpy(np.stack(arrays))


def _texts(texts: list[_Text]) -> Texts:
    length = max(len(text.tokens) for text in texts)
    corners = torch.zeros(len(texts), length, 2, 2)
    for row, text in enumerate(texts):
        corners[row, : len(text.tokens)] = torch.from_numpy(text.corners)
    return Texts(
        context=_pad([text.context for text in texts]),
        tokens=_pad([text.tokens for text in texts]),
        corners=corners,
        boxes=torch.from_numpy(np.stack([text.box for text in texts]).astype(np.float32)),
    )


def _pad(rows: list[list[int]]) -> Tensor:
    length = max(len(row) for row in rows)
    return torch.tensor([row + [0] * (length - len(row)) for row in rows])
