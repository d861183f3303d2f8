"""Pictures of answers: what is drawn where."""

import numpy as np
from pycocotools import mask as coco

from pixelllm.contract import Mask
from pixelllm.evaluation.case_pictures import FOUND, LONG_SIDE, TRUE, draw_case
from pixelllm.evaluation.measures.base import Case
from tests.python.evaluation.measures.samples import LEFT, RIGHT, black, filled

SCALE = LONG_SIDE / 100


def at(picture: object, x: float, y: float) -> tuple[int, ...]:
    pixels = np.asarray(picture)
    return tuple(int(value) for value in pixels[int(y * SCALE), int(x * SCALE)])


def test_true_boxes_are_green_and_predicted_ones_orange() -> None:
    picture = draw_case(black(), Case(0, "pets/7", 1.0, "a cat", true=(LEFT,), found=(RIGHT,)))

    assert picture.size == (LONG_SIDE, LONG_SIDE // 2)
    assert at(picture, 20, 0.1) == at(picture, 39.9, 20) == TRUE
    assert at(picture, 70, 0.1) == at(picture, 89.9, 20) == FOUND
    assert at(picture, 20, 20) == at(picture, 70, 20) == (0, 0, 0)


def test_both_are_seen_where_they_agree() -> None:
    picture = draw_case(black(), Case(0, "pets/7", 1.0, "a cat", true=(LEFT,), found=(LEFT,)))

    assert at(picture, 20, 0.1) == FOUND
    assert at(picture, 20, 3 / SCALE) == TRUE


def test_a_predicted_mask_is_tinted() -> None:
    encoded = coco.encode(np.asfortranarray(filled(LEFT).astype(np.uint8)))
    mask = Mask(size=[50, 100], counts=encoded["counts"].decode("ascii"))

    picture = draw_case(black(), Case(0, "pets/7", 1.0, "a cat", mask=mask))

    red, green, blue = at(picture, 20, 20)
    assert red > green > 0 == blue
    assert at(picture, 70, 20) == (0, 0, 0)


def test_a_box_without_area_or_beyond_the_image_can_be_drawn() -> None:
    boxes = ((10.0, 10.0, 10.0, 10.0), (-20.0, -20.0, 300.0, 300.0), (60.0, 30.0, 20.0, 10.0))

    draw_case(black(), Case(0, "pets/7", 1.0, "a cat", true=boxes, found=boxes))
