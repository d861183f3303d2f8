"""Counts of the phrases of up to four words in a tokenised caption."""

from collections import Counter
from typing import Final

LONGEST: Final = 4

Ngram = tuple[str, ...]


def count_ngrams(tokens: str) -> Counter[Ngram]:
    """How often each phrase of one to four words is there."""
    words = tokens.split()
    return Counter(
        tuple(words[i : i + n]) for n in range(1, LONGEST + 1) for i in range(len(words) - n + 1)
    )
