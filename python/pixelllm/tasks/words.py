"""From placed tokens to placed words.

A language model writes tokens, a person reads words. A word is a longest run of characters without
white space, without the punctuation around it. It has the tokens that share characters with it;
its box goes around the boxes of all of them, and its point is the centre of that box.
"""

import math
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pixelllm.contract import Word
from pixelllm.model.tokenizer import DecodedText, Tokenizer
from pixelllm.tasks.base import Text
from pixelllm.tasks.frame import Box, Frame, Point

_RUN = re.compile(r"\S+")
_PIXEL_DECIMALS = 2  # a hundredth of a pixel is far below what the model can tell apart
_SCORE_DECIMALS = 4


@dataclass(frozen=True)
class Span:
    """A word in its text: code points `[start, end)`, and the indices of its tokens."""

    start: int
    end: int
    tokens: list[int]


def place_words(text: Text, tokenizer: Tokenizer, frame: Frame) -> list[Word]:
    """List the words that no further token can change, in order, each with its place.

    While a text is being written, those are the words that white space follows; of a finished
    text, all.
    """
    decoded = tokenizer.decode(text.tokens)
    return [_place(span, decoded.text, text, frame) for span in placed_spans(decoded, text)]


def placed_spans(decoded: DecodedText, text: Text) -> Iterator[Span]:
    """The words of `place_words`; `decoded` is `text` as its tokenizer decodes it."""
    for start, end in word_spans(decoded.text, finished=text.finished):
        tokens = _tokens_of(decoded, start, end)
        if tokens[-1] >= len(text.corners):
            return  # one token can hold the end of this word and the beginning of the next
        yield Span(start, end, tokens)


def _place(span: Span, caption: str, text: Text, frame: Frame) -> Word:
    box = frame.corners_to_image(text.corners[span.tokens])
    x_min, y_min, x_max, y_max = box
    return Word(
        text=caption[span.start : span.end],
        start=span.start,
        end=span.end,
        point=rounded(((x_min + x_max) / 2, (y_min + y_max) / 2)),
        box=rounded(box),
        score=mean_probability([text.log_probs[token] for token in span.tokens]),
    )


def word_spans(text: str, *, finished: bool) -> Iterator[tuple[int, int]]:
    """The `[start, end)` of every word in `text`, in code points.

    Args:
        finished: whether the text ends here; if not, a run of characters that reaches its end may
            still grow and is left out.
    """
    for run in _RUN.finditer(text):
        if run.end() == len(text) and not finished:
            return
        start, end = run.span()
        while start < end and _is_punctuation(text[start]):
            start += 1
        while start < end and _is_punctuation(text[end - 1]):
            end -= 1
        if start < end:
            yield start, end


def mean_probability(log_probs: Sequence[float]) -> float:
    """The geometric mean of probabilities, 0-1; of none, 0."""
    if not log_probs:
        return 0.0
    return rounded_score(math.exp(sum(log_probs) / len(log_probs)))


def rounded_score(score: float) -> float:
    """A score as it is written in a reply."""
    return round(score, _SCORE_DECIMALS)


def rounded(pixels: Box | Point) -> list[float]:
    """Pixels as they are written in a reply."""
    return [round(value, _PIXEL_DECIMALS) for value in pixels]


def _tokens_of(decoded: DecodedText, start: int, end: int) -> list[int]:
    """Indices of the tokens that share a character with `text[start:end]`."""
    return [i for i, (first, last) in enumerate(decoded.spans) if first < end and start < last]


def _is_punctuation(character: str) -> bool:
    return unicodedata.category(character).startswith("P")
