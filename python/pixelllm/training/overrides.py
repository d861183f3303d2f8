"""Every number of a recipe from the command line: `optimiser.learning_rate=1e-4`."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from pixelllm.training.recipes import RecipeError

T = TypeVar("T")
BOOLEANS = {"true": True, "false": False}


def override(settings: T, assignments: Iterable[str]) -> T:
    """Settings, a frozen dataclass of such, with some of them changed.

    Args:
        assignments: `NAME=VALUE` each, parts of a name with dots between; several values of a
            tuple with commas between.

    Raises:
        RecipeError: a name or a value is none; says which there are.
    """
    for assignment in assignments:
        name, given, text = assignment.partition("=")
        if not given:
            raise RecipeError(f"{assignment!r} sets nothing: write NAME=VALUE")
        settings = _set(settings, name.split("."), text, name)
    return settings


def _set(settings: T, path: list[str], text: str, name: str) -> T:
    assert is_dataclass(settings)
    assert not isinstance(settings, type)
    known = [field.name for field in fields(settings)]
    first, rest = path[0], path[1:]
    if first not in known:
        raise RecipeError(
            f"there is no setting {name!r}: at {first!r} there are {', '.join(known)}"
        )
    old = getattr(settings, first)
    if is_dataclass(old) != bool(rest):
        if rest:
            raise RecipeError(f"there is no setting {name!r}: {first!r} has no parts")
        inner = ", ".join(f"{name}.{field.name}" for field in fields(old))
        raise RecipeError(f"{name!r} is several settings: {inner}")
    kind = get_type_hints(type(settings))[first]
    new = _set(old, rest, text, name) if rest else parse(kind, text, name)
    return dataclasses.replace(settings, **{first: new})


def parse(kind: Any, text: str, name: str) -> object:
    """A value of a type, from what was written.

    Raises:
        RecipeError: it is none.
    """
    if isinstance(kind, UnionType):
        if text.lower() == "none" and NoneType in get_args(kind):
            return None
        (kind,) = (one for one in get_args(kind) if one is not NoneType)
    if get_origin(kind) is tuple:
        member = get_args(kind)[0]
        return tuple(parse(member, part, name) for part in text.split(",") if part)
    if get_origin(kind) is Literal:
        if text not in get_args(kind):
            raise RecipeError(f"{name} is one of {', '.join(get_args(kind))}, not {text!r}")
        return text
    if kind is bool:
        if text.lower() not in BOOLEANS:
            raise RecipeError(f"{name} is true or false, not {text!r}")
        return BOOLEANS[text.lower()]
    try:
        return kind(text)
    except ValueError:
        kinds = {int: "a whole number", float: "a number"}
        raise RecipeError(f"{name} is {kinds.get(kind, kind)}, not {text!r}") from None


def assignments(values: Mapping[str, object]) -> list[str]:
    """`NAME=VALUE` of each of some settings that are given as JSON values."""
    return [f"{name}={_written(value)}" for name, value in values.items()]


def _written(value: object) -> str:
    if isinstance(value, list):
        return ",".join(map(_written, value))
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # JSON has one kind of numbers
    return str(value)


def flatten(settings: object, prefix: str = "") -> dict[str, object]:
    """All settings by their names, as JSON values."""
    assert is_dataclass(settings)
    found: dict[str, object] = {}
    for field in fields(settings):
        value = getattr(settings, field.name)
        if is_dataclass(value):
            found |= flatten(value, f"{prefix}{field.name}.")
        else:
            found[prefix + field.name] = list(value) if isinstance(value, tuple) else value
    return found
