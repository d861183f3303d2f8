"""BLEU, ROUGE-L and CIDEr against `pycocoevalcap`'s, where it is installed."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from operator import add

import pytest

from pixelllm.evaluation.captions.bleu import bleu_counts
from pixelllm.evaluation.captions.cider import cider_scores
from pixelllm.evaluation.captions.ptb import tokenize
from pixelllm.evaluation.captions.rouge import rouge_l
from tests.python.evaluation.captions.corpus import make_corpus

AGREEMENT = 1e-9

Texts = dict[int, list[str]]


@dataclass(frozen=True)
class Tokenised:
    """The corpus, tokenised."""

    candidates: list[str]
    references: list[list[str]]

    def as_coco(self) -> tuple[Texts, Texts]:
        """References and candidates in the form that `pycocoevalcap` takes."""
        return dict(enumerate(self.references)), {
            i: [candidate] for i, candidate in enumerate(self.candidates)
        }

    def pairs(self) -> Iterator[tuple[str, list[str]]]:
        """Each candidate and its references."""
        return zip(self.candidates, self.references, strict=True)


@pytest.fixture(scope="module")
def tokenised() -> Tokenised:
    """The corpus of the Java comparison."""
    pairs = make_corpus()
    return Tokenised(
        [tokenize(pair.candidate) for pair in pairs],
        [[tokenize(reference) for reference in pair.references] for pair in pairs],
    )


def test_bleu(tokenised: Tokenised) -> None:
    bleu = pytest.importorskip("pycocoevalcap.bleu.bleu", reason="needs pycocoevalcap")
    together, single = bleu.Bleu(4).compute_score(*tokenised.as_coco(), verbose=0)

    counts = [bleu_counts(candidate, references) for candidate, references in tokenised.pairs()]

    assert list(reduce(add, counts).scores) == pytest.approx(together, abs=AGREEMENT)
    for n in range(4):
        found = [count.scores[n] for count in counts]
        assert found == pytest.approx(single[n], abs=AGREEMENT)


def test_rouge_l(tokenised: Tokenised) -> None:
    rouge = pytest.importorskip("pycocoevalcap.rouge.rouge", reason="needs pycocoevalcap")
    _, single = rouge.Rouge().compute_score(*tokenised.as_coco())

    found = [rouge_l(candidate, references) for candidate, references in tokenised.pairs()]

    assert found == pytest.approx(list(single), abs=AGREEMENT)


def test_cider(tokenised: Tokenised) -> None:
    cider = pytest.importorskip("pycocoevalcap.cider.cider", reason="needs pycocoevalcap")
    _, single = cider.Cider().compute_score(*tokenised.as_coco())

    found = cider_scores(tokenised.candidates, tokenised.references)

    assert found == pytest.approx(list(single), abs=AGREEMENT)
