"""Referring localization: the box of the object that a phrase refers to.

As in the authors' code the model reads "where is" and the phrase, and is then led through the
phrase itself as its text. The box is the place of the last token of the phrase: the two corners
that the model gives in the state in which it ends the text.
"""

from collections.abc import Mapping

from pixelllm.tasks.base import Answering, BoxPrompt, ModelFacts, Read, Request, Text, compute
from pixelllm.tasks.errors import TaskError
from pixelllm.tasks.frame import Frame
from pixelllm.tasks.options import text_option
from pixelllm.tasks.words import mean_probability, rounded, rounded_score
from pixelllm.tasks.writing import prefix_tokens


class Locate:
    """The task `locate`."""

    def supported(self, model: ModelFacts) -> bool:
        """Every model places words."""
        return True

    def answer(self, request: Request, frame: Frame, model: ModelFacts) -> Answering:
        """The box of the request's `phrase`, and how sure the model is of it.

        Raises:
            TaskError: `invalid_request` if the phrase is blank or longer than the model reads.
        """
        (text,) = yield from compute([plan_reading(request, frame, model)], Text)
        return located(request, text, frame)


def plan_reading(
    request: Request, frame: Frame, model: ModelFacts, *, keep_states: bool = False
) -> Read:
    """Plan a led pass through the request's `phrase`.

    Raises:
        TaskError: `invalid_request` if the phrase is blank or longer than the model reads.
    """
    phrase = text_option(request, "phrase")
    text = model.tokenizer.encode_text(phrase)[1:-1]
    if not text:
        raise TaskError("invalid_request", "the phrase is blank")
    if len(text) > model.max_tokens:
        message = f"the phrase is {len(text)} tokens long; the model reads {model.max_tokens}"
        raise TaskError("invalid_request", message)
    prefix = prefix_tokens(model.prefixes.locate.replace("{phrase}", phrase), model)
    return Read(BoxPrompt(frame.whole()), prefix, text, keep_states)


def located(request: Request, text: Text, frame: Frame) -> Mapping[str, object]:
    """The phrase, its box and the score of the box.

    The score is the confidence that the model's point head gives the box. A model that was not
    trained to give one says instead how likely it finds the phrase for this image, as the geometric
    mean of the probabilities of the phrase's tokens in the led pass: that tells a phrase that fits
    the image from one that does not, and does not judge the box.
    """
    sure = text.confidences
    return {
        "phrase": text_option(request, "phrase"),
        "box": rounded(frame.corners_to_image(text.corners[-1])),
        "score": mean_probability(text.log_probs) if sure is None else rounded_score(sure[-1]),
    }
