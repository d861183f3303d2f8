"""The mask of the original image against the enlarged map that is never made."""

import hashlib
import json
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from pycocotools import mask as coco
from torch.nn import functional as F

from pixelllm.model.preprocess import fitted_size
from pixelllm.tasks import masks
from pixelllm.tasks.frame import Frame
from pixelllm.tasks.masks import decode_mask, empty_mask, encode_mask

SIDE = 96
FIXTURES = Path(__file__).parents[2] / "fixtures"
SHARED: list[dict[str, Any]] = json.loads((FIXTURES / "masks.json").read_text("utf-8"))["masks"]


def frame_of(height: int, width: int, side: int = SIDE) -> Frame:
    fitted_height, fitted_width = fitted_size(height, width, side)
    return Frame(width, height, fitted_width / width, fitted_height / height)


def random_map(seed: int, cells: int, *, smooth: bool = True) -> NDArray[np.float32]:
    """float[cells, cells] of blobs, or of a number of its own in every cell."""
    values = np.random.default_rng(seed).normal(size=(cells, cells)).astype(np.float32)
    if smooth:
        values = F.avg_pool2d(torch.from_numpy(values)[None, None], 5, 1, 2)[0, 0].numpy()
    return values


def enlarged(logits: NDArray[np.float32], frame: Frame, side: int) -> NDArray[np.float64]:
    """float[H, W], every pixel interpolated between the cells around its centre."""
    grid = logits.astype(np.float64)
    for axis, (pixels, scale) in enumerate(
        ((frame.height, frame.scale_y), (frame.width, frame.scale_x))
    ):
        cells_per_pixel = scale * logits.shape[axis] / side
        valid = max(1, int(np.ceil(pixels * cells_per_pixel - 1e-6)))
        place = ((np.arange(pixels) + 0.5) * cells_per_pixel - 0.5).clip(0, valid - 1)
        first = np.floor(place).astype(int)
        share = place - first
        grid = np.moveaxis(grid, axis, 0)
        after = grid[np.minimum(first + 1, valid - 1)]
        grid = grid[first] * (1 - share)[:, None] + after * share[:, None]
        grid = np.moveaxis(grid, 0, axis)
    return grid


@pytest.mark.parametrize("smooth", [True, False])
@pytest.mark.parametrize(
    ("height", "width"),
    [(8, 8), (8, 256), (256, 8), (64, 64), (1024, 1024), (120, 360), (360, 120), (97, 131)],
)
def test_mask_is_set_where_the_enlarged_map_is_above_0(
    height: int, width: int, smooth: bool
) -> None:
    frame = frame_of(height, width)
    for seed, cells in enumerate((12, 24, 48)):
        logits = random_map(seed, cells, smooth=smooth)

        mask = decode_mask(encode_mask(logits, frame, SIDE))

        expected = enlarged(logits, frame, SIDE)
        sure = np.abs(expected) > 1e-9  # elsewhere the last bit decides
        assert mask.shape == (height, width)
        np.testing.assert_array_equal(mask[sure], expected[sure] > 0)
        assert mask.any()


def test_mask_is_that_of_torch_where_the_image_ends_between_cells() -> None:
    frame, logits = frame_of(250, 375, 384), random_map(3, 96)  # 64 of the 96 rows

    mask = decode_mask(encode_mask(logits, frame, 384))

    cut = torch.from_numpy(logits[:64])[None, None]
    expected = F.interpolate(cut, (250, 375), mode="bilinear")[0, 0].numpy()
    sure = np.abs(expected) > 1e-5
    np.testing.assert_array_equal(mask[sure], expected[sure] > 0)


def test_cells_of_the_padding_set_nothing() -> None:
    frame = frame_of(60, 180)
    logits = np.full((24, 24), 5, np.float32)
    logits[:8] = -5  # the image

    assert not decode_mask(encode_mask(logits, frame, SIDE)).any()


@pytest.mark.parametrize("value", [1.0, 0.0, -1.0])
def test_map_of_one_value_sets_all_pixels_or_none(value: float) -> None:
    frame = frame_of(31, 77)

    mask = decode_mask(encode_mask(np.full((24, 24), value, np.float32), frame, SIDE))

    assert mask.all() if value > 0 else not mask.any()


@pytest.mark.parametrize("columns", [1, 7, 64])
def test_columns_that_are_worked_on_apart_make_the_same_mask(
    columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame, logits = frame_of(90, 140), random_map(5, 48, smooth=False)
    logits[:, 20:24] = 1  # full columns, whose runs touch
    whole = encode_mask(logits, frame, SIDE)

    monkeypatch.setattr(masks, "COLUMNS", columns)

    assert encode_mask(logits, frame, SIDE) == whole


def test_empty_mask_has_the_size_of_the_image_and_no_pixel() -> None:
    mask = empty_mask(Frame(300, 120, 0.32, 0.32))

    assert mask["size"] == [120, 300]
    assert decode_mask(mask).shape == (120, 300)
    assert not decode_mask(mask).any()


def test_mask_of_the_largest_image_takes_little_memory() -> None:
    frame = frame_of(8000, 8000)
    logits = random_map(7, 48)

    tracemalloc.start()
    mask = encode_mask(logits, frame, SIDE)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert mask["size"] == [8000, 8000]
    assert peak < 64_000_000, "less than a byte for each pixel"


@pytest.mark.parametrize("shared", SHARED, ids=[mask["name"] for mask in SHARED])
def test_the_masks_that_other_languages_are_tested_with_are_cocos(shared: dict[str, Any]) -> None:
    pixels = decode_mask({"size": shared["size"], "counts": shared["counts"]})

    assert list(pixels.shape) == shared["size"]
    if "rows" in shared:
        assert pixels.tolist() == [[pixel == "1" for pixel in row] for row in shared["rows"]]
    else:
        assert hashlib.sha256(pixels.tobytes()).hexdigest() == shared["sha256"]
    encoded = coco.encode(np.asfortranarray(pixels, np.uint8))
    assert encoded["counts"].decode("ascii") == shared["counts"]
