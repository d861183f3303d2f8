"""The next batch of a loader, made on another thread while the one before it is learned from."""

from __future__ import annotations

from concurrent.futures import Executor, Future

from pixelllm.training.batch import Batch
from pixelllm.training.loader import BatchLoader, Made


class Ahead:
    """Takes the batches of a loader in order, from the step that is next.

    A batch depends on its step alone, so it is the same on any thread, and one that was made and
    never taken is made again.
    """

    def __init__(self, loader: BatchLoader, threads: Executor) -> None:
        self._loader = loader
        self._threads = threads
        self._next: Future[Made] | None = None
        self._begin()

    @property
    def ready(self) -> bool:
        """Whether the next batch is made, or could not be."""
        return self._next is not None and self._next.done()

    def take(self) -> Batch:
        """The next batch, and begin with the one after it.

        Raises:
            LoaderError: it cannot be made.
        """
        assert self._next is not None
        batch = self._loader.take(self._next.result())
        self._begin()
        return batch

    def _begin(self) -> None:
        self._next = None
        if len(self._loader):
            self._next = self._threads.submit(self._loader.make, self._loader.step)
