"""Referring segmentation: the box and the pixels of the object that a phrase refers to.

The box is found as for `locate`. SAM's mask decoder is then prompted with it and, through the mask
adapter, with what the model read: the visual tokens of the image and the states of the phrase.
"""

from pixelllm.tasks.base import Answering, ModelFacts, Request, Segment, Text, compute
from pixelllm.tasks.frame import Frame, corners_box
from pixelllm.tasks.locate import located, plan_reading
from pixelllm.tasks.outlining import outline, require_masks
from pixelllm.tasks.words import rounded_score


class SegmentPhrase:
    """The task `segment`."""

    def supported(self, model: ModelFacts) -> bool:
        """A model with a mask decoder."""
        return model.masks

    def answer(self, request: Request, frame: Frame, model: ModelFacts) -> Answering:
        """The box of the request's `phrase` and its mask, and how sure the model is of both.

        Raises:
            TaskError: `task_unsupported` if the model has no mask decoder; `invalid_request` if
                the phrase is blank or longer than the model reads.
        """
        require_masks(model, "segment")
        plan = plan_reading(request, frame, model, keep_states=True)
        (text,) = yield from compute([plan], Text)
        result = located(request, text, frame)
        box = corners_box(text.corners[-1])
        (found,) = yield from outline([Segment(box, text.states)], frame)
        return {**result, "mask": found.mask, "mask_score": rounded_score(found.score)}
