"""Pixel-aligned captioning: a sentence about the whole image, each word with its place."""

from pixelllm.tasks.base import BoxPrompt, ModelFacts, Plan, Request, Result, Text
from pixelllm.tasks.frame import Frame
from pixelllm.tasks.writing import plan_writing, written_result


class Caption:
    """The task `caption`."""

    def prepare(self, request: Request, frame: Frame, model: ModelFacts) -> Plan:
        """Plan a text about the whole image."""
        return plan_writing(request, BoxPrompt(frame.whole()), model.prefixes.caption, model)

    def finish(self, request: Request, text: Text, frame: Frame, model: ModelFacts) -> Result:
        """The caption, its words and its score."""
        return written_result(text, frame, model)
