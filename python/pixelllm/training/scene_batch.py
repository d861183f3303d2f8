"""Scenes as batches of tensors: what the tiny model learns from.

Of every scene the batch holds its caption, `PHRASES` referring phrases and `REGIONS` captions of
one thing, their masks, the boxes of all things, and what the auxiliary losses need
(`scene_labels.py`).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import IterableDataset

from pixelllm.data.scene_vocabulary import SETTINGS
from pixelllm.data.scenes import Scene, SceneThing, absent_phrase, draw_scene, scene_rng
from pixelllm.model.config import PixelLLMConfig
from pixelllm.model.preprocess import ModelImage, preprocess_image
from pixelllm.model.tokenizer import Tokenizer
from pixelllm.training.scene_labels import (
    Labels,
    cell_labels,
    owned_tokens,
    region_token_labels,
    whole_token_labels,
)

T = TypeVar("T")
PHRASES: Final = 4
REGIONS: Final = 2
MOST_THINGS: Final = 8
ABSENT_SHARE: Final = 0.2  # of the last phrases: one for a thing that is not there
POINT_SHARE: Final = 0.25  # of the region prompts: a point on the thing instead of its box
BOX_JITTER: Final = 0.04  # standard deviation of a prompted box's edges, in sides of the box
LONG_SIDES: Final = ((0.5, 0.75), (1.0, 1.0), (1.0, 1.0), (1.0, 1.0), (1.5, 2.0))
# Sizes to draw scenes at, in sides of the model frame, each as likely: users' images are smaller
# or larger than the frame.


@dataclass
class Texts:
    """Texts to write, n per scene, flattened to N rows.

    context: int[N, Tc], the prefix. tokens: int[N, T], begin token first. corners:
    float[N, T, 2, 2], where each *input* token's word is, pixels of the model frame; zero where
    nothing is to be placed. boxes: float[N, 4], the thing's; zero where there is none. here, next:
    bool[N, T, Q], the visual tokens of the things that an input token names, and of those that are
    named next; both for whole images only, where a token tells of one thing of several.
    """

    context: Tensor
    tokens: Tensor
    corners: Tensor
    boxes: Tensor
    here: Tensor
    next: Tensor


@dataclass
class SceneBatch:
    """B scenes. Prompts are the scenes as a whole, then REGIONS of each: P = B * (1 + REGIONS)."""

    images: Tensor  # float[B, S, S, 3], 0-255; black in a batch without pictures
    valid_size: Tensor  # float[B, 2]
    captions: Texts  # B rows
    phrases: Texts  # B * PHRASES rows
    regions: Texts  # B * REGIONS rows
    region_boxes: Tensor  # float[B * REGIONS, 4], prompted; zero where a point is
    region_points: Tensor  # float[B * REGIONS, 2], prompted
    phrase_masks: Tensor  # bool[B * PHRASES, S, S], empty where nothing is referred to
    region_masks: Tensor  # bool[B * REGIONS, S, S]
    thing_boxes: Tensor  # float[B, MOST_THINGS, 4], zero behind the last
    cell_labels: Tensor  # int[B, g, g, 4], see `scene_labels.py`
    cell_boxes: Tensor  # float[B, g, g, 4]
    token_labels: Tensor  # int[P, Q, 4]
    token_boxes: Tensor  # float[P, Q, 4]
    settings: Tensor  # int[B], indices of SETTINGS

    def to(self, device: torch.device) -> SceneBatch:
        """The batch on another device."""
        return each_tensor(lambda x: x.to(device), self)


def each_tensor(function: Callable[..., Tensor], first: T, *others: T) -> T:
    """A dataclass of tensors, and of such dataclasses, with a function applied to every tensor.

    With several of one class, the function takes their tensors of one name together.
    """

    def apply(*values: Any) -> Any:
        if isinstance(values[0], Tensor):
            return function(*values)
        kind = type(values[0])
        return kind(*(apply(*(getattr(v, f.name) for v in values)) for f in fields(kind)))

    made: T = apply(first, *others)
    return made


class SceneBatches(IterableDataset[SceneBatch]):
    """Batches number `first_step`, `first_step + 1`, ... of a seed; each can be made alone.

    The batches of `unpainted` steps have no pictures, and nothing that is only needed with them.
    Of several processes that train together (`ranks`), each has its own part of every step.
    """

    def __init__(
        self,
        config: PixelLLMConfig,
        tokenizer: bytes,
        *,
        seed: int,
        batch_size: int,
        first_step: int,
        steps: int,
        unpainted: range = range(0),
        rank: int = 0,
        ranks: int = 1,
    ) -> None:
        self.config = config
        self.tokenizer = tokenizer
        self.seed = seed
        self.batch_size = batch_size
        self.first_step = first_step
        self.steps = steps
        self.unpainted = unpainted
        self.rank, self.ranks = rank, ranks

    def __iter__(self) -> Iterator[SceneBatch]:
        torch.set_num_threads(1)
        builder = BatchBuilder(self.config, Tokenizer(self.tokenizer))
        for step in range(self.first_step, self.steps):
            start = (step * self.ranks + self.rank) * self.batch_size
            own = range(start, start + self.batch_size)
            yield builder.build(self.seed, own, painted=step not in self.unpainted)


@dataclass
class _Text:
    context: list[int]
    tokens: list[int]
    corners: NDArray[np.float32]  # [T, 2, 2]
    box: NDArray[np.float32]  # [4]
    here: NDArray[np.bool_]  # [T, Q]
    next: NDArray[np.bool_]  # [T, Q]

    @classmethod
    def unplaced(cls, context: list[int], tokens: list[int], visual: int) -> _Text:
        """A text that nothing is said of yet, about `visual` tokens of an image."""
        length = len(tokens)
        corners, box = np.zeros((length, 2, 2), np.float32), np.zeros(4, np.float32)
        here, after = np.zeros((2, length, visual), bool)
        return cls(context, tokens, corners, box, here, after)


class BatchBuilder:
    """Draws scenes and lays them out as tensors."""

    def __init__(self, config: PixelLLMConfig, tokenizer: Tokenizer) -> None:
        self.config = config
        self.tokenizer = tokenizer
        self.grid = config.image_size // config.sam.patch_size

    def build(self, seed: int, indices: Sequence[int], *, painted: bool = True) -> SceneBatch:
        """The batch of these scenes of a seed."""
        parts = [self._scene(seed, index, painted) for index in indices]
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
            phrase_masks=_stack([mask for part in parts for mask in part.phrase_masks]),
            region_masks=_stack([mask for part in parts for mask in part.region_masks]),
            thing_boxes=_stack([part.thing_boxes for part in parts]),
            cell_labels=_stack([part.cells[0] for part in parts]),
            cell_boxes=_stack([part.cells[1] for part in parts]),
            token_labels=_stack([labels for labels, _ in prompts]),
            token_boxes=_stack([boxes for _, boxes in prompts]),
            settings=torch.tensor([part.setting for part in parts]),
        )

    def _scene(self, seed: int, index: int, painted: bool) -> _ScenePart:
        rng = scene_rng(seed, index)
        side, tokens = self.config.image_size, self.config.extractor.tokens
        scale_of = LONG_SIDES[int(rng.integers(len(LONG_SIDES)))]
        long_side = round(side * rng.uniform(*scale_of))
        scene = draw_scene(rng, long_side=long_side, max_references=PHRASES, painted=painted)
        image = preprocess_image(scene.image, self.config)
        scale = np.array([image.scale_x, image.scale_y] * 2, np.float32)
        boxes = [np.array(o.box, np.float32) * scale for o in scene.things]
        chosen = rng.integers(len(boxes), size=REGIONS).tolist()
        prompts = [self._prompt(rng, scene.things[i], boxes[i], image) for i in chosen]
        whole = whole_token_labels(scene.things, boxes, tokens, side)
        owned = owned_tokens(whole, boxes, side)
        phrases = self._phrases(rng, scene, boxes, owned)
        all_boxes = np.zeros((MOST_THINGS, 4), np.float32)
        all_boxes[: len(boxes)] = boxes
        return _ScenePart(
            image=image,
            caption=self._caption(scene, scale, owned),
            phrases=[text for text, _ in phrases],
            regions=[self._region(scene, i, boxes[i]) for i in chosen],
            region_boxes=[box for box, _ in prompts],
            region_points=[point for _, point in prompts],
            phrase_masks=[self._mask(scene, thing, image) for _, thing in phrases],
            region_masks=[self._mask(scene, i, image) for i in chosen],
            thing_boxes=all_boxes,
            cells=cell_labels(scene.things, boxes, image, self.grid, side),
            whole_tokens=whole,
            region_tokens=[
                region_token_labels(scene.things[i], boxes[i], tokens, side) for i in chosen
            ],
            setting=SETTINGS.index(scene.setting),
        )

    def _mask(self, scene: Scene, thing: int | None, image: ModelImage) -> NDArray[np.bool_]:
        """A thing's mask in the model frame, bool[S, S]; nothing where `thing` is None."""
        side = self.config.image_size
        frame = np.zeros((side, side), bool)
        if thing is not None:
            own = Image.fromarray(scene.things[thing].mask)
            size = (image.valid_width, image.valid_height)
            frame[: size[1], : size[0]] = np.asarray(own.resize(size, Image.Resampling.NEAREST))
        return frame

    def _caption(self, scene: Scene, scale: NDArray[np.float32], owned: NDArray[np.bool_]) -> _Text:
        """The caption; a token is placed where the trace was while its word was spoken."""
        tokens = self.tokenizer.encode_text(scene.caption.text)
        context = self.tokenizer.encode_prefix(self.config.prefixes.caption)
        text = _Text.unplaced(context, tokens, owned.shape[1])
        words = scene.caption.words
        spans = self.tokenizer.decode(tokens[1:-1]).spans
        ends = [word.end for word in words]
        spoken = [bisect_right(ends, start) for start, _ in spans]  # each token's word
        for row, word in enumerate(spoken, start=1):
            text.corners[row] = (np.array(words[word].box, np.float32) * scale).reshape(2, 2)
            text.here[row] = owned[list(scene.names[word])].any(0)
        for row, first in enumerate([0, *(word + 1 for word in spoken)]):
            named = next((names for names in scene.names[first:] if names), ())
            text.next[row] = owned[list(named)].any(0)
        return text

    def _phrases(
        self,
        rng: np.random.Generator,
        scene: Scene,
        boxes: list[NDArray[np.float32]],
        owned: NDArray[np.bool_],
    ) -> list[tuple[_Text, int | None]]:
        """PHRASES phrases, each with its thing; one told twice where the scene has too few.

        The last is at times for a thing that is not there: its box is zero.
        """
        references = list(scene.references)
        texts = []
        for i in range(PHRASES):
            thing = None
            if not references or (i == PHRASES - 1 and rng.random() < ABSENT_SHARE):
                phrase = absent_phrase(rng, scene)
            else:
                reference = references[i] if i < len(references) else references[0]
                phrase, thing = reference.text, reference.thing
            prefix = self.tokenizer.encode_prefix(self.config.prefixes.locate.format(phrase=phrase))
            text = _Text.unplaced(prefix, self.tokenizer.encode_text(phrase), owned.shape[1])
            if thing is not None:
                text.box = boxes[thing]
                text.corners[-2] = text.box.reshape(2, 2)  # the last word, which predicts the end
                text.here[1:-1] = owned[thing]
            texts.append((text, thing))
        return texts

    def _region(self, scene: Scene, thing: int, box: NDArray[np.float32]) -> _Text:
        """A thing's caption; all its words are placed on the thing."""
        tokens = self.tokenizer.encode_text(scene.sample.regions[thing].caption)
        context = self.tokenizer.encode_prefix(self.config.prefixes.describe)
        text = _Text.unplaced(context, tokens, self.config.extractor.tokens)
        text.box = box
        text.corners[1:-1] = box.reshape(2, 2)
        return text

    def _prompt(
        self,
        rng: np.random.Generator,
        thing: SceneThing,
        box: NDArray[np.float32],
        image: ModelImage,
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """A box as a user would draw it, or a point on the thing; the other is zero."""
        if rng.random() < POINT_SHARE:
            rows, columns = np.nonzero(thing.mask)
            pick = rng.integers(len(rows))
            point = (columns[pick] * image.scale_x, rows[pick] * image.scale_y)
            return np.zeros(4, np.float32), np.array(point, np.float32)
        sides = np.tile(box[2:] - box[:2], 2)
        jitter = (rng.normal(0, BOX_JITTER, 4) * sides).astype(np.float32)
        extent = np.array([image.valid_width, image.valid_height] * 2, np.float32)
        return np.clip(box + jitter, 0, extent), np.zeros(2, np.float32)


@dataclass
class _ScenePart:
    image: ModelImage
    caption: _Text
    phrases: list[_Text]
    regions: list[_Text]
    region_boxes: list[NDArray[np.float32]]
    region_points: list[NDArray[np.float32]]
    phrase_masks: list[NDArray[np.bool_]]
    region_masks: list[NDArray[np.bool_]]
    thing_boxes: NDArray[np.float32]
    cells: Labels
    whole_tokens: Labels
    region_tokens: list[Labels]
    setting: int


def _stack(arrays: Sequence[NDArray[Any]]) -> Tensor:
    return torch.from_numpy(np.stack(arrays))


def _texts(texts: list[_Text]) -> Texts:
    return Texts(
        context=_pad([text.context for text in texts]),
        tokens=_pad([text.tokens for text in texts]),
        corners=_lengthen([text.corners for text in texts]),
        boxes=torch.from_numpy(np.stack([text.box for text in texts]).astype(np.float32)),
        here=_lengthen([text.here for text in texts]),
        next=_lengthen([text.next for text in texts]),
    )


def _lengthen(arrays: list[NDArray[Any]]) -> Tensor:
    """Stack [T, ...] arrays of several lengths, zero behind the shorter ones' ends."""
    return nn.utils.rnn.pad_sequence(
        [torch.from_numpy(array) for array in arrays], batch_first=True
    )


def _pad(rows: list[list[int]]) -> Tensor:
    length = max(len(row) for row in rows)
    return torch.tensor([row + [0] * (length - len(row)) for row in rows])
