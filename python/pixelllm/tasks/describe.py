"""Location-conditioned captioning: a sentence about what lies in a box or under a point."""

from collections.abc import Mapping

from pixelllm.tasks.base import Answering, BoxPrompt, ModelFacts, PointPrompt, Prompt, Request
from pixelllm.tasks.errors import TaskError
from pixelllm.tasks.frame import Frame
from pixelllm.tasks.options import numbers
from pixelllm.tasks.writing import write_caption


class Describe:
    """The task `describe`."""

    def supported(self, model: ModelFacts) -> bool:
        """Every model writes."""
        return True

    def answer(self, request: Request, frame: Frame, model: ModelFacts) -> Answering:
        """The caption of the request's `location`, its words and its score.

        The location is given in pixels of the original image.

        Raises:
            TaskError: `invalid_request` if the location is malformed or outside the image.
        """
        prompt = _prompt(request.get("location"), frame)
        return write_caption(request, prompt, model.prefixes.describe, frame, model)


def _prompt(location: object, frame: Frame) -> Prompt:
    if isinstance(location, Mapping):
        if location.get("type") == "box":
            x_min, y_min, x_max, y_max = numbers(location.get("box"), 4, "box")
            return BoxPrompt(frame.box_to_model((x_min, y_min, x_max, y_max)))
        if location.get("type") == "point":
            x, y = numbers(location.get("point"), 2, "point")
            return PointPrompt(frame.point_to_model((x, y)))
    raise TaskError("invalid_request", "location must be a box or a point")
