"""Masks, as the tasks ask for them: one for every box, none computed for a box without area."""

from collections.abc import Generator, Sequence
from math import isfinite

from pixelllm.tasks.base import Found, FoundMask, ModelFacts, Plan, Segment, compute
from pixelllm.tasks.errors import TaskError
from pixelllm.tasks.frame import Box, Frame
from pixelllm.tasks.masks import empty_mask
from pixelllm.tasks.words import rounded


def require_masks(model: ModelFacts, what: str) -> None:
    """Refuse what needs masks of a model without them.

    Raises:
        TaskError: `task_unsupported`.
    """
    if not model.masks:
        message = f"the loaded model has no mask decoder, which {what} needs: load one that has"
        raise TaskError("task_unsupported", message)


def outline(
    plans: Sequence[Segment], frame: Frame
) -> Generator[Sequence[Plan], Sequence[Found], list[FoundMask]]:
    """The mask of each box.

    One that `has_area` denies shows nothing: its mask is empty and has the score 0.

    Raises:
        ValueError: the model computed no number for one.
    """
    seen = [plan for plan in plans if has_area(plan.box, frame)]
    found = iter((yield from compute(seen, FoundMask)))
    nothing = FoundMask(empty_mask(frame), score=0.0)
    masks = [next(found) if has_area(plan.box, frame) else nothing for plan in plans]
    if not all(isfinite(mask.score) for mask in masks):
        raise ValueError("the model gave a mask that is not finite")
    return masks


def has_area(box: Box, frame: Frame) -> bool:
    """Whether a box of the model's frame is more than a line, as it is written in a reply."""
    x_min, y_min, x_max, y_max = rounded(frame.box_to_image(box))
    return x_min < x_max and y_min < y_max
