"""METEOR's form between two short captions, with exact matches only: not METEOR itself.

Denkowski and Lavie, "Meteor Universal" (2014), with the English parameters of METEOR 1.5. The full
measure (`captions/meteor.py`) also matches stems, synonyms and paraphrases, for which it needs
tables; between captions of scenes, whose words are few and differ in meaning, there are none to
match.
"""

from collections.abc import Sequence
from itertools import pairwise

from pixelllm.data.scene_vocabulary import COLOURS, SIZES, TEXTURES
from pixelllm.data.things import KINDS
from pixelllm.evaluation.captions.meteor import DELTA, MeteorCounts

_CONTENT = frozenset((*SIZES, *TEXTURES, *COLOURS, *KINDS, *(k.plural for k in KINDS.values())))


def exact_match_score(text: str, reference: str) -> float:
    """How much a caption says what its reference says, 0-1."""
    words, wanted = text.split(), reference.split()
    pairs = _align(words, wanted)
    if not pairs:
        return 0.0
    chunks = 1 + sum((b[0] - a[0], b[1] - a[1]) != (1, 1) for a, b in pairwise(pairs))
    whole = chunks == 1 and len(pairs) == len(words) == len(wanted)
    return MeteorCounts(
        length=_weight(words),
        wanted_length=_weight(wanted),
        matched=_weight([words[i] for i, _ in pairs]),
        wanted_matched=_weight([wanted[j] for _, j in pairs]),
        covered=len(pairs),
        wanted_covered=len(pairs),
        chunks=0 if whole else chunks,
    ).score


def _align(words: Sequence[str], wanted: Sequence[str]) -> list[tuple[int, int]]:
    """Pairs of equal words, each used once, those of a repeated word in order."""
    free = list(range(len(wanted)))
    pairs = []
    for i, word in enumerate(words):
        j = next((j for j in free if wanted[j] == word), None)
        if j is not None:
            free.remove(j)
            pairs.append((i, j))
    return pairs


def _weight(words: Sequence[str]) -> float:
    return sum(DELTA if word in _CONTENT else 1 - DELTA for word in words)
