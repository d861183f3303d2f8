"""What is counted of a worker's steps."""

import pytest

from pixelllm.worker.counts import Counts


def test_counts_batches_by_their_size() -> None:
    counts = Counts()

    for size in (1, 4, 4):
        with counts.step("decode", size):
            pass
    with counts.step("encode", 2):
        pass

    steps = {one["step"]: one for one in counts.so_far()["steps"]}
    assert steps["decode"]["sizes"] == [[1, 1], [4, 2]]
    assert steps["encode"]["sizes"] == [[2, 1]]
    assert steps["decode"]["seconds"] > 0


def test_counts_a_batch_that_fails() -> None:
    counts = Counts()

    with pytest.raises(ValueError, match="broken"), counts.step("read", 3):
        raise ValueError("broken")

    assert counts.so_far()["steps"][0]["sizes"] == [[3, 1]]


def test_counts_looks_for_features() -> None:
    counts = Counts()

    for hit in (True, False, False):
        counts.looked_up(hit)

    assert counts.so_far() == {"cache_hits": 1, "cache_misses": 2, "steps": []}
