"""Labels of cells and tokens: what is where, against scenes made by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from pixelllm.data.scene_vocabulary import COLOURS, SIZES, TEXTURES
from pixelllm.data.scenes import SceneThing
from pixelllm.data.things import KINDS
from pixelllm.model.preprocess import ModelImage
from pixelllm.training.scene_labels import (
    ATTRIBUTES,
    CELL_COVER,
    UNLABELLED,
    attributes,
    cell_cover,
    cell_labels,
    region_token_labels,
    token_anchors,
    whole_token_labels,
)

SIDE, GRID = 64, 8  # cells of 8 x 8 pixels
RED_CAR = ("car", "red", "striped", "large")
BLUE_CAT = ("cat", "blue", "solid", "small")


def thing(
    traits: tuple[str, str, str, str], box: tuple[int, int, int, int], scale: float = 1.0
) -> SceneThing:
    """A thing that fills its box, in pixels of an image that is `scale` times smaller."""
    size = round(SIDE / scale)
    mask = np.zeros((size, size), bool)
    x0, y0, x1, y1 = (round(edge / scale) for edge in box)
    mask[y0:y1, x0:x1] = True
    return SceneThing(*traits, box=(x0, y0, x1, y1), mask=mask, centre=(0.0, 0.0))


def image(scale: float = 1.0) -> ModelImage:
    return ModelImage(torch.zeros(SIDE, SIDE, 3), SIDE, SIDE, scale, scale)


def frame_boxes(*boxes: Sequence[int]) -> list[NDArray[np.float32]]:
    return [np.array(box, np.float32) for box in boxes]


def test_attributes_are_the_places_of_the_names() -> None:
    found = attributes(thing(RED_CAR, (0, 0, 8, 8)))

    assert found == (
        list(COLOURS).index("red"),
        list(KINDS).index("car"),
        TEXTURES.index("striped"),
        SIZES.index("large"),
    )
    assert [names[i] for names, i in zip(ATTRIBUTES, found, strict=True)] == [
        "red",
        "car",
        "striped",
        "large",
    ]


@pytest.mark.parametrize("scale", [0.5, 1.0, 2.0])
def test_the_cover_of_a_cell_is_its_share_of_the_thing(scale: float) -> None:
    cover = cell_cover(thing(RED_CAR, (8, 16, 20, 24), scale).mask, image(scale), GRID, SIDE)

    expected = np.zeros((GRID, GRID))
    expected[2, 1], expected[2, 2] = 1.0, 0.5
    assert cover == pytest.approx(expected)


def test_the_covers_of_all_cells_add_up_to_the_area() -> None:
    mask = np.random.default_rng(0).random((90, 45)) < 0.3
    tall = ModelImage(torch.zeros(SIDE, SIDE, 3), SIDE, 32, 32 / 45, SIDE / 90)

    cover = cell_cover(mask, tall, GRID, SIDE)

    area = mask.sum() * tall.scale_x * tall.scale_y
    assert cover.sum() * (SIDE / GRID) ** 2 == pytest.approx(area)
    assert not cover[:, 4:].any()


def test_a_cell_is_labelled_with_what_covers_most_of_it() -> None:
    car, cat = thing(RED_CAR, (0, 0, 13, 8)), thing(BLUE_CAT, (13, 0, 24, 8))
    boxes = frame_boxes((0, 0, 13, 8), (13, 0, 24, 8))

    labels, targets = cell_labels([car, cat], boxes, image(), GRID, SIDE)

    assert tuple(labels[0, 0]) == attributes(car)
    assert tuple(labels[0, 1]) == attributes(car)  # 5 of 8 columns
    assert tuple(labels[0, 2]) == attributes(cat)
    assert targets[0, 1] * SIDE == pytest.approx(boxes[0])
    assert targets[0, 2] * SIDE == pytest.approx(boxes[1])
    assert (labels[1:] == UNLABELLED).all()
    assert not targets[1:].any()


def test_a_cell_that_is_hardly_covered_has_no_label() -> None:
    less, more = round(8 * CELL_COVER - 0.5), round(8 * CELL_COVER + 0.5)

    for columns, labelled in ((less, False), (more, True)):
        car = thing(RED_CAR, (0, 0, columns, 8))
        labels, _ = cell_labels([car], frame_boxes((0, 0, columns, 8)), image(), GRID, SIDE)
        assert (labels[0, 0, 0] != UNLABELLED) == labelled


def test_the_token_at_a_thing_knows_it() -> None:
    car, cat = thing(RED_CAR, (0, 0, 16, 16)), thing(BLUE_CAT, (48, 48, 64, 64))
    boxes = frame_boxes((0, 0, 16, 16), (48, 48, 64, 64))

    labels, targets = whole_token_labels([car, cat], boxes, tokens=16, side=SIDE)

    assert tuple(labels[0]) == attributes(car)  # of 4 x 4, the first
    assert tuple(labels[15]) == attributes(cat)
    assert targets[0] * SIDE == pytest.approx(boxes[0])
    assert (labels[[3, 12]] == UNLABELLED).all()
    assert not targets[[3, 12]].any()


def test_a_token_between_two_things_knows_the_nearer() -> None:
    car, cat = thing(RED_CAR, (0, 0, 40, 16)), thing(BLUE_CAT, (30, 0, 64, 16))
    boxes = frame_boxes((0, 0, 40, 16), (30, 0, 64, 16))

    labels, _ = whole_token_labels([car, cat], boxes, tokens=16, side=SIDE)

    assert [tuple(row) for row in labels[:4]] == [attributes(car)] * 2 + [attributes(cat)] * 2


def test_a_large_thing_is_known_to_more_tokens() -> None:
    small = whole_token_labels(
        [thing(RED_CAR, (28, 28, 36, 36))], frame_boxes((28, 28, 36, 36)), 36, SIDE
    )
    large = whole_token_labels(
        [thing(RED_CAR, (4, 4, 60, 60))], frame_boxes((4, 4, 60, 60)), 36, SIDE
    )

    assert (small[0][:, 0] != UNLABELLED).sum() == 4
    assert (large[0][:, 0] != UNLABELLED).sum() == 16


def test_every_token_of_a_region_knows_the_thing() -> None:
    car = thing(RED_CAR, (8, 0, 24, 16))

    labels, targets = region_token_labels(car, frame_boxes((8, 0, 24, 16))[0], 5, SIDE)

    assert labels.shape == targets.shape == (5, 4)
    assert {tuple(row) for row in labels.tolist()} == {attributes(car)}
    assert targets == pytest.approx(np.tile(np.array((8, 0, 24, 16)) / SIDE, (5, 1)))


def test_anchors_fill_the_frame_row_by_row() -> None:
    anchors = token_anchors(25)

    assert anchors.shape == (25, 2)
    assert anchors[0] == pytest.approx((0.1, 0.1))
    assert anchors[1] == pytest.approx((0.3, 0.1))
    assert anchors[5] == pytest.approx((0.1, 0.3))
    assert anchors[-1] == pytest.approx((0.9, 0.9))
