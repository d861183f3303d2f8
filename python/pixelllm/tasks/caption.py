"""Pixel-aligned captioning: a sentence about the whole image, each word with its place."""

from pixelllm.tasks.base import Answering, BoxPrompt, ModelFacts, Request
from pixelllm.tasks.frame import Frame
from pixelllm.tasks.writing import write_caption


class Caption:
    """The task `caption`."""

    def supported(self, model: ModelFacts) -> bool:
        """Every model writes."""
        return True

    def answer(self, request: Request, frame: Frame, model: ModelFacts) -> Answering:
        """The caption of the whole image, its words and its score."""
        prompt = BoxPrompt(frame.whole())
        return write_caption(request, prompt, model.prefixes.caption, frame, model)
