"""Location-conditioned captioning: a sentence about what lies in a box or under a point."""

from collections.abc import Mapping

from pixelllm.tasks.base import (
    BoxPrompt,
    ModelFacts,
    Plan,
    PointPrompt,
    Prompt,
    Request,
    Result,
    Text,
)
from pixelllm.tasks.errors import TaskError
from pixelllm.tasks.frame import Frame
from pixelllm.tasks.options import numbers
from pixelllm.tasks.writing import plan_writing, written_result


class Describe:
    """The task `describe`."""

    def prepare(self, request: Request, frame: Frame, model: ModelFacts) -> Plan:
        """Plan a text about the request's `location`, given in pixels of the original image.

        Raises:
            TaskError: `invalid_request` if the location is malformed or outside the image.
        """
        prompt = _prompt(request.get("location"), frame)
        return plan_writing(request, prompt, model.prefixes.describe, model)

    def finish(self, request: Request, text: Text, frame: Frame, model: ModelFacts) -> Result:
        """The caption, its words and its score."""
        return written_result(text, frame, model)


def _prompt(location: object, frame: Frame) -> Prompt:
    if isinstance(location, Mapping):
        if location.get("type") == "box":
            x_min, y_min, x_max, y_max = numbers(location.get("box"), 4, "box")
            return BoxPrompt(frame.box_to_model((x_min, y_min, x_max, y_max)))
        if location.get("type") == "point":
            x, y = numbers(location.get("point"), 2, "point")
            return PointPrompt(frame.point_to_model((x, y)))
    raise TaskError("invalid_request", "location must be a box or a point")
