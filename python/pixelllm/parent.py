"""What a process owes to the one that started it."""

import ctypes
import os
import signal
import sys
from typing import Final

_PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h


def end_with_parent(parent_pid: int) -> None:
    """Have the system kill this process as soon as its parent is gone, also while it computes.

    Elsewhere than on Linux this only checks that the parent is there; a process that is idle ends
    when its channel closes.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:  # it ended before the system was asked to watch it
        os._exit(1)
