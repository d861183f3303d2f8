"""Many plans at once, for whoever has no other calls to think of: the worker's steps, in a loop."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from pixelllm.inference.draft import Draft
from pixelllm.inference.runner import EncodedImage, Runner
from pixelllm.tasks.base import Detect, Found, Plan, Read, Segment, Text, Write

P = TypeVar("P", Write, Read, Detect, Segment)
Run = Callable[[Sequence[P], Sequence[EncodedImage]], Sequence[Found]]


def carry_out(runner: Runner, plans: Sequence[Plan], images: Sequence[EncodedImage]) -> list[Found]:
    """What each plan gives; those of a kind share batches of as many as the runner has slots.

    Args:
        images: of each plan.

    Raises:
        ValueError: a plan asks for more than one beam.
    """
    found: dict[int, Found] = {}

    def run(kind: type[P], act: Run[P]) -> None:
        rows = [(row, plan) for row, plan in enumerate(plans) if isinstance(plan, kind)]
        for first in range(0, len(rows), runner.slots):
            batch = rows[first : first + runner.slots]
            given = act([plan for _, plan in batch], [images[row] for row, _ in batch])
            found.update(zip([row for row, _ in batch], given, strict=True))

    run(Detect, runner.detect)
    run(Write, lambda some, seen: _write(runner, some, seen))
    run(Read, runner.read)
    run(Segment, runner.segment)
    return [found[row] for row in range(len(plans))]


def _write(runner: Runner, plans: Sequence[Write], images: Sequence[EncodedImage]) -> list[Text]:
    """Let the model write, each text at its own pace in a slot of its own."""
    if any(plan.beams != 1 for plan in plans):
        raise ValueError("only greedy writing is carried out so")
    slots = [[slot] for slot in range(len(plans))]
    drafts: list[Draft] = runner.prefill(plans, images, slots)
    while rows := [row for row, draft in enumerate(drafts) if not draft.done]:
        runner.decode(
            [drafts[row] for row in rows],
            [images[row] for row in rows],
            [slots[row] for row in rows],
        )
    return [draft.text() for draft in drafts]
