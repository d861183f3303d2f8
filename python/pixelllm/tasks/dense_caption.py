"""Dense captioning: the regions of an image that are worth a caption, each with one.

As in the authors' code a detector finds the regions, and the model writes about each as it does
about a described box; here without beams. A region's score is the geometric mean of the detector's
score and the probability of its caption (the authors' `mult_caption_score`).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pixelllm.contract import Region
from pixelllm.tasks.base import (
    Answering,
    BoxPrompt,
    Detect,
    ModelFacts,
    Regions,
    Request,
    Segment,
    Text,
    Write,
    compute,
)
from pixelllm.tasks.errors import TaskError
from pixelllm.tasks.frame import Box, Frame
from pixelllm.tasks.options import flag_option, integer_option, share_option
from pixelllm.tasks.outlining import has_area, outline, require_masks
from pixelllm.tasks.words import place_words, rounded, rounded_score
from pixelllm.tasks.writing import prefix_tokens

MAX_REGIONS, MIN_SCORE, NMS_IOU = 32, 0.3, 0.5  # where the request names nothing else


@dataclass(frozen=True)
class Captioned:
    """A region with its caption. `box` in the model's frame."""

    box: Box
    text: Text
    score: float


class DenseCaption:
    """The task `dense_caption`."""

    def supported(self, model: ModelFacts) -> bool:
        """A model with a detector."""
        return model.detector

    def answer(self, request: Request, frame: Frame, model: ModelFacts) -> Answering:
        """The regions of the image, best first, with words and masks where they are asked for.

        The detector's best `max_regions` get a caption.

        Raises:
            TaskError: `task_unsupported` if the model has no detector, or no mask decoder where
                masks are asked for; `invalid_request` for an option of a wrong type or range.
        """
        if not self.supported(model):
            message = "the loaded model has no detector, which dense captions need: load one"
            raise TaskError("task_unsupported", f"{message} that has")
        limit = integer_option(request, "max_regions", MAX_REGIONS)
        min_score = share_option(request, "min_score", MIN_SCORE)
        words, masks = flag_option(request, "words"), flag_option(request, "masks")
        if masks:
            require_masks(model, "masks")
        overlap = share_option(request, "nms_iou", NMS_IOU)

        (detected,) = yield from compute([Detect(overlap)], Regions)
        regions = _worth_a_caption(detected, min_score, frame, limit)
        prefix = prefix_tokens(model.prefixes.describe, model)
        plans = [Write(BoxPrompt(box), prefix, model.max_tokens, 1) for box in regions.boxes]
        texts = yield from compute(plans, Text)
        ranked = [one for one in _rank(regions, texts) if one.score >= min_score]
        results = [_region(one, frame, model, words=words) for one in ranked]
        if masks:
            found = yield from outline([Segment(one.box) for one in ranked], frame)
            for result, mask in zip(results, found, strict=True):
                result["mask"] = mask.mask
        return {"regions": results}


def _worth_a_caption(regions: Regions, min_score: float, frame: Frame, limit: int) -> Regions:
    """The best regions that show a part of the image and can still reach the least score.

    No caption is surer than 1, so the final score is at most the root of the detector's.

    Raises:
        ValueError: the model computed no number for one.
    """
    if not all(math.isfinite(score) for score in regions.scores):
        raise ValueError("the model gave a region whose score is not finite")
    kept = [
        (box, score)
        for box, score in zip(regions.boxes, regions.scores, strict=True)
        if math.sqrt(score) >= min_score and has_area(box, frame)
    ][:limit]
    return Regions([box for box, _ in kept], [score for _, score in kept])


def _rank(regions: Regions, texts: Sequence[Text]) -> list[Captioned]:
    """Regions with their captions, best first.

    Raises:
        ValueError: the model computed no number for one.
    """
    found = [
        Captioned(box, text, _score(score, text))
        for box, score, text in zip(regions.boxes, regions.scores, texts, strict=True)
    ]
    return sorted(found, key=lambda one: -one.score)


def _score(detected: float, text: Text) -> float:
    """What `rescoring.caption_scores` gives a region and its caption."""
    assert text.score is not None
    score = math.sqrt(detected * math.exp(text.score))
    if not math.isfinite(score):
        raise ValueError("the model gave a caption whose probability is not finite")
    return score


def _region(one: Captioned, frame: Frame, model: ModelFacts, *, words: bool) -> Region:
    region = Region(
        box=rounded(frame.box_to_image(one.box)),
        caption=model.tokenizer.decode(one.text.tokens).text,
        score=rounded_score(one.score),
    )
    if words:
        region["words"] = place_words(one.text, model.tokenizer, frame)
    return region
