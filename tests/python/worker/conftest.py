"""An engine around a small real model."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pixelllm.worker.training import MakeJob, make_job
from tests.python.worker.harness import Harness


@pytest.fixture
def make_engine(checkpoint_folder: Path) -> Iterator[Callable[..., Harness]]:
    """Makes engines that are stopped at the end of the test."""
    made: list[Harness] = []

    def make(make_job: MakeJob = make_job, **settings: object) -> Harness:
        harness = Harness(make_job, **{"model": str(checkpoint_folder), **settings})
        made.append(harness)
        return harness

    yield make
    for harness in made:
        harness.engine.stop(10)
        assert not harness.engine._thread.is_alive()
