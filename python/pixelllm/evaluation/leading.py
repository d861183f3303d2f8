"""The model led through a caption that is given: where it places each token, teacher-forced.

A task of evaluation's own, which the server does not have. Its places are as the model gives them,
neither put in order nor cut to the image, because that is what the release measures.
"""

from pixelllm.tasks.base import Answering, BoxPrompt, ModelFacts, Read, Request, Text, compute
from pixelllm.tasks.frame import Frame
from pixelllm.tasks.options import text_option
from pixelllm.tasks.writing import prefix_tokens


class LeadThrough:
    """Places of the tokens of the request's `caption`."""

    def supported(self, model: ModelFacts) -> bool:
        """Every model places words."""
        return True

    def answer(self, request: Request, frame: Frame, model: ModelFacts) -> Answering:
        """`starts`: where in the caption each token begins. `corners`: its two points.

        Corners are [x, y, x, y] in pixels of the image. A caption that is longer than the model
        writes is cut at its end, as in the release.
        """
        caption = text_option(request, "caption")
        tokens = model.tokenizer.encode(caption)[: model.max_tokens]
        prefix = prefix_tokens(model.prefixes.caption, model)
        (text,) = yield from compute([Read(BoxPrompt(frame.whole()), prefix, tokens)], Text)
        scale = (frame.scale_x, frame.scale_y) * 2
        return {
            "starts": model.tokenizer.starts(caption)[: len(tokens)],
            "corners": [
                [float(value) / own for value, own in zip(corners, scale, strict=True)]
                for corners in text.corners.reshape(-1, 4)
            ],
        }
