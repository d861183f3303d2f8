"""What a worker has done, in numbers: the gateway's metrics are made of them."""

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from pixelllm.contract import StepCounts, StepName, WorkCounts


class Counts:
    """Counted on the engine's thread, read from any."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seconds: dict[StepName, float] = defaultdict(float)
        self._sizes: dict[StepName, Counter[int]] = defaultdict(Counter)
        self._hits = 0
        self._misses = 0

    @contextmanager
    def step(self, name: StepName, size: int) -> Iterator[None]:
        """Count a batch of this size, and time it; one that fails is counted as well."""
        began = time.perf_counter()
        try:
            yield
        finally:
            spent = time.perf_counter() - began
            with self._lock:
                self._seconds[name] += spent
                self._sizes[name][size] += 1

    def looked_up(self, hit: bool) -> None:
        """Count a look for the features of an image."""
        with self._lock:
            if hit:
                self._hits += 1
            else:
                self._misses += 1

    def so_far(self) -> WorkCounts:
        """Everything since the start."""
        with self._lock:
            steps = [self._of_step(name) for name in self._sizes]
            return {"cache_hits": self._hits, "cache_misses": self._misses, "steps": steps}

    def _of_step(self, name: StepName) -> StepCounts:
        sizes = sorted(self._sizes[name].items())
        return {
            "step": name,
            "seconds": self._seconds[name],
            "sizes": [[size, batches] for size, batches in sizes],
        }
