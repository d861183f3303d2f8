"""Alignments of words, worked out by hand or seen of the Java program."""

from pixelllm.evaluation.captions.meteor_aligner import Match, align, count_chunks
from pixelllm.evaluation.captions.meteor_matchers import match_words

WEIGHTS = (1.0, 0.6, 0.8, 0.6)


def pairs(candidate: str, reference: str) -> list[tuple[int, int]]:
    """Words of the candidate and of the reference that are paired."""
    matches = match_words(candidate.split(), reference.split())
    return [(match.other_start, match.start) for match in align(matches, WEIGHTS)]


def test_words_that_match_once_are_paired() -> None:
    assert pairs("x a y b", "b z a") == [(3, 0), (1, 2)]


def test_of_repeated_words_those_that_stay_together_are_paired() -> None:
    assert pairs("a b x a b", "x a b") == [(2, 0), (3, 1), (4, 2)]


def test_each_word_is_paired_once() -> None:
    assert len(pairs("the the the", "the cat the")) == 2


def test_ties_fall_as_in_the_java_program() -> None:
    assert pairs("x x", "q x") == [(0, 1)]
    assert pairs("x", "x x x") == [(0, 1)]
    assert pairs("q q x", "x x x") == [(2, 0)]
    assert pairs("x q x", "x x x") == [(0, 0), (2, 1)]


def test_a_rivalled_match_of_low_weight_is_taken_only_in_a_stretch() -> None:
    # A word that two matchers pair is worth less than the stretch that it would begin.
    stem_and_paraphrase = [Match(0, 1, 0, 1, 1), Match(0, 1, 0, 1, 3)]
    beside = [Match(1, 1, 1, 1, 0)]

    assert align([stem_and_paraphrase], WEIGHTS) == []
    assert align([stem_and_paraphrase, beside], WEIGHTS) == [stem_and_paraphrase[0], *beside]


def test_a_phrase_that_covers_more_words_wins() -> None:
    phrase, word = Match(0, 2, 0, 3, 3), Match(1, 1, 2, 1, 0)

    assert align([[phrase], [word]], (1.0, 1.0, 1.0, 1.0)) == [phrase]


def test_no_words_have_no_matches() -> None:
    assert pairs("", "a b") == []
    assert pairs("a b", "") == []


def test_chunks_are_stretches_in_both_sentences() -> None:
    one, two, far = Match(0, 1, 0, 1, 0), Match(1, 1, 1, 1, 0), Match(2, 1, 5, 1, 0)

    assert count_chunks([]) == 0
    assert count_chunks([one, two]) == 1
    assert count_chunks([one, two, far]) == 2
