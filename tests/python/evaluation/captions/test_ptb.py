"""Words of captions, against Stanford's tokenizer: as it was run, and where it can be run."""

# ruff: noqa: RUF001  (signs that look alike are what this is about)

import pytest

from pixelllm.evaluation.captions.ptb import tokenize
from tests.python.evaluation.captions import java
from tests.python.evaluation.captions.corpus import make_corpus
from tests.python.evaluation.captions.goldens import digest, load_goldens


def test_goldens_words_are_stanfords() -> None:
    goldens = load_goldens()
    pairs = make_corpus()

    assert [tokenize(pair.candidate) for pair in pairs] == goldens.candidates
    references = [[tokenize(reference) for reference in pair.references] for pair in pairs]
    assert digest(references) == goldens.references_sha256


@pytest.mark.skipif(java.missing() is not None, reason=str(java.missing()))
def test_words_are_those_of_the_java_program() -> None:
    captions = [text for pair in make_corpus() for text in (pair.candidate, *pair.references)]

    assert [tokenize(caption) for caption in captions] == java.ptb_tokens(captions)


@pytest.mark.parametrize(
    ("caption", "words"),
    [
        ("A man's hat, isn't it?", "a man 's hat is n't it"),
        ("can't won't cannot gonna", "ca n't wo n't can not gon na"),
        ("state-of-the-art T-shirt", "state-of-the-art t-shirt"),
        ("wait... what -- no", "wait what no"),
        ("U.S. streets at 5 p.m.", "u.s. streets at 5 p.m."),
        ("Dr. Smith etc. end.", "dr. smith etc. end"),
        ("1,000 people, 3.5 m, $5.00", "1,000 people 3.5 m $ 5.00"),
        ("“smart” ‘quotes’", "smart quotes"),
        ("rock 'n' roll in the '90s", "rock 'n' roll in the '90s"),
        ("half ½ a £5 note", "half 1/2 a # 5 note"),
        ("two\nlines", "two lines"),
        ("", ""),
    ],
)
def test_a_caption_is_words_in_lower_case_without_punctuation(caption: str, words: str) -> None:
    assert tokenize(caption) == words


def test_brackets_and_runs_of_marks_are_words() -> None:
    assert tokenize("(a) [b] {c} d!!") == "-lrb- a -rrb- -lsb- b -rsb- -lcb- c -rcb- d !!"


def test_a_mixed_number_is_one_word() -> None:
    assert tokenize("1 1/2 cups") == "1\u00a01/2 cups"
