"""What an image teaches: its texts as tokens, their places, and where the model is to look.

As the authors' data pipeline (google-research/scenic, projects/pixel_llm, io/ops.py). What differs:
things that a crop leaves nothing of take their prefix with them, so that no phrase is asked for
where another's box is taught, and no image is mirrored whose texts say left or right.
`release_bugs` brings back what the authors' code does.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from pixelllm.data.sample import Box, Caption, Mask, Sample, SpokenCaption
from pixelllm.model.config import PixelLLMConfig
from pixelllm.model.language import PAD
from pixelllm.model.tokenizer import Tokenizer
from pixelllm.training import prefixes
from pixelllm.training.targets import Kind, TargetOptions
from pixelllm.training.token_places import Floats, spoken_places, written_places
from pixelllm.training.transforms import Placed, pad, place_in_frame, select, visible

Ints = NDArray[np.int64]
T = TypeVar("T")

SIDES: Final = re.compile(r"\b(left|right)(most|wards?|hand|side)?\b", re.IGNORECASE)
BOXED: Final = ("phrases", "regions")  # texts that are about an object


class SampleError(ValueError):
    """Nothing can be taught of a sample; the message says why."""


@dataclass(frozen=True, eq=False)
class Text:
    """A text of an image, and the object that it is about."""

    text: str
    question: str = ""
    caption: Caption | None = None
    box: Box | None = None
    mask: Mask | None = None


@dataclass(frozen=True, eq=False)
class Targets:
    """What one image teaches: a row of `Batch`, as arrays."""

    id: str
    image: Floats  # [S, S, 3]
    valid_size: Floats  # [2]
    context: Ints  # [K, C]
    tokens: Ints  # [K, T]
    corners: Floats  # [K, T, 2, 2]
    boxes: Floats  # [K, 4]
    prompts: Floats  # [K, 4]
    labels: Ints  # [K]
    masks: NDArray[np.bool_] | None  # [K, S, S]


class TargetBuilder:
    """Makes targets of samples, for one model and one source."""

    def __init__(
        self, config: PixelLLMConfig, tokenizer: Tokenizer, options: TargetOptions
    ) -> None:
        self.config = config
        self.tokenizer = tokenizer
        self.options = options
        self.prefixes = options.prefixes or own_prefixes(config, options.texts)

    def build(self, sample: Sample, rng: np.random.Generator) -> Targets:
        """The targets of a sample; all chance is drawn from `rng`.

        Raises:
            SampleError: its image is none in colour, or a mask is of another size.
        """
        check_image(sample)
        options, side = self.options, self.config.image_size
        texts = self._choose(texts_of(sample, options), rng)
        drawn = rng.integers(len(self.prefixes), size=options.count)
        tokens = [self.tokenizer.encode_text(text.text)[: options.text_tokens] for text in texts]
        placed = place_in_frame(
            self._place(sample, texts, tokens),
            options.frame,
            side,
            rng,
            antialias=self.config.antialias,
            may_flip=options.release_bugs or not any(map(says_side, texts)),
        )
        height, width = placed.size
        kept = visible(placed)[: options.count]
        placed = pad(select(placed, kept), side)
        shown = prefixed(texts, kept, release_bugs=options.release_bugs)
        boxes = placed.boxes if placed.boxes is not None else np.zeros((len(kept), 4), np.float32)
        return Targets(
            id=sample.id,
            image=np.ascontiguousarray(placed.image),
            valid_size=np.array([height, width], np.float32),
            context=self._contexts(shown, drawn),
            tokens=self._rows([tokens[row] for row in kept], options.text_tokens),
            corners=filled_up(placed.corners, options.count),
            boxes=filled_up(boxes, options.count),
            prompts=self._prompts(filled_up(boxes, options.count), height, width, rng),
            labels=filled_up(np.ones(len(kept), np.int64), options.count),
            masks=None if placed.masks is None else filled_up(placed.masks, options.count),
        )

    def _choose(self, texts: list[Text], rng: np.random.Generator) -> list[Text]:
        """K of them at random; or all, of which the first K that the crop leaves will be taken."""
        if self.options.choose == "first":
            return texts if self.options.texts in BOXED else texts[: self.options.count]
        order = rng.permutation(len(texts))[: self.options.count]
        return [texts[place] for place in order]

    def _place(self, sample: Sample, texts: list[Text], tokens: list[list[int]]) -> Placed:
        height, width = sample.image.shape[:2]
        corners = np.zeros((len(texts), self.options.text_tokens, 2, 2), np.float32)
        for row, text in enumerate(texts):
            if text.caption is not None:
                places = self._token_places(text.caption, tokens[row], height, width)
                corners[row, 1 : 1 + len(places)] = places.reshape(-1, 2, 2)
        boxes = None
        if self.options.texts in BOXED:
            extent = np.array([width, height, width, height], np.float32)
            own = np.array([text.box for text in texts], np.float32).reshape(-1, 4)
            boxes = np.clip(own, 0, extent)
        masks = stacked_masks(sample, texts) if self.options.masks else None
        return Placed(sample.image.astype(np.float32), boxes, corners, masks)

    def _token_places(self, caption: Caption, tokens: list[int], height: int, width: int) -> Floats:
        """float32[n, 4], of the tokens between begin and end, pixels of the image."""
        count = len(tokens) - 1 - (tokens[-1] == self.tokenizer.end_id)
        if isinstance(caption, SpokenCaption) and self.options.spoken == "by_share":
            return spoken_places(count, caption.narrative, height, width)
        return written_places(self.tokenizer.starts(caption.text)[:count], caption.words)

    def _contexts(self, texts: Sequence[Text], drawn: NDArray[np.int64]) -> Ints:
        """int[K, C]; the rows that no text is left for have a prefix too where it names none."""
        rows = []
        for row, number in enumerate(drawn):
            prefix = self.prefixes[number]
            if row < len(texts):
                prefix = prefixes.fill(prefix, phrase=texts[row].text, question=texts[row].question)
            elif not prefixes.is_fixed(prefix):
                break
            rows.append(self.tokenizer.encode_prefix(prefix))
        return self._rows(rows, self.options.context_tokens)

    def _prompts(self, boxes: Floats, height: int, width: int, rng: np.random.Generator) -> Floats:
        prompts = boxes.copy()
        if self.options.prompt == "image":
            prompts[:] = (0, 0, width, height)
        prompts[rng.random(len(prompts)) < self.options.prompt_drop] = 0
        return prompts

    def _rows(self, rows: list[list[int]], length: int) -> Ints:
        table = np.full((self.options.count, length), PAD, np.int64)
        for place, row in enumerate(rows):
            table[place, : len(row)] = row[:length]
        return table


def own_prefixes(config: PixelLLMConfig, texts: Kind) -> tuple[str, ...]:
    """What the model reads before such texts when it serves."""
    match texts:
        case "captions":
            return (config.prefixes.caption,)
        case "phrases":
            return (config.prefixes.locate,)
        case "regions":
            return (config.prefixes.describe,)
        case "exchanges":
            return prefixes.EXCHANGE


def texts_of(sample: Sample, options: TargetOptions) -> list[Text]:
    """All texts of the kind that a sample has."""
    match options.texts:
        case "captions":
            return [Text(caption.text, caption=caption) for caption in sample.captions]
        case "phrases":
            return [
                Text(phrase.text, box=phrase.box, mask=phrase.mask if options.masks else None)
                for phrase in sample.phrases
                if phrase.mask is not None or not options.masks
            ]
        case "regions":
            return [Text(region.caption, box=region.box) for region in sample.regions]
        case "exchanges":
            return [Text(said.answer, question=said.question) for said in sample.exchanges]


def prefixed(texts: list[T], kept: NDArray[np.intp], *, release_bugs: bool) -> list[T]:
    """What the prefixes of the rows are about: the same as their texts, those that are kept.

    The authors' crop takes away a text with its box, and leaves its prefix to the next one.
    """
    return texts if release_bugs else [texts[row] for row in kept]


def says_side(text: Text) -> bool:
    """Whether a text is no longer true of a mirrored image, because it says left or right."""
    return SIDES.search(f"{text.question} {text.text}") is not None


def check_image(sample: Sample) -> None:
    """Refuse an image that is none.

    Raises:
        SampleError: it has no pixels, or is not in colour.
    """
    shape = sample.image.shape
    if len(shape) != 3 or shape[2] != 3 or not sample.image.size:
        raise SampleError(f"{sample.id}: its image has to be [H, W, 3] and is {[*shape]}")


def stacked_masks(sample: Sample, texts: Sequence[Text]) -> NDArray[np.bool_]:
    """bool[N, H, W], of the objects of texts that all have one.

    Raises:
        SampleError: one is not of the image's size.
    """
    size = sample.image.shape[:2]
    masks = [text.mask for text in texts if text.mask is not None]
    other = next((mask.shape for mask in masks if mask.shape != size), None)
    if other is not None:
        raise SampleError(f"{sample.id}: a mask is {[*other]}, and its image {[*size]}")
    return np.stack(masks) if masks else np.zeros((0, *size), bool)


def filled_up(rows: NDArray[Any], count: int) -> NDArray[Any]:
    """The rows, and zeros up to `count` of them."""
    return np.concatenate([rows, np.zeros((count - len(rows), *rows.shape[1:]), rows.dtype)])
