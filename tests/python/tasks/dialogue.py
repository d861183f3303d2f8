"""A task without an engine: what it asks for, and what it makes of what it is given."""

from collections.abc import Mapping, Sequence

from pixelllm.tasks import TASKS
from pixelllm.tasks.base import Found, ModelFacts, Plan, Request, Result, go_on
from pixelllm.tasks.frame import Frame


def asked(
    task: str, request: Request, frame: Frame, model: ModelFacts, *given: Sequence[Found]
) -> Sequence[Plan]:
    """What the task asks for once it was given what it asked for before."""
    wanted = _after(task, request, frame, model, given)
    assert not isinstance(wanted, Mapping), wanted
    return wanted


def answered(
    task: str, request: Request, frame: Frame, model: ModelFacts, *given: Sequence[Found]
) -> Result:
    """The result of the task once it was given all that it asked for."""
    result = _after(task, request, frame, model, given)
    assert isinstance(result, Mapping), result
    return result


def _after(
    task: str,
    request: Request,
    frame: Frame,
    model: ModelFacts,
    given: Sequence[Sequence[Found]],
) -> Sequence[Plan] | Result:
    answering = TASKS[task].answer(request, frame, model)
    wanted = go_on(answering)
    for found in given:
        assert len(found) == len(wanted), "everything that was asked for is given"
        wanted = go_on(answering, found)
    return wanted
