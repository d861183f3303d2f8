"""What the engine and a training job that it works on between its steps tell each other."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from pixelllm.contract import TrainOutcome


@dataclass(frozen=True)
class Pause:
    """There is nothing to do for the engine before so much time has passed."""

    seconds: float


Pieces: TypeAlias = Generator[Pause | None, None, TrainOutcome]


class Job(Protocol):
    """A training job. All methods belong to the engine thread."""

    def work(self) -> Pieces:
        """A generator that yields between short pieces of work, and returns how the job ended."""
        ...

    def stop(self) -> None:
        """Have `work` end after the present piece, with `stopped`."""
        ...

    def close(self) -> None:
        """End its threads and close its files. Called once, also after an error."""
        ...
