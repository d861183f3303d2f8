"""What is placed in an image stays where it is to be seen, whatever is done to the image."""

from __future__ import annotations

import numpy as np
import pytest

from pixelllm.model.preprocess import fitted_size
from pixelllm.training.transforms import (
    Floats,
    FrameOptions,
    Placed,
    Window,
    crop,
    flip,
    pad,
    place_in_frame,
    resize,
    scaled_size,
    select,
    visible,
)

SIDE = 96
SIZES = ((90, 140), (140, 90), (64, 64), (33, 250), (300, 41), (96, 96))
OPTIONS = (
    FrameOptions(),
    FrameOptions(scale=(0.75, 1.25)),
    FrameOptions(scale=(0.1, 2.0), flip=0.5),
    FrameOptions(scale=(1.3, 1.3), crop="centre", flip=1.0),
    FrameOptions(fit="cover", crop="centre"),
)


def rectangle(size: tuple[int, int], rng: np.random.Generator) -> Placed:
    """A white rectangle on black: as a box, as a token's place and as a mask."""
    height, width = size
    x0, x1 = sorted(rng.choice(width + 1, 2, replace=False).tolist())
    y0, y1 = sorted(rng.choice(height + 1, 2, replace=False).tolist())
    image = np.zeros((height, width, 3), np.float32)
    image[y0:y1, x0:x1] = 255
    box = np.array([[x0, y0, x1, y1]], np.float32)
    corners = np.zeros((1, 2, 2, 2), np.float32)
    corners[0, 1] = box.reshape(2, 2)
    return Placed(image, box, corners, (image[None, :, :, 0] > 0))


def extent(light: Floats) -> tuple[float, float, float, float]:
    """The box around what is light in float[H, W] of 0-255, to a part of a pixel.

    A row's edge is where its light would be, were it all in full pixels.
    """
    columns, rows = light.max(axis=0) / 255, light.max(axis=1) / 255

    def ends(line: Floats) -> tuple[float, float]:
        lit = np.flatnonzero(line)
        first, last = int(lit[0]), int(lit[-1])
        return first + 1 - float(line[first]), last + float(line[last])

    (x0, x1), (y0, y1) = ends(columns), ends(rows)
    return x0, y0, x1, y1


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("size", SIZES)
def test_box_follows_its_pixels(size: tuple[int, int], options: FrameOptions) -> None:
    rng = np.random.default_rng(size[0])
    checked = 0
    for _ in range(40):
        placed = place_in_frame(rectangle(size, rng), options, SIDE, rng)

        assert max(placed.size) <= SIDE
        assert placed.boxes is not None
        assert placed.masks is not None
        box = placed.boxes[0]
        height, width = placed.size
        assert (box >= 0).all()
        assert (box <= (width, height, width, height)).all()
        sides = box[2:] - box[:2]
        if sides.min() < 3:
            continue  # a sliver is lost between the pixels that are taken
        checked += 1
        # Without antialiasing an edge is up to a pixel of the resized image off, or of the
        # original where that is the coarser.
        coarse = max(1.0, max(placed.size) / max(size))
        assert extent(placed.image[..., 0]) == pytest.approx(box, abs=coarse)
        assert extent(placed.masks[0].astype(np.float32) * 255) == pytest.approx(box, abs=coarse)
        assert placed.corners[0, 1].reshape(4) == pytest.approx(box)
        assert not placed.corners[0, 0].any()
    assert checked


def test_flip_twice_is_the_same() -> None:
    whole = rectangle((40, 70), np.random.default_rng(1))

    again = flip(flip(whole))

    assert whole.boxes is not None
    assert again.boxes is not None
    assert again.masks is not None
    assert np.array_equal(again.image, whole.image)
    assert np.array_equal(again.boxes, whole.boxes)
    assert np.array_equal(again.corners, whole.corners)
    assert np.array_equal(again.masks, whole.masks)  # type: ignore[arg-type]


def test_flip_is_refused_where_it_may_not_be() -> None:
    whole = rectangle((SIDE, SIDE), np.random.default_rng(2))
    options = FrameOptions(flip=1.0)

    kept = place_in_frame(whole, options, SIDE, np.random.default_rng(0), may_flip=False)
    mirrored = place_in_frame(whole, options, SIDE, np.random.default_rng(0))

    assert np.array_equal(kept.image, whole.image)
    assert np.array_equal(mirrored.image, whole.image[:, ::-1])


def test_crop_leaves_nothing_of_what_is_outside() -> None:
    boxes = np.array([[0, 0, 5, 5], [3, 3, 12, 8], [10, 0, 10, 9]], np.float32)
    placed = Placed(
        np.zeros((20, 20, 3), np.float32),
        boxes,
        np.zeros((3, 1, 2, 2), np.float32),
        np.arange(3)[:, None, None] * np.ones((3, 20, 20), bool) > 0,
    )

    cut = crop(placed, Window(top=5, left=5, height=10, width=10))
    kept = visible(cut)
    left = select(cut, kept)

    assert kept.tolist() == [1]
    assert left.boxes is not None
    assert left.boxes.tolist() == [[0, 0, 7, 3]]
    assert left.masks is not None
    assert left.masks.shape == (1, 10, 10)


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (2, 500), (7, 384), (1280, 3)])
@pytest.mark.parametrize("options", OPTIONS)
def test_image_of_any_ratio_fits_the_frame(size: tuple[int, int], options: FrameOptions) -> None:
    rng = np.random.default_rng(3)
    whole = Placed(
        np.full((*size, 3), 200, np.float32),
        np.array([[0, 0, size[1], size[0]]], np.float32),
        np.zeros((1, 1, 2, 2), np.float32),
    )

    placed = pad(place_in_frame(whole, options, SIDE, rng), SIDE)

    assert placed.image.shape == (SIDE, SIDE, 3)
    assert placed.image.max() == pytest.approx(200)
    assert len(visible(placed)) == 1


@pytest.mark.parametrize("size", [*SIZES, (1, 3000), (383, 384), (375, 500), (427, 640)])
def test_training_at_scale_1_sees_what_is_served(size: tuple[int, int]) -> None:
    assert scaled_size(*size, SIDE, SIDE) == fitted_size(*size, SIDE)


def test_image_that_covers_the_frame_leaves_nothing_of_it_black() -> None:
    whole = Placed(np.full((50, 400, 3), 9, np.float32), None, np.zeros((0, 1, 2, 2), np.float32))

    placed = place_in_frame(
        whole, FrameOptions(fit="cover", crop="centre"), SIDE, np.random.default_rng(0)
    )

    assert placed.size == (SIDE, SIDE)
    assert placed.image.min() == pytest.approx(9)


def test_scale_is_drawn_from_all_of_its_range() -> None:
    whole = rectangle((SIDE, SIDE), np.random.default_rng(4))
    rng = np.random.default_rng(5)
    options = FrameOptions(scale=(0.25, 0.75))

    sizes = [place_in_frame(whole, options, SIDE, rng).size[0] for _ in range(300)]

    assert min(sizes) in range(24, 27)
    assert max(sizes) in range(70, 73)
    assert np.mean(sizes) == pytest.approx(48, abs=3)


def test_crop_is_drawn_from_all_places() -> None:
    image = np.arange(2 * SIDE, dtype=np.float32)[None, :, None] * np.ones((SIDE, 1, 3), np.float32)
    whole = Placed(image, None, np.zeros((0, 1, 2, 2), np.float32))
    rng = np.random.default_rng(6)
    options = FrameOptions(scale=(2.0, 2.0))

    lefts = [place_in_frame(whole, options, SIDE, rng).image[0, 0, 0] for _ in range(400)]

    assert min(lefts) < 5
    assert max(lefts) > SIDE - 5
    assert max(lefts) <= SIDE


def test_antialiasing_sees_what_lies_between_the_pixels() -> None:
    image = np.zeros((64, 64, 3), np.float32)
    image[:, ::4] = 255  # every fourth column
    whole = Placed(image, None, np.zeros((0, 1, 2, 2), np.float32))

    plain = resize(whole, 16, 16).image
    smooth = resize(whole, 16, 16, antialias=True).image

    assert plain.mean() == 0  # columns between two others are taken
    assert smooth.mean() == pytest.approx(255 / 4, rel=0.05)


@pytest.mark.parametrize("values", [{"scale": (0.0, 1.0)}, {"scale": (2.0, 1.0)}, {"flip": 1.5}])
def test_options_that_make_no_image_are_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="has to be"):
        FrameOptions(**values)  # type: ignore[arg-type]
