"""METEOR against its Java program: as it was run, and where it can be run."""

import re
from importlib.machinery import ModuleSpec

import pytest

from pixelllm.evaluation.captions import meteor_tables
from pixelllm.evaluation.captions.meteor import (
    BETA,
    DELTA,
    GAMMA,
    ExactStemScore,
    Meteor,
    MeteorCounts,
)
from pixelllm.evaluation.captions.meteor_tables import INSTALL, TablesMissingError, tables_folder
from pixelllm.evaluation.captions.ptb import tokenize
from tests.python.evaluation.captions import java
from tests.python.evaluation.captions.corpus import make_corpus
from tests.python.evaluation.captions.goldens import load_goldens

AGREEMENT = 1e-3  # per sentence

with_tables = pytest.mark.skipif(
    tables_folder() is None, reason="needs pycocoevalcap (python/requirements-meteor.txt)"
)


@pytest.fixture(scope="module")
def meteor() -> Meteor:
    """METEOR with its tables."""
    return Meteor()


@with_tables
def test_goldens_of_tokenised_captions(meteor: Meteor) -> None:
    goldens = load_goldens()

    found = [
        meteor.counts(tokenize(pair.candidate), [tokenize(r) for r in pair.references])
        for pair in make_corpus()
    ]

    assert [counts.score for counts in found] == pytest.approx(goldens.meteor, abs=AGREEMENT)
    together = sum(found, MeteorCounts()).score
    assert together == pytest.approx(goldens.meteor_together, abs=AGREEMENT)


@with_tables
def test_goldens_of_captions_as_written(meteor: Meteor) -> None:
    found = [meteor.score(pair.candidate, pair.references) for pair in make_corpus()]

    assert found == pytest.approx(load_goldens().meteor_plain, abs=AGREEMENT)


@pytest.mark.skipif(java.missing() is not None, reason=str(java.missing()))
def test_scores_are_those_of_the_java_program(meteor: Meteor) -> None:
    pairs = [(pair.candidate, pair.references) for pair in make_corpus()]

    scores, together = java.meteor_scores(pairs)

    found = [meteor.counts(candidate, references) for candidate, references in pairs]
    assert [counts.score for counts in found] == pytest.approx(scores, abs=AGREEMENT)
    assert sum(found, MeteorCounts()).score == pytest.approx(together, abs=AGREEMENT)


@with_tables
def test_synonyms_and_paraphrases_count_less_than_equal_words(meteor: Meteor) -> None:
    reference = ["the dog sleeps on the sofa"]

    same = meteor.score("the dog sleeps on the sofa", reference)
    synonym = meteor.score("the dog sleeps on the couch", reference)
    other = meteor.score("the dog sleeps on the street", reference)

    assert same == 1.0
    assert same > synonym > other


@with_tables
def test_the_best_reference_counts(meteor: Meteor) -> None:
    assert meteor.score("a red car", ["nothing alike", "a red car"]) == 1.0


def test_without_its_tables_the_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(name: str) -> ModuleSpec | None:
        return None

    monkeypatch.setattr(meteor_tables, "find_spec", nowhere)

    with pytest.raises(TablesMissingError, match=re.escape(INSTALL)):
        Meteor()


def test_counts_make_the_score() -> None:
    # Two of three content words match, in two stretches.
    counts = MeteorCounts(
        *(3 * DELTA, 2 * DELTA, 2 * DELTA, 2 * DELTA),
        **{"covered": 2, "wanted_covered": 2, "chunks": 2},
    )

    mean = 1 / (0.15 / (2 / 3) + 0.85)
    assert counts.score == pytest.approx(mean * (1 - GAMMA * 1.0**BETA))


def test_nothing_in_common_scores_nothing() -> None:
    assert MeteorCounts().score == 0.0
    assert ExactStemScore().score("", ["a dog"]) == 0.0
    assert ExactStemScore().score("a dog", [""]) == 0.0


def test_exact_and_stem_matches_need_no_tables() -> None:
    score = ExactStemScore()

    assert score.score("A dog runs.", ["a dog runs ."]) == 1.0
    assert 0.0 < score.score("two dogs run", ["two dogs running"]) < 1.0
    assert score.score("a couch", ["the sofa"]) == 0.0
