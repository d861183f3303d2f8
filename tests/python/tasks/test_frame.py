"""From pixels of the original image to the model's frame and back."""

import numpy as np
import pytest

from pixelllm.model.config import tiny
from pixelllm.model.preprocess import preprocess_image
from pixelllm.tasks.errors import TaskError
from pixelllm.tasks.frame import Frame
from pixelllm.tasks.image import decode_image
from tests.python.tasks.pictures import gradient, png, rotated

SIZES = [(200, 300), (300, 200), (37, 500), (500, 37), (96, 96), (8, 8), (97, 95)]


def frame_of(height: int, width: int) -> Frame:
    image = preprocess_image(np.zeros((height, width, 3), np.uint8), tiny())
    return Frame(width, height, image.scale_x, image.scale_y)


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_box_comes_back_where_it_was(height: int, width: int) -> None:
    frame = frame_of(height, width)
    box = (width * 0.1, height * 0.2, width * 0.55, height * 0.9)

    corners = np.array(frame.box_to_model(box), np.float32).reshape(2, 2)

    assert frame.corners_to_image(corners) == pytest.approx(box, rel=1e-5)


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_point_comes_back_where_it_was(height: int, width: int) -> None:
    frame = frame_of(height, width)
    point = (width * 0.3, height * 0.7)

    corner = np.array([frame.point_to_model(point)], np.float32)

    assert frame.corners_to_image(corner) == pytest.approx((*point, *point), rel=1e-5)


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_whole_image_is_its_extent_in_the_model_frame(height: int, width: int) -> None:
    image = preprocess_image(np.zeros((height, width, 3), np.uint8), tiny())

    whole = frame_of(height, width).whole()

    assert whole == pytest.approx((0, 0, image.valid_width, image.valid_height))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_place_seen_in_the_model_frame_is_the_place_in_the_upright_image(orientation: int) -> None:
    stored = np.zeros((120, 300, 3), np.uint8)
    stored[30:60, 200:280] = 255

    upright = decode_image(rotated(stored, orientation))
    image = preprocess_image(upright, tiny())
    frame = Frame(upright.shape[1], upright.shape[0], image.scale_x, image.scale_y)
    rows, columns = np.nonzero(image.pixels[:, :, 0].numpy() > 127)
    seen = np.array([[columns.min(), rows.min()], [columns.max() + 1, rows.max() + 1]], np.float32)

    rows, columns = np.nonzero(upright[:, :, 0])
    true = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    pixel = 1 / min(image.scale_x, image.scale_y)  # one model pixel, in original ones
    assert frame.corners_to_image(seen) == pytest.approx(true, abs=pixel)


def test_corners_in_any_order_make_an_ordered_box() -> None:
    corners = np.array([[30, 5], [10, 20]], np.float32)

    assert Frame(100, 100, 1, 1).corners_to_image(corners) == (10, 5, 30, 20)


def test_box_around_several_places_holds_them_all() -> None:
    places = np.array([[[10, 10], [20, 20]], [[40, 5], [50, 12]]], np.float32)

    assert Frame(100, 100, 1, 1).corners_to_image(places) == (10, 5, 50, 20)


def test_place_outside_the_image_is_clipped_to_it() -> None:
    corners = np.array([[-30, 20], [130, 900]], np.float32)

    assert Frame(100, 80, 1, 1).corners_to_image(corners) == (0, 20, 100, 80)


def test_place_that_is_not_finite_is_a_defect() -> None:
    with pytest.raises(ValueError, match="not finite"):
        Frame(10, 10, 1, 1).corners_to_image(np.array([[np.nan, 1], [2, 3]], np.float32))


@pytest.mark.parametrize("box", [(-1, 0, 5, 5), (0, 0, 101, 5), (0, 0, 5, 81), (0, -0.5, 5, 5)])
def test_box_that_reaches_outside_the_image_is_refused(
    box: tuple[float, float, float, float],
) -> None:
    with pytest.raises(TaskError, match="outside the image, which is 100 x 80 pixels") as caught:
        Frame(100, 80, 1, 1).box_to_model(box)

    assert caught.value.code == "invalid_request"


@pytest.mark.parametrize("box", [(5, 5, 5, 9), (5, 9, 8, 9), (8, 5, 5, 9)])
def test_empty_box_is_refused(box: tuple[float, float, float, float]) -> None:
    with pytest.raises(TaskError, match="empty"):
        Frame(100, 80, 1, 1).box_to_model(box)


def test_point_outside_the_image_is_refused() -> None:
    with pytest.raises(TaskError, match="outside the image"):
        Frame(100, 80, 1, 1).point_to_model((50, 80.5))


def test_box_as_large_as_the_image_is_taken() -> None:
    assert Frame(100, 80, 0.5, 0.5).box_to_model((0, 0, 100, 80)) == (0, 0, 50, 40)


def test_smallest_picture_that_is_taken_still_has_pixels_in_the_model_frame() -> None:
    pixels = decode_image(png(gradient(8, 8 * 32)))

    image = preprocess_image(pixels, tiny())

    assert image.valid_height >= 1
    assert image.pixels[: image.valid_height].max() > 0
