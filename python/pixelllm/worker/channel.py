"""The way from Python to Node, over pythonia's channel.

pythonia writes its answers from the main thread, without a lock, as whatever `json.dumps` makes of
them: a NaN among them is no JSON and ends the process that reads it. The channel replaces that
function by one for any thread and for valid JSON only.
"""

import json
import os
import sys
import threading
from collections.abc import Mapping
from typing import Protocol

from pixelllm.contract import WORKER_CHANNEL


class _Ipc(Protocol):
    """pythonia's sender: the name `ipc` in the main module."""

    def queue(self, what: str | Mapping[str, object]) -> None: ...


class Channel:
    """Sends messages to Node, one at a time. There is one per process."""

    def __init__(self) -> None:
        ipc: _Ipc = sys.modules["__main__"].ipc
        self._send = ipc.queue
        # A finaliser of pythonia may send while a message of this thread is on its way.
        self._lock = threading.RLock()
        setattr(ipc, "queue", self._queue)  # noqa: B010 -- a method for mypy
        # Spares a `repr()` of everything that is not a string.
        vars(os)["JSPyBridge"]._exe.loop.send_inspect = False

    def push(self, event: Mapping[str, object]) -> None:
        """Send an event (`WorkerEvent`) to the gateway. From any thread.

        Raises:
            ValueError: it holds a NaN or an infinity, which JSON cannot carry.
            TypeError: it holds an object that JSON cannot carry.
        """
        text = json.dumps(event, allow_nan=False)
        self._queue({"c": WORKER_CHANNEL, "r": 0, "e": text})

    def _queue(self, what: str | Mapping[str, object]) -> None:
        line = what if isinstance(what, str) else json.dumps(what, allow_nan=False)
        with self._lock:
            self._send(line)
