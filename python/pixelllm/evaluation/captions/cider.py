"""CIDEr of captions, as the COCO caption evaluation computes it.

Vedantam et al. (2015), in the form called CIDEr-D: phrases of one to four words, weighted by how
few images have them in their references, compared by a clipped cosine, with a penalty for other
lengths. The weights come from the references at hand, so the score of a caption depends on what it is scored
with, and of a single image it is 0. Texts are tokenised (`ptb.py`).
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pixelllm.evaluation.captions.ngrams import LONGEST, Ngram, count_ngrams

_SIGMA: Final = 6.0  # of the penalty, in phrases of two words
_SCALE: Final = 10.0


@dataclass(frozen=True, slots=True)
class _Vector:
    """Weights of phrases by their length in words, their norms, and the count of phrases of two."""

    weights: tuple[Mapping[Ngram, float], ...]
    norms: tuple[float, ...]
    length: int


def cider_scores(candidates: Sequence[str], references: Sequence[Sequence[str]]) -> list[float]:
    """CIDEr of each candidate, 0-10, the mean of which is the corpus's."""
    counts = [[count_ngrams(reference) for reference in of_one] for of_one in references]
    images = Counter(ngram for of_one in counts for ngram in set().union(*of_one))
    scale = math.log(len(candidates)) if candidates else 0.0
    rarity = {ngram: scale - math.log(count) for ngram, count in images.items()}
    return [
        _score(
            _vector(count_ngrams(candidate), rarity, scale),
            [_vector(one, rarity, scale) for one in of_one],
        )
        for candidate, of_one in zip(candidates, counts, strict=True)
    ]


def _vector(counts: Mapping[Ngram, int], rarity: Mapping[Ngram, float], unseen: float) -> _Vector:
    weights: tuple[dict[Ngram, float], ...] = tuple({} for _ in range(LONGEST))
    for ngram, count in counts.items():
        weights[len(ngram) - 1][ngram] = count * rarity.get(ngram, unseen)
    return _Vector(
        weights=weights,
        norms=tuple(math.sqrt(sum(w * w for w in of_one.values())) for of_one in weights),
        length=sum(count for ngram, count in counts.items() if len(ngram) == 2),
    )


def _score(candidate: _Vector, references: Sequence[_Vector]) -> float:
    total = sum(_alike(candidate, reference) for reference in references)
    return total / LONGEST / len(references) * _SCALE


def _alike(candidate: _Vector, reference: _Vector) -> float:
    """The cosines of all lengths together, less the penalty."""
    cosines = 0.0
    for n in range(LONGEST):
        ours, theirs = candidate.weights[n], reference.weights[n]
        common = sum(
            min(weight, theirs[g]) * theirs[g] for g, weight in ours.items() if g in theirs
        )
        norms = candidate.norms[n] * reference.norms[n]
        cosines += common / norms if norms else common
    apart = candidate.length - reference.length
    return cosines * math.exp(-(apart**2) / (2 * _SIGMA**2))
