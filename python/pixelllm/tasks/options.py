"""Typed reading of a task's options.

The gateway has validated them against the contract. They are read as if it had not, because a
wrong type deep inside a batch would be a defect of the worker instead of a mistake of the caller.
"""

import math

from pixelllm.tasks.base import Request
from pixelllm.tasks.errors import TaskError


def text_option(request: Request, name: str, default: str | None = None) -> str:
    """The text under `name`; `default` where it is absent.

    Raises:
        TaskError: `invalid_request` if it is no text, or absent without a default.
    """
    value = request.get(name, default)
    if not isinstance(value, str):
        raise TaskError("invalid_request", f"{name} must be a text")
    return value


def integer_option(request: Request, name: str, default: int) -> int:
    """The whole number of 1 or more under `name`; `default` where it is absent.

    Raises:
        TaskError: `invalid_request` if it is anything else.
    """
    value = request.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise TaskError("invalid_request", f"{name} must be a whole number of 1 or more")
    return value


def share_option(request: Request, name: str, default: float) -> float:
    """The number of 0 to 1 under `name`; `default` where it is absent.

    Raises:
        TaskError: `invalid_request` if it is anything else.
    """
    value = request.get(name, default)
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 1:
        raise TaskError("invalid_request", f"{name} must be a number from 0 to 1")
    return float(value)


def flag_option(request: Request, name: str) -> bool:
    """The truth value under `name`; false where it is absent.

    Raises:
        TaskError: `invalid_request` if it is anything else.
    """
    value = request.get(name, False)
    if not isinstance(value, bool):
        raise TaskError("invalid_request", f"{name} must be true or false")
    return value


def numbers(value: object, count: int, what: str) -> list[float]:
    """`value` as a list of `count` finite numbers.

    Raises:
        TaskError: `invalid_request` if it is anything else.
    """
    if isinstance(value, list | tuple) and len(value) == count:
        found = [float(v) for v in value if isinstance(v, int | float) and not isinstance(v, bool)]
        if len(found) == count and all(math.isfinite(v) for v in found):
            return found
    raise TaskError("invalid_request", f"a {what} is a list of {count} numbers")
