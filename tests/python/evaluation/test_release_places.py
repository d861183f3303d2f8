"""The release's way from the model's frame to the image, on cases worked out by hand."""

import numpy as np
import pytest

from pixelllm.evaluation.release_places import release_boxes, release_mask
from pixelllm.tasks.frame import Frame
from pixelllm.tasks.masks import decode_mask, encode_mask


def test_boxes_are_moved_to_the_image_and_cut_to_it() -> None:
    boxes = release_boxes([(5, 10, 30, 70)], size=(40, 20), original_size=(80, 60))

    assert boxes.tolist() == [[15.0, 20.0, 45.0, 60.0]]


def test_cells_are_stretched_over_the_image() -> None:
    logits = np.array([[1.0, -1.0], [1.0, -1.0]], np.float32)

    mask = release_mask(logits, (8, 8), (8, 8), (4, 6))

    assert mask.tolist() == [[True, True, True, False, False, False]] * 4


def test_a_cell_that_the_image_fills_in_part_is_cut_off() -> None:
    """7 of 8 rows are in the frame, so 3 whole cells of 4: the last row of cells is not seen."""
    logits = np.full((4, 4), -1.0, np.float32)
    logits[3] = 1.0

    released = release_mask(logits, (7, 8), (8, 8), (70, 80))
    served = decode_mask(encode_mask(logits, Frame(80, 70, 0.1, 0.1), 8))

    assert not released.any()
    assert served[-1].all()


@pytest.mark.parametrize("size", [(8, 8), (16, 24)])
def test_where_the_image_fills_the_frame_both_ways_agree(size: tuple[int, int]) -> None:
    logits = np.random.default_rng(5).normal(size=(4, 4)).astype(np.float32)

    released = release_mask(logits, (8, 8), (8, 8), size)
    served = decode_mask(encode_mask(logits, Frame(size[1], size[0], 8 / size[1], 8 / size[0]), 8))

    assert released.tolist() == served.tolist()
