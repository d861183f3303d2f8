"""Batches of scenes: what they say must be true of the pictures."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
import torch

from pixelllm.data.scenes import draw_scene, scene_rng
from pixelllm.model.config import tiny
from pixelllm.model.tokenizer import Tokenizer
from pixelllm.training.losses import end_box_positions
from pixelllm.training.scene_batch import (
    PHRASES,
    REGIONS,
    UNLABELLED,
    BatchBuilder,
    SceneBatch,
    Texts,
    absent_phrase,
    attributes,
    token_anchors,
)
from pixelllm.training.scene_tokenizer import train_tokenizer

SCENES = 6
CONFIG = tiny()


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer(train_tokenizer(CONFIG.language.vocab_size))


@pytest.fixture(scope="module")
def batch(tokenizer: Tokenizer) -> SceneBatch:
    return BatchBuilder(CONFIG, tokenizer).build(7, range(SCENES))


def test_the_same_address_gives_the_same_batch(tokenizer: Tokenizer, batch: SceneBatch) -> None:
    again = BatchBuilder(CONFIG, tokenizer).build(7, range(SCENES))

    for field in fields(SceneBatch):
        one, other = getattr(batch, field.name), getattr(again, field.name)
        if isinstance(one, Texts):
            assert all(
                torch.equal(getattr(one, f.name), getattr(other, f.name)) for f in fields(one)
            )
        else:
            assert torch.equal(one, other), field.name


def test_a_batch_can_be_made_alone(tokenizer: Tokenizer, batch: SceneBatch) -> None:
    last = BatchBuilder(CONFIG, tokenizer).build(7, range(SCENES - 1, SCENES))

    assert torch.equal(last.images[0], batch.images[-1])


def test_rows_fit_the_scenes(batch: SceneBatch) -> None:
    assert len(batch.captions.tokens) == SCENES
    assert len(batch.phrases.tokens) == SCENES * PHRASES
    assert len(batch.regions.tokens) == len(batch.region_boxes) == SCENES * REGIONS
    assert len(batch.token_labels) == SCENES * (1 + REGIONS)
    grid = CONFIG.image_size // CONFIG.sam.patch_size
    assert batch.cell_labels.shape == (SCENES, grid, grid, 4)


def test_the_models_longest_text_holds_every_caption(batch: SceneBatch) -> None:
    assert batch.captions.tokens.shape[1] <= CONFIG.language.max_text_tokens


def test_captions_place_every_word_inside_the_image(batch: SceneBatch) -> None:
    tokens, corners = batch.captions.tokens, batch.captions.corners
    placed = corners.abs().sum((-2, -1)) > 0
    words = (tokens > 1) & (torch.arange(tokens.shape[1]) > 0)

    assert torch.equal(placed, words)
    slack = 0.02 * CONFIG.image_size
    extent = batch.valid_size.flip(1)[:, None, None]
    assert (corners >= -slack).all()
    assert (corners <= extent + slack).all()
    assert (corners[:, :, 0] <= corners[:, :, 1]).all()


def test_phrases_have_their_box_at_the_last_word_only(batch: SceneBatch) -> None:
    texts = batch.phrases
    there = texts.boxes.any(1)
    last = end_box_positions(texts.tokens)

    placed = texts.corners.abs().sum((-2, -1)) > 0
    assert torch.equal(placed[there], last[there])
    assert not placed[~there].any()
    at_last = texts.corners[there][last[there]].flatten(1)
    assert torch.equal(at_last, texts.boxes[there])


def test_cells_carry_the_labels_of_what_covers_them(tokenizer: Tokenizer) -> None:
    batch = BatchBuilder(CONFIG, tokenizer).build(3, [5])
    labelled = batch.cell_labels[0, ..., 0] != UNLABELLED
    cell = CONFIG.image_size / len(labelled)

    rows, columns = labelled.nonzero().T.tolist()
    for row, column in zip(rows, columns, strict=True):
        x0, y0, x1, y1 = (batch.cell_boxes[0, row, column] * CONFIG.image_size).tolist()
        assert x0 - cell < column * cell < x1
        assert y0 - cell < row * cell < y1
    assert labelled.any()


def test_prompts_are_boxes_or_points_on_the_object(tokenizer: Tokenizer) -> None:
    batch = BatchBuilder(CONFIG, tokenizer).build(1, range(12))
    is_point = ~batch.region_boxes.any(1)
    x, y = batch.region_points.T
    x0, y0, x1, y1 = batch.regions.boxes.T

    assert is_point.any()
    assert (~is_point).any()
    inside = (x0 - 1 <= x) & (x <= x1) & (y0 - 1 <= y) & (y <= y1)
    assert inside[is_point].all()
    jitter = (batch.region_boxes - batch.regions.boxes)[~is_point].abs()
    assert jitter.max() < 0.1 * CONFIG.image_size


def test_an_absent_phrase_names_nothing_in_the_scene() -> None:
    for index in range(50):
        scene = draw_scene(scene_rng(0, index))
        phrase = absent_phrase(np.random.default_rng(index), scene)
        _, colour, shape = phrase.split()
        assert (colour, shape) not in {thing.pair for thing in scene.objects}


def test_attributes_are_indices_of_the_names() -> None:
    thing = draw_scene(scene_rng(0, 0)).objects[0]

    colour, shape, texture, size = attributes(thing)

    assert min(colour, shape, texture, size) >= 0
    assert max(colour, shape) < 8
    assert texture < 3
    assert size < 2


def test_anchors_fill_the_image_row_by_row() -> None:
    anchors = token_anchors(25)

    assert anchors[0].tolist() == [0.1, 0.1]
    assert anchors[1].tolist() == pytest.approx([0.3, 0.1])
    assert anchors[-1].tolist() == [0.9, 0.9]
