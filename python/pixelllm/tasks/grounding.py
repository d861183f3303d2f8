"""A caption that shows what it names: every noun phrase with its box and, if asked for, its mask.

The box goes around the corner points of the phrase's words. The mask is what SAM's decoder finds
in that box; no text is adapted to it, since the caption is not about this phrase alone.
"""

import math
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass

from pixelllm.contract import Ground, GroundedPhrase
from pixelllm.tasks.base import Found, ModelFacts, Plan, Request, Segment, Text
from pixelllm.tasks.errors import TaskError
from pixelllm.tasks.frame import Frame, corners_box
from pixelllm.tasks.noun_phrases import noun_phrases
from pixelllm.tasks.outlining import outline, require_masks
from pixelllm.tasks.words import Span, mean_probability, placed_spans, rounded


@dataclass(frozen=True)
class _Phrase:
    """Code points `[start, end)` of the caption, and the words in it."""

    start: int
    end: int
    words: Sequence[Span]


def ground_option(request: Request, model: ModelFacts) -> Ground | None:
    """What is asked for under `ground`.

    Raises:
        TaskError: `invalid_request` for what it cannot be, `task_unsupported` for masks of a model
            that has no mask decoder.
    """
    match request.get("ground"):
        case None:
            return None
        case "box":
            return "box"
        case "mask":
            require_masks(model, "ground mask")
            return "mask"
    raise TaskError("invalid_request", "ground must be box or mask")


def ground_phrases(
    text: Text, ground: Ground, frame: Frame, model: ModelFacts
) -> Generator[Sequence[Plan], Sequence[Found], list[GroundedPhrase]]:
    """The noun phrases of a caption in order, with masks where `ground` says so."""
    decoded = model.tokenizer.decode(text.tokens)
    phrases = list(_phrases(decoded.text, list(placed_spans(decoded, text))))
    grounded = [_ground(phrase, decoded.text, text, frame) for phrase in phrases]
    if ground == "mask":
        boxes = [corners_box(text.corners[_tokens(phrase)]) for phrase in phrases]
        masks = yield from outline([Segment(box) for box in boxes], frame)
        for one, mask in zip(grounded, masks, strict=True):
            one["mask"] = mask.mask
    return grounded


def _phrases(caption: str, words: Sequence[Span]) -> Iterator[_Phrase]:
    for start, end in noun_phrases(caption):
        yield _Phrase(start, end, [w for w in words if start <= w.start and w.end <= end])


def _ground(phrase: _Phrase, caption: str, text: Text, frame: Frame) -> GroundedPhrase:
    means = [_mean([text.log_probs[token] for token in word.tokens]) for word in phrase.words]
    return GroundedPhrase(
        text=caption[phrase.start : phrase.end],
        start=phrase.start,
        end=phrase.end,
        box=rounded(frame.corners_to_image(text.corners[_tokens(phrase)])),
        score=mean_probability(means),
    )


def _tokens(phrase: _Phrase) -> list[int]:
    return [token for word in phrase.words for token in word.tokens]


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
