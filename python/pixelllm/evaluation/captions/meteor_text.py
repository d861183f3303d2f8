"""What METEOR 1.5 makes of an English sentence before it compares words (its option `-norm`).

Punctuation becomes words of its own, quotation marks and apostrophes are made plain, contractions
are taken apart ("isn 't"), hyphens inside words become spaces, the full stops of "U.S." go, and all
is lower case. The rules are those of Moses' tokenizer (Koehn et al., 2007), which METEOR brings in
its own form; each is held to the Java program by the tests. Full stops at the end of words stay
after the abbreviations of METEOR's list, and before a word in lower case.
"""

# ruff: noqa: RUF001  (signs that look alike are what this is about)

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Final

# What METEOR takes for a letter: Latin, Cyrillic and phonetic ones. Every other sign is a word.
_ALPHA: Final = "A-Za-zÀ-ÖØ-öø-žЀ-ԧᴀ-ᵿꙀ-ꙮ꙾-ꚗ"
_ALNUM: Final = _ALPHA + "0-9"
_WHITE: Final = r" \t\n\x0b\f\r"

_PLAIN_QUOTES: Final = str.maketrans({"“": '"', "”": '"', "‘": "'", "’": "'", "`": "'"})
_SIGN: Final = re.compile(rf"([^{_ALNUM}{_WHITE}.',\-])")
_DOTS: Final = re.compile(r"(\.{2,})")
# Commas outside numbers and apostrophes. A neighbour belongs to one of them only: of "a,b,c" the
# second comma stays where it is.
_APART: Final = (
    (re.compile(r"([^0-9]),([^0-9])"), r"\1 , \2"),
    (re.compile(r"([0-9]),([^0-9])"), r"\1 , \2"),
    (re.compile(r"([^0-9]),([0-9])"), r"\1 , \2"),
    (re.compile(rf"([^{_ALPHA}])'([^{_ALPHA}])"), r"\1 ' \2"),
    (re.compile(rf"([^{_ALNUM}])'([{_ALPHA}])"), r"\1 ' \2"),
    (re.compile(rf"([{_ALPHA}])'([^{_ALPHA}])"), r"\1 ' \2"),
    (re.compile(rf"([{_ALPHA}])'([{_ALPHA}])"), r"\1 '\2"),
    (re.compile(r"([0-9])'(s)"), r"\1 '\2"),
)
_HYPHEN: Final = re.compile(rf"([{_ALNUM}.])-([{_ALNUM}])")
_LETTER: Final = re.compile(rf"[{_ALPHA}]")
_GAP: Final = re.compile(rf"[{_WHITE}]+")
# Other blanks are signs, and vanish at the end.
_WIDE_GAP: Final = re.compile(r"[\u00a0\u2000-\u200a\u202f\u205f\u3000]")

Abbreviations = Mapping[str, bool]  # to whether it is one before a number only


def normalise(sentence: str, abbreviations: Abbreviations) -> list[str]:
    """The words of a sentence, as METEOR compares them."""
    line = f" {sentence} "
    line = line.translate(_PLAIN_QUOTES).replace("''", '"')
    line = _SIGN.sub(r" \1 ", line).replace("–", "-").replace("--", "-")
    line = _DOTS.sub(r" \1 ", line)
    for pattern, apart in _APART:
        line = pattern.sub(apart, line)
    line = _HYPHEN.sub(r"\1 \2", line)
    line = " ".join(_full_stops(_GAP.split(line), abbreviations))
    return _WIDE_GAP.sub(" ", line).lower().split()


def _full_stops(words: list[str], abbreviations: Abbreviations) -> list[str]:
    """The words with the full stops of sentences apart, and without those of "U.S."."""
    pairs = pairwise([*filter(None, words), ""])
    return [_full_stop(word, following, abbreviations) for word, following in pairs]


def _full_stop(word: str, following: str, abbreviations: Abbreviations) -> str:
    before = word[:-1]
    if not word.endswith(".") or before.strip(".") == "":
        return word
    if "." in before and _LETTER.search(before):
        return word.replace(".", "")
    if before in abbreviations:
        number = following[:1].isascii() and following[:1].isdigit()
        if number or not abbreviations[before]:
            return word
    return word if "a" <= following[:1] <= "z" else f"{before} ."
