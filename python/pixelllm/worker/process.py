"""What this process owes to the one that started it."""

import ctypes
import logging
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def end_with_parent(parent_pid: int) -> None:
    """Have the system kill this process as soon as its parent is gone, also while it computes.

    Elsewhere than on Linux this only checks that the parent is there; a process that is idle ends
    when its channel closes.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:  # it ended before the system was asked to watch it
        os._exit(1)


def log_to_stderr() -> None:
    """Send log records to stderr, which the gateway copies into its own log."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(name)s: %(message)s"
    )
