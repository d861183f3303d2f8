"""Batches of scenes: what they say must be true of the pictures."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from pixelllm.data.scene_vocabulary import SETTINGS
from pixelllm.data.scenes import Scene, draw_scene, scene_rng
from pixelllm.model.config import tiny
from pixelllm.model.tokenizer import Tokenizer
from pixelllm.training import scene_batch
from pixelllm.training.losses import end_box_positions
from pixelllm.training.scene_batch import (
    ABSENT_SHARE,
    BOX_JITTER,
    LONG_SIDES,
    MOST_THINGS,
    PHRASES,
    POINT_SHARE,
    REGIONS,
    BatchBuilder,
    SceneBatch,
    SceneBatches,
    Texts,
    each_tensor,
)
from tests.python.data.reading import fitting
from tests.python.tokenizers import tiny_tokenizer, tiny_tokenizer_model

SCENES = 24
SEED = 7
CONFIG = tiny()
SIDE = CONFIG.image_size


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return tiny_tokenizer()


@pytest.fixture(scope="module")
def batch(tokenizer: Tokenizer) -> SceneBatch:
    return BatchBuilder(CONFIG, tokenizer).build(SEED, range(SCENES))


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    """The scenes of the batch, drawn on their own."""
    found = []
    for index in range(SCENES):
        rng = scene_rng(SEED, index)
        low, high = LONG_SIDES[int(rng.integers(len(LONG_SIDES)))]
        found.append(draw_scene(rng, long_side=round(SIDE * rng.uniform(low, high))))
    return found


def scale(scene: Scene, size: Tensor) -> tuple[float, float]:
    """Model pixels per pixel of the scene, across and down, from its (height, width) there."""
    height, width, _ = scene.image.shape
    return float(size[1]) / width, float(size[0]) / height


def boxes_in_frame(scene: Scene, size: Tensor) -> Tensor:
    """Boxes of the scene's things in the model frame, float[n, 4]."""
    return torch.tensor([thing.box for thing in scene.things]) * torch.tensor(
        scale(scene, size) * 2
    )


def phrase_of(tokenizer: Tokenizer, tokens: Tensor) -> str:
    return tokenizer.decode([token for token in tokens.tolist() if token > 1]).text


def tensors(value: Any) -> Iterator[tuple[str, Tensor]]:
    for field in fields(value):
        part = getattr(value, field.name)
        if isinstance(part, Texts):
            yield from ((f"{field.name}.{name}", x) for name, x in tensors(part))
        else:
            yield field.name, part


def test_the_same_address_gives_the_same_batch(tokenizer: Tokenizer) -> None:
    one, other = (BatchBuilder(CONFIG, tokenizer).build(SEED, [2, 3]) for _ in range(2))

    for (name, x), (_, y) in zip(tensors(one), tensors(other), strict=True):
        assert torch.equal(x, y), name


def test_a_batch_can_be_made_alone(tokenizer: Tokenizer, batch: SceneBatch) -> None:
    last = BatchBuilder(CONFIG, tokenizer).build(SEED, [SCENES - 1])

    assert torch.equal(last.images[0], batch.images[-1])


def test_rows_fit_the_scenes(batch: SceneBatch) -> None:
    assert len(batch.captions.tokens) == SCENES
    assert len(batch.phrases.tokens) == len(batch.phrase_masks) == SCENES * PHRASES
    assert len(batch.regions.tokens) == len(batch.region_boxes) == SCENES * REGIONS
    assert len(batch.region_masks) == len(batch.region_points) == SCENES * REGIONS
    assert len(batch.token_labels) == len(batch.token_boxes) == SCENES * (1 + REGIONS)
    grid = SIDE // CONFIG.sam.patch_size
    assert batch.cell_labels.shape == batch.cell_boxes.shape == (SCENES, grid, grid, 4)
    assert batch.images.shape == (SCENES, SIDE, SIDE, 3)
    assert batch.thing_boxes.shape == (SCENES, MOST_THINGS, 4)


def test_pictures_are_smaller_and_larger_than_the_frame(
    batch: SceneBatch, scenes: list[Scene]
) -> None:
    sides = np.array([max(scene.image.shape) for scene in scenes])

    assert (sides < SIDE).any()
    assert (sides == SIDE).any()
    assert (sides > SIDE).any()
    assert (batch.valid_size.amax(1) >= SIDE - 3).all()  # their sides are rounded
    for scene, image, size in zip(scenes, batch.images, batch.valid_size, strict=True):
        height, width = (int(extent) for extent in size)
        assert not image[height:].any()
        assert not image[:, width:].any()
        mean = scene.image.reshape(-1, 3).mean(axis=0)
        assert image[:height, :width].mean((0, 1)).numpy() == pytest.approx(mean, abs=2.0)


def test_settings_are_the_scenes(batch: SceneBatch, scenes: list[Scene]) -> None:
    assert [SETTINGS[index] for index in batch.settings] == [scene.setting for scene in scenes]


def test_the_things_boxes_are_the_scenes(batch: SceneBatch, scenes: list[Scene]) -> None:
    for scene, boxes, size in zip(scenes, batch.thing_boxes, batch.valid_size, strict=True):
        count = len(scene.things)
        torch.testing.assert_close(boxes[:count], boxes_in_frame(scene, size))
        assert not boxes[count:].any()


def test_the_models_longest_text_holds_every_caption(tokenizer: Tokenizer) -> None:
    scenes = [draw_scene(scene_rng(3, index), long_side=64) for index in range(100)]

    longest = max(len(tokenizer.encode_text(scene.caption.text)) for scene in scenes)

    assert longest <= CONFIG.language.max_text_tokens - 8  # the longest of all is hardly longer


def test_captions_place_every_word_where_it_was_spoken(
    tokenizer: Tokenizer, batch: SceneBatch, scenes: list[Scene]
) -> None:
    for row, scene in enumerate(scenes):
        across, down = scale(scene, batch.valid_size[row])
        tokens = batch.captions.tokens[row]
        corners = batch.captions.corners[row]
        assert phrase_of(tokenizer, tokens) == scene.caption.text
        words = {  # a comma is a token of its own, and is placed with the word before it
            (word.start, word.end): torch.tensor(word.box).reshape(2, 2)
            for word in scene.caption.words
        }
        spans = tokenizer.decode([t for t in tokens.tolist() if t > 1]).spans
        for position, (start, end) in enumerate(spans, start=1):
            (box,) = [b for (first, last), b in words.items() if first <= start and end <= last]
            torch.testing.assert_close(corners[position], box * torch.tensor((across, down)))
        assert not corners[0].any()
        assert not corners[len(spans) + 1 :].any()


def test_phrases_have_their_box_at_the_last_word_only(batch: SceneBatch) -> None:
    texts = batch.phrases
    there = texts.boxes.any(1)
    last = end_box_positions(texts.tokens)

    placed = texts.corners.abs().sum((-2, -1)) > 0
    assert torch.equal(placed[there], last[there])
    assert not placed[~there].any()
    at_last = texts.corners[there][last[there]].flatten(1)
    assert torch.equal(at_last, texts.boxes[there])


def test_a_phrase_has_the_box_and_the_mask_of_what_it_names(
    tokenizer: Tokenizer, batch: SceneBatch, scenes: list[Scene]
) -> None:
    for row, (tokens, box) in enumerate(
        zip(batch.phrases.tokens, batch.phrases.boxes, strict=True)
    ):
        scene, size = scenes[row // PHRASES], batch.valid_size[row // PHRASES]
        named = fitting(phrase_of(tokenizer, tokens), scene.things, scene.relations)
        if not box.any():
            assert named == []
            assert not batch.phrase_masks[row].any()
            continue
        (thing,) = named
        torch.testing.assert_close(box, boxes_in_frame(scene, size)[thing])
        assert_same_mask(batch.phrase_masks[row], scene, thing, size)


def test_a_region_has_the_box_the_mask_and_the_caption_of_a_thing(
    tokenizer: Tokenizer, batch: SceneBatch, scenes: list[Scene]
) -> None:
    for row, (tokens, box) in enumerate(
        zip(batch.regions.tokens, batch.regions.boxes, strict=True)
    ):
        scene, size = scenes[row // REGIONS], batch.valid_size[row // REGIONS]
        distance = (boxes_in_frame(scene, size) - box).abs().amax(1)
        thing = int(distance.argmin())
        corners = batch.regions.corners[row]
        placed = corners.any(2).any(1)

        assert distance[thing] < 1e-4
        assert phrase_of(tokenizer, tokens) == scene.sample.regions[thing].caption
        assert_same_mask(batch.region_masks[row], scene, thing, size)
        assert torch.equal(placed, tokens > 1)  # every word, neither begin, end nor padding
        assert (corners[placed].flatten(1) == box).all()


def assert_same_mask(mask: Tensor, scene: Scene, thing: int, size: Tensor) -> None:
    """The scene's mask, read at the middles of the frame's pixels."""
    across, down = scale(scene, size)
    own = scene.things[thing].mask
    rows = ((np.arange(int(size[0])) + 0.5) / down).astype(int)
    columns = ((np.arange(int(size[1])) + 0.5) / across).astype(int)
    expected = np.zeros((SIDE, SIDE), bool)
    expected[: len(rows), : len(columns)] = own[np.ix_(rows, columns)]
    differ = mask.numpy() != expected
    assert differ.sum() <= 0.03 * expected.sum()  # a middle on an edge may go either way
    assert mask.dtype == torch.bool


def test_the_words_of_a_caption_know_the_visual_tokens_of_their_things(
    tokenizer: Tokenizer, batch: SceneBatch, scenes: list[Scene]
) -> None:
    texts = batch.captions
    for row, scene in enumerate(scenes):
        owned = owned_by(batch, row, len(scene.things))
        spans = tokenizer.decode([t for t in texts.tokens[row].tolist() if t > 1]).spans
        for position, (start, _) in enumerate(spans, start=1):
            word = max(i for i, w in enumerate(scene.caption.words) if w.start <= start)
            here = named_tokens(owned, scene.names[word])
            after = next((names for names in scene.names[word + 1 :] if names), ())
            assert torch.equal(texts.here[row, position], here)
            assert torch.equal(texts.next[row, position], named_tokens(owned, after))
        first = next(names for names in scene.names if names)
        assert torch.equal(texts.next[row, 0], named_tokens(owned, first))
        assert not texts.here[row, len(spans) + 1 :].any()
        assert not texts.next[row, len(spans) + 1 :].any()


def test_the_words_of_a_phrase_know_the_visual_tokens_of_what_it_names(batch: SceneBatch) -> None:
    texts = batch.phrases
    for row, box in enumerate(texts.boxes):
        words = texts.tokens[row] > 1
        named = (batch.token_boxes[row // PHRASES] == box / SIDE).all(1) & box.any()
        assert torch.equal(texts.here[row], words[:, None] & named)
        assert bool(named.any()) == bool(box.any()), "every thing has a token"
    assert not texts.next.any()
    assert not batch.regions.here.any()


def owned_by(batch: SceneBatch, row: int, count: int) -> Tensor:
    """Which visual tokens of a scene tell of each of its things, bool[n, Q]."""
    boxes = batch.thing_boxes[row, :count] / SIDE
    return (batch.token_boxes[row] == boxes[:, None]).all(2)


def named_tokens(owned: Tensor, names: tuple[int, ...]) -> Tensor:
    return owned[list(names)].any(0)


def test_contexts_are_the_prefixes(tokenizer: Tokenizer, batch: SceneBatch) -> None:
    def read(row: Tensor) -> str:
        tokens = row[row > 0].tolist()
        assert tokens[-1] == tokenizer.end_id
        return tokenizer.decode(tokens[:-1]).text

    assert {read(row) for row in batch.captions.context} == {CONFIG.prefixes.caption}
    assert {read(row) for row in batch.regions.context} == {CONFIG.prefixes.describe}
    assert [read(row) for row in batch.phrases.context] == [
        CONFIG.prefixes.locate.format(phrase=phrase_of(tokenizer, tokens))
        for tokens in batch.phrases.tokens
    ]


def test_some_last_phrases_name_nothing(
    tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scene_batch, "LONG_SIDES", ((0.4, 0.4),))  # drawn faster
    batch = BatchBuilder(CONFIG, tokenizer).build(2, range(100))
    absent = ~batch.phrases.boxes.any(1).reshape(-1, PHRASES)

    assert not absent[:, :-1].any()
    assert absent[:, -1].float().mean() == pytest.approx(ABSENT_SHARE, abs=0.12)


def test_a_phrase_is_told_twice_where_there_are_too_few(
    tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def draw(*arguments: Any, **options: Any) -> Scene:
        scene = draw_scene(*arguments, **options)
        return dataclasses.replace(scene, references=scene.references[:2])

    monkeypatch.setattr(scene_batch, "draw_scene", draw)
    monkeypatch.setattr(scene_batch, "ABSENT_SHARE", 0.0)
    texts = BatchBuilder(CONFIG, tokenizer).build(SEED, [0]).phrases

    assert torch.equal(texts.tokens[2], texts.tokens[0])
    assert torch.equal(texts.tokens[3], texts.tokens[0])
    assert not torch.equal(texts.tokens[1], texts.tokens[0])


def test_a_scene_that_has_no_phrase_gets_absent_ones(
    tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def draw(*arguments: Any, **options: Any) -> Scene:
        return dataclasses.replace(draw_scene(*arguments, **options), references=())

    monkeypatch.setattr(scene_batch, "draw_scene", draw)
    batch = BatchBuilder(CONFIG, tokenizer).build(SEED, [0])

    assert not batch.phrases.boxes.any()
    assert not batch.phrase_masks.any()
    assert (batch.phrases.tokens > 1).any(1).all()


def test_prompts_are_boxes_or_points_on_the_thing(batch: SceneBatch) -> None:
    is_point = ~batch.region_boxes.any(1)
    columns, rows = batch.region_points[is_point].long().clamp(max=SIDE - 1).T

    assert is_point.float().mean() == pytest.approx(POINT_SHARE, abs=0.2)
    assert is_point.any()
    assert not batch.region_points[~is_point].any()
    masks = batch.region_masks[is_point]
    near = torch.nn.functional.max_pool2d(masks.float()[:, None], 3, stride=1, padding=1)[:, 0]
    assert near[torch.arange(len(masks)), rows, columns].all()


def test_prompted_boxes_are_drawn_by_an_unsteady_hand(batch: SceneBatch) -> None:
    is_box = batch.region_boxes.any(1)
    true, prompted = batch.regions.boxes[is_box], batch.region_boxes[is_box]
    sides = (true[:, 2:] - true[:, :2]).repeat(1, 2)
    size = batch.valid_size.flip(1).repeat_interleave(REGIONS, 0).repeat(1, 2)[is_box]
    error = (prompted - true) / sides

    assert error.std().item() == pytest.approx(BOX_JITTER, rel=0.3)
    assert error.abs().max() < 5 * BOX_JITTER
    assert (prompted >= 0).all()
    assert (prompted <= size).all()


def test_the_ranks_of_a_step_share_its_scenes() -> None:
    def batches(rank: int, ranks: int, size: int) -> list[SceneBatch]:
        return list(
            SceneBatches(
                CONFIG,
                tiny_tokenizer_model(),
                seed=5,
                batch_size=size,
                first_step=1,
                steps=3,
                rank=rank,
                ranks=ranks,
            )
        )

    alone = batches(0, 1, size=2)
    first, second = batches(0, 2, size=1), batches(1, 2, size=1)

    assert len(alone) == len(first) == len(second) == 2
    for whole, one, other in zip(alone, first, second, strict=True):
        assert torch.equal(whole.images, torch.cat([one.images, other.images]))


def test_a_later_first_step_goes_on_where_the_others_would_be() -> None:
    def batches(first_step: int) -> list[SceneBatch]:
        data = SceneBatches(
            CONFIG,
            tiny_tokenizer_model(),
            seed=5,
            batch_size=1,
            first_step=first_step,
            steps=3,
        )
        return list(data)

    whole, rest = batches(0), batches(2)

    assert (len(whole), len(rest)) == (3, 1)
    assert torch.equal(whole[2].images, rest[0].images)


def test_a_batch_moves_as_a_whole(batch: SceneBatch) -> None:
    moved = batch.to(torch.device("meta"))

    for (name, x), (other, y) in zip(tensors(batch), tensors(moved), strict=True):
        assert name == other
        assert y.device.type == "meta", name
        assert x.shape == y.shape


@dataclass
class Inner:
    x: Tensor


@dataclass
class Outer:
    y: Tensor
    inner: Inner


def test_a_function_meets_the_tensors_of_one_name() -> None:
    one = Outer(torch.ones(2), Inner(torch.zeros(3)))
    other = Outer(torch.full((1,), 5.0), Inner(torch.full((1,), 7.0)))

    both = each_tensor(lambda a, b: torch.cat([a, b]), one, other)

    assert both.y.tolist() == [1, 1, 5]
    assert both.inner.x.tolist() == [0, 0, 0, 7]
