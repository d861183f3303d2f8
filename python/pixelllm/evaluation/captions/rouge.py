"""ROUGE-L of captions, as the COCO caption evaluation computes it.

Lin (2004): the longest common subsequence. Precision and recall are the best of any reference each,
recall counts by beta. Texts are tokenised (`ptb.py`) and split at single blanks.
"""

from collections.abc import Sequence
from typing import Final

BETA: Final = 1.2


def rouge_l(candidate: str, references: Sequence[str]) -> float:
    """ROUGE-L of one candidate, 0-1."""
    words = candidate.split(" ")
    both = [
        (_common(words, reference.split(" ")), reference.split(" ")) for reference in references
    ]
    precision = max(common / len(words) for common, _ in both)
    recall = max(common / len(wanted) for common, wanted in both)
    if not precision or not recall:
        return 0.0
    return (1 + BETA**2) * precision * recall / (recall + BETA**2 * precision)


def _common(words: Sequence[str], wanted: Sequence[str]) -> int:
    """The length of the longest common subsequence."""
    lengths = [0] * (len(wanted) + 1)
    for word in words:
        before = 0
        for j, other in enumerate(wanted):
            above = lengths[j + 1]
            lengths[j + 1] = before + 1 if word == other else max(above, lengths[j])
            before = above
    return lengths[-1]
