"""From pixels to the model frame and back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from pixelllm.model.config import pixelllm_t5_xl, tiny
from pixelllm.model.preprocess import (
    SAM_MEAN,
    SAM_STD,
    fitted_size,
    normalise,
    preprocess_image,
    valid_mask,
)
from pixelllm.model.resize import resize_map
from tests.python.goldens import Golden
from tests.python.model.small import valid_size


def test_golden_resize_preprocess_normalisation() -> None:
    golden = Golden("resize_preprocess")
    images, padding_mask = golden["in/images"], golden["in/padding_mask"]

    normalised = normalise(images, padding_mask, SAM_MEAN, SAM_STD)

    golden.check("out/preprocess", normalised)
    smaller = resize_map(normalised, 16, 16, "bilinear")
    golden.check("out/preprocess_resize", smaller)


def test_golden_resize_preprocess_image_shape() -> None:
    golden = Golden("resize_preprocess")
    shape = golden["out/image_shape"]
    height, width = golden["in/padding_mask"].shape[1:]

    mask = valid_mask(shape, max(height, width))

    assert torch.equal(mask[:, :height, :width], golden["in/padding_mask"])
    golden.check("out/image_shape", valid_size(golden["in/padding_mask"]), exact=True)


@pytest.mark.parametrize(
    ("height", "width", "expected"),
    [
        (384, 384, (384, 384)),
        (480, 640, (288, 384)),
        (640, 480, (384, 288)),
        (427, 640, (256, 383)),  # the authors' truncation: one pixel short
        (10, 4000, (1, 384)),
    ],
)
def test_an_image_fits_the_frame(height: int, width: int, expected: tuple[int, int]) -> None:
    assert fitted_size(height, width, 384) == expected


@pytest.mark.parametrize(("height", "width"), [(50, 80), (300, 200), (96, 96), (7, 5)])
def test_points_survive_the_way_into_the_frame_and_back(height: int, width: int) -> None:
    image = np.zeros((height, width, 3), np.uint8)
    fitted = preprocess_image(image, tiny())
    points = np.array([[0.0, 0.0], [width / 3, height / 2], [width, height]])

    scale = np.array([fitted.scale_x, fitted.scale_y])
    inside = points * scale

    assert (inside <= [fitted.valid_width + 1e-9, fitted.valid_height + 1e-9]).all()
    np.testing.assert_allclose(inside / scale, points, atol=1e-9)


def test_the_frame_is_padded_with_black_at_the_right_and_bottom() -> None:
    image = np.full((20, 40, 3), 200, np.uint8)

    fitted = preprocess_image(image, tiny())

    assert fitted.pixels.shape == (tiny().image_size, tiny().image_size, 3)
    inside = fitted.pixels[: fitted.valid_height, : fitted.valid_width]
    assert torch.allclose(inside, torch.tensor(200.0), atol=1e-3)
    assert fitted.pixels.sum() == pytest.approx(inside.sum().item(), rel=1e-6)


def test_an_image_of_the_frames_size_is_not_touched() -> None:
    rng = np.random.default_rng(0)
    config = replace(pixelllm_t5_xl(), image_size=32)
    image = rng.integers(0, 256, (32, 32, 3), np.uint8)

    fitted = preprocess_image(image, config)

    assert torch.equal(fitted.pixels, torch.from_numpy(image).float())
    assert (fitted.scale_x, fitted.scale_y) == (1.0, 1.0)
