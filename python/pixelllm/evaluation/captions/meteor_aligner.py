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
from dataclasses import dataclass
from itertools import pairwise
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


class _Path(NamedTuple):
    """A part of an alignment: what it has up to a word of the reference.

    lack: minus the worth of its matches; of paths the one with the least lack, then chunks, then
        distance is the best.
    used, other_used: bits of the words that it has, and of those that are kept for fixed matches.
    position: the reference's word that it goes on with.
    end: where its last stretch ends in the candidate, or -1 where none is open.
    taken: its last match, and what it took before.
    """

    lack: int
    chunks: int
    distance: int
    used: int
    other_used: int
    position: int = 0
    end: int = -1
    taken: "_Taken | None" = None


class _Taken(NamedTuple):
    match: Match
    before: "_Taken | None"


# A way for a path to go on: its lack, chunks and distance then, its number, the path, and the match
# that it takes, if any. In this order the better ways come first, and of equals the earlier.
_Way = tuple[int, int, int, int, _Path, _Candidate | None]


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
    used = sum(match.words for match in fixed.values())
    paths = [_Path(0, 0, 0, used, sum(match.other_words for match in fixed.values()))]
    for position, here in enumerate(candidates):
        ways: list[_Way] = []
        for path in paths:
            _add_ways(ways, path, here, position, is_fixed=position in fixed)
        ways.sort()
        paths = [_go(way, position) for way in ways[:beam]]
    best = min(paths, key=lambda path: (path.lack, path.chunks + (path.end != -1), path.distance))
    return _in_order(best.taken)


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


def _add_ways(
    ways: list[_Way], path: _Path, here: Sequence[_Candidate], position: int, *, is_fixed: bool
) -> None:
    """Adds the ways on from a word of the reference: with each match that is free, and without."""
    lack, chunks, distance, used, other_used, reached, end, _ = path
    if reached > position:
        ways.append((lack, chunks, distance, len(ways), path, None))
        return
    for candidate in here:
        if not is_fixed and (used & candidate.words or other_used & candidate.other_words):
            continue
        start = candidate.match.other_start
        breaks = end not in (-1, start)
        ways.append((lack - candidate.worth, chunks + breaks, distance, len(ways), path, candidate))
        distance += abs(position - start)
    if not is_fixed:
        ways.append((lack, chunks + (end != -1), distance, len(ways), path, None))


def _go(way: _Way, position: int) -> _Path:
    lack, chunks, distance, _, path, candidate = way
    if candidate is None:
        if path.position > position:
            return path
        _, _, _, used, other_used, _, _, taken = path
        return _Path(lack, chunks, distance, used, other_used, position + 1, -1, taken)
    match = candidate.match
    return _Path(
        lack,
        chunks,
        distance,
        path.used | candidate.words,
        path.other_used | candidate.other_words,
        match.start + match.length,
        match.other_start + match.other_length,
        _Taken(match, path.taken),
    )


def _in_order(taken: _Taken | None) -> list[Match]:
    matches = []
    while taken:
        matches.append(taken.match)
        taken = taken.before
    return matches[::-1]
