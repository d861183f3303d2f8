"""Which words of a caption METEOR pairs with which of a reference: its beam search.

Denkowski and Lavie, "Meteor Universal" (2014), section 2: of all sets of matches in which each word
has at most one, the one that covers most words, in the fewest stretches, at the smallest distance.
How the Java program of version 1.5 searches decides ties and more, so it is followed here:

- a match is worth its words times its matcher's weight, rounded down, so that a single word that
  is not matched exactly is worth nothing: it is taken only where it costs no further stretch;
- matches whose words no other match wants are taken beforehand;
- distance is not of the matches that a path takes, but of those it tries before and leaves.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from operator import attrgetter
from typing import Final, NamedTuple

BEAM: Final = 40


class Match(NamedTuple):
    """Words of the reference that match words of the candidate.

    start, length: of the reference's words.
    other_start, other_length: of the candidate's.
    matcher: 0 exact, 1 stem, 2 synonym, 3 paraphrase.
    """

    start: int
    length: int
    other_start: int
    other_length: int
    matcher: int

    @property
    def words(self) -> int:
        """Bits of the reference's words."""
        return ((1 << self.length) - 1) << self.start

    @property
    def other_words(self) -> int:
        """Bits of the candidate's words."""
        return ((1 << self.other_length) - 1) << self.other_start


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A match with what the search asks of it."""

    match: Match
    words: int
    other_words: int
    worth: int


@dataclass(slots=True)
class _Path:
    """A part of an alignment: what it has up to a word of the reference.

    position: the reference's word that it goes on with; rank: what it is sorted by.
    end: where its last stretch ends in the candidate, or -1 where none is open.
    """

    used: int
    other_used: int
    taken: tuple[Match, ...] = ()
    worth: int = 0
    chunks: int = 0
    distance: int = 0
    position: int = 0
    end: int = -1
    rank: tuple[int, int, int] = field(default=(0, 0, 0))

    def ranked(self) -> "_Path":
        self.rank = (-self.worth, self.chunks, self.distance)
        return self


_RANK: Final = attrgetter("rank")


def align(
    matches: Sequence[Sequence[Match]], weights: Sequence[float], beam: int = BEAM
) -> list[Match]:
    """The matches of the best alignment, in the order of the reference.

    Args:
        matches: for each word of the reference, the matches that start there, by matcher.
        weights: of each matcher.
        beam: how many paths go on from one word to the next.
    """
    fixed = _unrivalled(matches)
    candidates = [[_weigh(match, weights) for match in here] for here in matches]
    start = _Path(
        used=sum(match.words for match in fixed.values()),
        other_used=sum(match.other_words for match in fixed.values()),
    )
    paths = [start]
    for position, here in enumerate(candidates):
        paths.sort(key=_RANK)
        following: list[_Path] = []
        for path in paths[:beam]:
            if path.position > position:
                following.append(path)
            elif position in fixed:
                following.append(_take(path, here[0], free=False))
            else:
                _go_on(path, here, position, following)
        paths = following
    paths.sort(key=_RANK)
    paths = [_close(path) for path in paths[:beam]]
    return list(min(paths, key=_RANK).taken)


def count_chunks(taken: Sequence[Match]) -> int:
    """Into how many stretches, adjacent in both sentences, matches in order fall."""
    breaks = sum(
        a.start + a.length != b.start or a.other_start + a.other_length != b.other_start
        for a, b in pairwise(taken)
    )
    return breaks + bool(taken)


def _unrivalled(matches: Sequence[Sequence[Match]]) -> dict[int, Match]:
    """By its start, each match none of whose words is in another."""
    everything = [match for here in matches for match in here]
    once = twice = other_once = other_twice = 0
    for match in everything:
        twice |= once & match.words
        once |= match.words
        other_twice |= other_once & match.other_words
        other_once |= match.other_words
    return {
        match.start: match
        for match in everything
        if not match.words & twice and not match.other_words & other_twice
    }


def _weigh(match: Match, weights: Sequence[float]) -> _Candidate:
    weight = weights[match.matcher]
    worth = int(match.length * weight) + int(match.other_length * weight)
    return _Candidate(match, match.words, match.other_words, worth)


def _go_on(path: _Path, here: Sequence[_Candidate], position: int, following: list[_Path]) -> None:
    """Adds what the path becomes with each match that is free here, and without any."""
    for candidate in here:
        if path.used & candidate.words or path.other_used & candidate.other_words:
            continue
        following.append(_take(path, candidate, free=True))
        path.distance += abs(position - candidate.match.other_start)
    if path.end != -1:
        path.chunks += 1
        path.end = -1
    path.position += 1
    following.append(path.ranked())


def _take(path: _Path, candidate: _Candidate, *, free: bool) -> _Path:
    match = candidate.match
    return _Path(
        used=path.used | candidate.words,
        other_used=path.other_used | candidate.other_words,
        taken=(*path.taken, match),
        worth=path.worth + candidate.worth,
        chunks=path.chunks + (path.end not in (-1, match.other_start)),
        distance=path.distance,
        position=match.start + match.length,
        end=match.other_start + match.other_length,
    ).ranked()


def _close(path: _Path) -> _Path:
    path.chunks += path.end != -1
    return path.ranked()
