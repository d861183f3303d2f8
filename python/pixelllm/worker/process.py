"""How the worker behaves as a process."""

import logging
import sys


def log_to_stderr() -> None:
    """Send log records to stderr, which the gateway copies into its own log."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(name)s: %(message)s"
    )
