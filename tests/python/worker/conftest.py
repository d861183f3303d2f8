"""An engine around a small real model."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.python.worker.harness import Harness


@pytest.fixture
def make_engine(checkpoint_folder: Path) -> Iterator[Callable[..., Harness]]:
    """Makes engines that are stopped at the end of the test."""
    made: list[Harness] = []

    def make(**settings: object) -> Harness:
        harness = Harness(**{"model": str(checkpoint_folder), **settings})
        made.append(harness)
        return harness

    yield make
    for harness in made:
        harness.engine.stop(10)
        assert not harness.engine._thread.is_alive()
