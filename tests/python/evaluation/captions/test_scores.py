"""All metrics of a set of captions."""

import pytest

from pixelllm.evaluation.captions import meteor_tables, scores
from pixelllm.evaluation.captions.scores import caption_scores

CANDIDATES = ["A red car on the street.", "Two cats sleep!"]
REFERENCES = [["a red car on the street"], ["two cats sleep", "cats are sleeping"]]


def without_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if METEOR's tables were not installed."""
    monkeypatch.setattr(scores, "tables_folder", lambda: None)


def test_equal_words_are_perfect_whatever_their_punctuation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    without_tables(monkeypatch)

    found = caption_scores(CANDIDATES, REFERENCES)

    assert found["bleu_1"] == pytest.approx(1.0)
    assert found["bleu_4"] == pytest.approx(1.0)
    assert found["rouge_l"] == pytest.approx(1.0)
    assert found["cider"] > 0


def test_without_tables_there_is_no_meteor(monkeypatch: pytest.MonkeyPatch) -> None:
    without_tables(monkeypatch)

    names = set(caption_scores(CANDIDATES, REFERENCES))

    assert names == {"bleu_1", "bleu_2", "bleu_3", "bleu_4", "rouge_l", "cider"}


@pytest.mark.skipif(meteor_tables.tables_folder() is None, reason="needs pycocoevalcap")
def test_with_tables_there_is_meteor() -> None:
    assert caption_scores(CANDIDATES, REFERENCES)["meteor"] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("candidates", "references", "message"),
    [
        ([], [], "no captions"),
        (["a"], [], "1 candidates, but 0"),
        (["a", "b"], [["a"], []], "no reference for caption 1"),
    ],
)
def test_what_cannot_be_scored_is_refused(
    candidates: list[str], references: list[list[str]], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        caption_scores(candidates, references)
