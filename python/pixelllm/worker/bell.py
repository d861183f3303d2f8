"""What the engine waits for when there is nothing to do."""

import threading


class Bell:
    """Whoever has news for the engine rings; it then looks at all there is. For any thread."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._news = False

    def ring(self) -> None:
        """Say that something changed."""
        with self._changed:
            self._news = True
            self._changed.notify_all()

    def wait(self, timeout_s: float) -> None:
        """Wait until somebody rings, or has rung since the last wait, or the time is up."""
        with self._changed:
            self._changed.wait_for(lambda: self._news, timeout_s)
            self._news = False
