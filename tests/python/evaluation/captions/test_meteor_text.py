"""METEOR's words of a sentence, as its Java program (`Normalizer`) gives them."""

# ruff: noqa: RUF001  (signs that look alike are what this is about)

import pytest

from pixelllm.evaluation.captions.meteor_text import normalise

ABBREVIATIONS = {"Mr": False, "J": False, "No": True}


@pytest.mark.parametrize(
    ("sentence", "words"),
    [
        ("A man's hat, isn't it?", "a man 's hat , isn 't it ?"),
        ("well-known x-ray-y", "well known x ray y"),
        ("$5.00 (U.S.) 1,000 e.g. this", "$ 5.00 ( us ) 1,000 eg this"),
        ("Mr. Smith and J. X", "mr. smith and j. x"),
        ("No. 5", "no. 5"),
        ("No. Five", "no . five"),
        ("end. next End. Next", "end. next end . next"),
        ("wait... a..b", "wait ... a .. b"),
        ("“it” ‘it’ ``it''", '" it " \' it \' " it "'),
        ("a--b --x-- 5-6 -5", "a b -x- 5 6 -5"),
        ("a,b,c a'b'c", "a , b,c a 'b'c"),
        ("x–y x—y café 日本", "x - y x — y café 日 本"),
        ("the 1990's '90s", "the 1990 's ' 90s"),
        ("a\u00a0b", "a b"),
        ("", ""),
    ],
)
def test_punctuation_becomes_words(sentence: str, words: str) -> None:
    assert normalise(sentence, ABBREVIATIONS) == words.split()
