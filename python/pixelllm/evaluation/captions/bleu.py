"""BLEU of captions, as the COCO caption evaluation computes it.

Papineni et al. (2002): precision of phrases of one to four words, their geometric mean, and a
penalty for short candidates. The reference length is the closest one, of two equally close ones the
shorter. Tiny numbers stand for zero, so that sentences without a phrase of four words have a score.
All texts are tokenised (`ptb.py`).
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

from pixelllm.evaluation.captions.ngrams import LONGEST, Ngram, count_ngrams

_SMALL: Final = 1e-9
_TINY: Final = 1e-15


@dataclass(frozen=True, slots=True)
class BleuCounts:
    """What BLEU of one candidate, or of many together, is made of.

    length, wanted_length: words of the candidates and of their closest references.
    phrases, right: how many phrases of one to four words there are, and how many a reference has.
    """

    length: int
    wanted_length: int
    phrases: tuple[int, ...]
    right: tuple[int, ...]

    def __add__(self, other: Self) -> "BleuCounts":
        return BleuCounts(
            self.length + other.length,
            self.wanted_length + other.wanted_length,
            tuple(a + b for a, b in zip(self.phrases, other.phrases, strict=True)),
            tuple(a + b for a, b in zip(self.right, other.right, strict=True)),
        )

    @property
    def scores(self) -> tuple[float, ...]:
        """BLEU-1 to BLEU-4, 0-1."""
        ratio = (self.length + _TINY) / (self.wanted_length + _SMALL)
        short = math.exp(1 - 1 / ratio) if ratio < 1 else 1.0
        product, scores = 1.0, []
        for n in range(LONGEST):
            product *= (self.right[n] + _TINY) / (self.phrases[n] + _SMALL)
            scores.append(product ** (1 / (n + 1)) * short)
        return tuple(scores)


def bleu_counts(candidate: str, references: Sequence[str]) -> BleuCounts:
    """What BLEU of one candidate is made of."""
    counts = count_ngrams(candidate)
    most: Counter[Ngram] = Counter()
    for reference in references:
        most |= count_ngrams(reference)
    right = [0] * LONGEST
    for ngram, count in counts.items():
        right[len(ngram) - 1] += min(most[ngram], count)
    length = len(candidate.split())
    lengths = [len(reference.split()) for reference in references]
    return BleuCounts(
        length=length,
        wanted_length=min(lengths, key=lambda wanted: (abs(wanted - length), wanted)),
        phrases=tuple(max(0, length - n) for n in range(LONGEST)),
        right=tuple(right),
    )
