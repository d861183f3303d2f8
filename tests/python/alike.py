"""Answers that are the same but for what depends on the batch: the last digits of numbers."""

from collections.abc import Mapping

import numpy as np
import pytest

from pixelllm.tasks.masks import decode_mask


def assert_alike(one: object, other: object) -> None:
    """Equal, numbers but for their last digits, masks but for one pixel in a thousand."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        assert one.keys() == other.keys()
        if "counts" in one:
            masks = [
                decode_mask({"size": mask["size"], "counts": mask["counts"]})
                for mask in (one, other)
            ]
            assert masks[0].shape == masks[1].shape
            assert np.mean(masks[0] != masks[1]) < 0.001
            return
        for name in one:
            assert_alike(one[name], other[name])
    elif isinstance(one, list) and isinstance(other, list):
        assert len(one) == len(other)
        for first, second in zip(one, other, strict=True):
            assert_alike(first, second)
    elif isinstance(one, float) and isinstance(other, float):
        assert one == pytest.approx(other, abs=0.03)
    else:
        assert one == other
