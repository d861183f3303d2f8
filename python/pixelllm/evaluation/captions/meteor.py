"""METEOR 1.5 for English captions, as `pycocoevalcap` runs it in Java (`-l en -norm`).

Denkowski and Lavie, "Meteor Universal" (2014). A candidate's words are paired with those of a
reference (`meteor_matchers.py`, `meteor_aligner.py`); the score is the weighted mean of precision
and recall, less a penalty for matches that fall into many stretches. The parameters are those tuned
to human rankings, the program's own default for English.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final, Self

from pixelllm.evaluation.captions.meteor_aligner import Match, align, count_chunks
from pixelllm.evaluation.captions.meteor_matchers import (
    Matches,
    Synonyms,
    Words,
    match_paraphrases,
    match_words,
)
from pixelllm.evaluation.captions.meteor_tables import read_tables
from pixelllm.evaluation.captions.meteor_text import normalise

ALPHA: Final = 0.85  # of precision against recall
BETA: Final = 0.2
GAMMA: Final = 0.6  # of the penalty
DELTA: Final = 0.75  # weight of content words; function words have the rest
WEIGHTS: Final = (1.0, 0.6, 0.8, 0.6)  # of exact, stem, synonym and paraphrase matches


@dataclass(frozen=True, slots=True)
class MeteorCounts:
    """What the score of a candidate, or of many together, is made of.

    length, wanted_length: weighted words of candidate and reference.
    matched, wanted_matched: those that match, weighted by their matchers too.
    covered, wanted_covered: words that match.
    chunks: stretches that these fall into; of sentences that match as a whole, none.
    """

    length: float = 0.0
    wanted_length: float = 0.0
    matched: float = 0.0
    wanted_matched: float = 0.0
    covered: int = 0
    wanted_covered: int = 0
    chunks: int = 0

    def __add__(self, other: Self) -> "MeteorCounts":
        return MeteorCounts(
            *(getattr(self, f.name) + getattr(other, f.name) for f in fields(MeteorCounts))
        )

    @property
    def score(self) -> float:
        """METEOR, 0-1."""
        if not self.matched or not self.wanted_matched:
            return 0.0
        precision, recall = self.matched / self.length, self.wanted_matched / self.wanted_length
        mean = 1 / ((1 - ALPHA) / precision + ALPHA / recall)
        scattered = self.chunks / ((self.covered + self.wanted_covered) / 2)
        return mean * (1 - GAMMA * float(scattered**BETA))


class Meteor:
    """METEOR, with all four matchers."""

    def __init__(self, cache: Path | None = None) -> None:
        """Reads the tables: seconds, and 150 MB of memory.

        Args:
            cache: a folder to keep what is made of the paraphrases in (60 MB), for a faster start.

        Raises:
            TablesMissingError: the package with the tables is not installed; the message names it.
        """
        tables = read_tables(cache)
        self._abbreviations: Final = tables.abbreviations
        self._function_words: Final = tables.function_words
        self._paraphrases: Final = tables.paraphrases
        self._synonyms: Final = Synonyms(tables)

    def score(self, candidate: str, references: Sequence[str]) -> float:
        """METEOR of one caption against the reference that is best for it, 0-1."""
        return self.counts(candidate, references).score

    def counts(self, candidate: str, references: Sequence[str]) -> MeteorCounts:
        """What the score is made of, of the reference that is best.

        Those of many captions are added for the score of all, which is not the mean of theirs.
        """
        words = normalise(candidate, self._abbreviations)
        found = [self._count(words, normalise(r, self._abbreviations)) for r in references]
        return max(found, key=lambda counts: counts.score)

    def _count(self, words: Words, wanted: Words) -> MeteorCounts:
        matchers = (
            match_words(words, wanted),
            self._synonyms.match(words, wanted),
            match_paraphrases(self._paraphrases, words, wanted),
        )
        taken = align(_together(matchers), WEIGHTS)
        return count_matches(words, wanted, taken, self._weight)

    def _weight(self, word: str) -> float:
        return 1 - DELTA if word in self._function_words else DELTA


class ExactStemScore:
    """METEOR's form with only equal words and equal stems, which needs no tables.

    It is not METEOR and must not be called so: without synonyms and paraphrases it is lower, and
    without a list of function words all words count alike.
    """

    def score(self, candidate: str, references: Sequence[str]) -> float:
        """The score of one caption against the reference that is best for it, 0-1."""
        words = normalise(candidate, {})
        return max(_exact_stem(words, normalise(reference, {})).score for reference in references)


def _exact_stem(words: Words, wanted: Words) -> MeteorCounts:
    return count_matches(words, wanted, align(match_words(words, wanted), WEIGHTS), lambda _: 1.0)


def count_matches(
    words: Words, wanted: Words, taken: Sequence[Match], weight: Callable[[str], float]
) -> MeteorCounts:
    """What the score is made of, once it is known which words match.

    Args:
        words, wanted: of the candidate and of the reference.
        taken: the alignment, in the order of the reference.
        weight: of a word.
    """
    ours = [
        (WEIGHTS[match.matcher], words[match.other_start + i])
        for match in taken
        for i in range(match.other_length)
    ]
    theirs = [
        (WEIGHTS[match.matcher], wanted[match.start + j])
        for match in taken
        for j in range(match.length)
    ]
    whole = len(ours) == len(words) and len(theirs) == len(wanted)
    chunks = count_chunks(taken)
    return MeteorCounts(
        length=sum(map(weight, words)),
        wanted_length=sum(map(weight, wanted)),
        matched=sum(worth * weight(word) for worth, word in ours),
        wanted_matched=sum(worth * weight(word) for worth, word in theirs),
        covered=len(ours),
        wanted_covered=len(theirs),
        chunks=0 if whole and chunks == 1 else chunks,
    )


def _together(matchers: Sequence[Matches]) -> Matches:
    return [[match for here in place for match in here] for place in zip(*matchers, strict=True)]
