"""A layout: the names under which somebody publishes the weights of a part, and ours.

Names are written as templates: `{i}` and `{j}` stand for a number, `{x}` and `{y}` for anything.
A rule can be read both ways, so a tensor that is missing is named as its source would name it.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass
from functools import cache

from torch import Tensor

from pixelllm.model.checkpoint import CheckpointError
from pixelllm.weights.recipe import Recipe, Source, only

logger = logging.getLogger(__name__)

FIELD = re.compile(r"\{(\w)\}")


@dataclass(frozen=True)
class Rule:
    """A name of the source, our name for it, and what is done to the tensor."""

    source: str
    target: str
    convert: Callable[[Tensor], Tensor] | None = None

    def recipe(self, name: str) -> Recipe:
        """The recipe of a tensor that this rule turns `name` into."""
        convert = self.convert
        return Recipe((name,), only if convert is None else lambda tensors: convert(only(tensors)))


def same(name: str) -> Rule:
    """The rule of a tensor that the source calls what we call it."""
    return Rule(name, name)


@dataclass(frozen=True)
class Layout:
    """All names of a part.

    name: what people call it.
    sign: a name that only this layout has.
    rules: a tensor may fall under several, each of which takes its share of it.
    ignored: names that the model has no use for, each with the reason.
    """

    name: str
    sign: str
    rules: tuple[Rule, ...]
    ignored: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Part:
    """A published model that is a part of ours.

    prefixes: what our names of it begin with.
    layouts: those that it is published in.
    refused: names of close relatives of it, each with what to say to them.
    """

    name: str
    prefixes: tuple[str, ...]
    layouts: tuple[Layout, ...]
    refused: tuple[tuple[str, str], ...] = ()


def plan(part: Part, source: Source, expected: Set[str]) -> dict[str, Recipe]:
    """Recipes for all `expected` names of ours, from a source in any of the part's layouts.

    Raises:
        CheckpointError: a tensor is missing, unexpected or refused; names the first.
    """
    names = source.shapes.keys()
    _refuse(part, source.where, names)
    layout = _recognise(part, source.where, names)
    recipes: dict[str, Recipe] = {}
    left_out: Counter[str] = Counter()
    for name in names:
        rules = [rule for rule in layout.rules if fields(rule.source, name) is not None]
        targets = {fill(rule.target, fields(rule.source, name)): rule for rule in rules}
        wanted = targets.keys() & expected
        if not wanted:
            reason = _matches(name, layout.ignored)
            if reason is None:
                raise CheckpointError(
                    f"{source.where} holds {name}, which {part.name} in this model does not have"
                )
            left_out[reason] += 1
        for target in wanted:
            if target in recipes:
                raise CheckpointError(
                    f"{source.where} holds both {recipes[target].names[0]} and {name}, "
                    f"which are the same tensor ({target})"
                )
            recipes[target] = targets[target].recipe(name)
    missing = sorted(expected - recipes.keys())
    if missing:
        raise CheckpointError(
            f"{source.where} lacks {source_name(layout, missing[0])}, a tensor of {part.name} in "
            f"the layout of {layout.name} ({len(missing)} missing in all)"
        )
    for reason, count in left_out.items():
        logger.info("%s: %d tensors left out: %s", source.where, count, reason)
    return recipes


def source_name(layout: Layout, target: str) -> str:
    """What a layout calls a tensor of ours; where it has several names for it, the first."""
    for rule in layout.rules:
        found = fields(rule.target, target)
        if found is not None:
            return fill(rule.source, found)
    raise ValueError(f"{layout.name} has no name for {target}")


def fields(template: str, name: str) -> dict[str, str] | None:
    """What the fields of a template stand for in a name, or None if it does not match."""
    match = _pattern(template).fullmatch(name)
    return None if match is None else match.groupdict()


def fill(template: str, found: dict[str, str] | None) -> str:
    """The name that a template makes of these fields."""
    return template.format(**(found or {}))


@cache
def _pattern(template: str) -> re.Pattern[str]:
    pieces = FIELD.split(template)
    texts, letters = pieces[::2], pieces[1::2]
    pattern = re.escape(texts[0])
    for letter, text in zip(letters, texts[1:], strict=True):
        kind = r"\d+" if letter in "ij" else ".+"
        pattern += f"(?P<{letter}>{kind}){re.escape(text)}"
    return re.compile(pattern)


def _refuse(part: Part, where: str, names: Iterable[str]) -> None:
    for name in names:
        reason = _matches(name, part.refused)
        if reason:
            raise CheckpointError(f"{where} holds {name}: {reason}")


def _recognise(part: Part, where: str, names: Iterable[str]) -> Layout:
    for layout in part.layouts:
        if any(fields(layout.sign, name) is not None for name in names):
            return layout
    known = " nor ".join(f"{layout.name} ({layout.sign}, ...)" for layout in part.layouts)
    first = ", ".join(sorted(names)[:2]) or "nothing"
    raise CheckpointError(f"{where} is no {part.name}: it holds {first}, ... as neither {known}")


def _matches(name: str, table: Sequence[tuple[str, str]]) -> str | None:
    """The reason in the first row of a table whose template matches a name."""
    return next((reason for template, reason in table if fields(template, name) is not None), None)
