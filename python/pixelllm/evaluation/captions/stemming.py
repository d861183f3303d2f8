"""The English stemmer of Snowball ("Porter2"), which METEOR's second matcher uses.

Written from its definition (snowballstem.org/algorithms/english/stemmer.html, Porter and Boulton),
in the version of 2015 and before, which the Java program has: a few exceptions of later versions
are not in it. Words come in lower case.
"""

import re
from functools import lru_cache
from typing import Final

_SPECIAL: Final = {
    "skis": "ski",
    "skies": "sky",
    "dying": "die",
    "lying": "lie",
    "tying": "tie",
    "idly": "idl",
    "gently": "gentl",
    "ugly": "ugli",
    "early": "earli",
    "only": "onli",
    "singly": "singl",
    **{word: word for word in ("sky", "news", "howe", "atlas", "cosmos", "bias", "andes")},
}
_SPECIAL_AFTER_1A: Final = frozenset(
    ("inning", "outing", "canning", "herring", "earring", "proceed", "exceed", "succeed")
)
_VOWEL: Final = re.compile(r"[aeiouy]")
_REGION: Final = re.compile(r"[aeiouy][^aeiouy]")
_REGION_1: Final = re.compile(r"gener|commun|arsen")
_SHORT: Final = re.compile(r"(?:[^aeiouy][aeiouy][^aeiouywxY]|^[aeiouy][^aeiouy])$")
_DOUBLE: Final = ("bb", "dd", "ff", "gg", "mm", "nn", "pp", "rr", "tt")

_STEP_2: Final = {
    "ization": "ize",
    "ational": "ate",
    "fulness": "ful",
    "ousness": "ous",
    "iveness": "ive",
    "tional": "tion",
    "biliti": "ble",
    "lessli": "less",
    "entli": "ent",
    "ation": "ate",
    "alism": "al",
    "aliti": "al",
    "ousli": "ous",
    "iviti": "ive",
    "fulli": "ful",
    "enci": "ence",
    "anci": "ance",
    "abli": "able",
    "izer": "ize",
    "ator": "ate",
    "alli": "al",
    "bli": "ble",
    "ogi": "og",
    "li": "",
}
_STEP_3: Final = {
    "ational": "ate",
    "tional": "tion",
    "alize": "al",
    "icate": "ic",
    "iciti": "ic",
    "ative": "",
    "ical": "ic",
    "ness": "",
    "ful": "",
}
_STEP_4: Final = (
    *("ement", "ance", "ence", "able", "ible", "ment"),
    *("ant", "ent", "ism", "ate", "iti", "ous", "ive", "ize", "ion"),
    *("al", "er", "ic"),
)


@lru_cache(maxsize=1 << 16)
def stem(word: str) -> str:
    """The stem of a word: "running" and "runs" have "run"."""
    if len(word) <= 2:
        return word
    if word in _SPECIAL:
        return _SPECIAL[word]
    word = _consonant_y(word.removeprefix("'"))
    r1, r2 = _regions(word)
    word = _step_1a(_step_0(word))
    if word in _SPECIAL_AFTER_1A:
        return word
    word = _step_1c(_step_1b(word, r1))
    word = _step_2(word, r1)
    word = _step_3(word, r1, r2)
    word = _step_5(_step_4(word, r2), r1, r2)
    return word.replace("Y", "y")


def _consonant_y(word: str) -> str:
    """The word with every y that begins it or follows a vowel as Y."""
    letters = list(word)
    for i, letter in enumerate(letters):
        if letter == "y" and (i == 0 or letters[i - 1] in "aeiouy"):
            letters[i] = "Y"
    return "".join(letters)


def _regions(word: str) -> tuple[int, int]:
    """Where R1 and R2 begin: after the first consonant after a vowel, and the same again in R1."""
    special = _REGION_1.match(word)
    r1 = special.end() if special else _after(word, 0)
    return r1, _after(word, r1)


def _after(word: str, start: int) -> int:
    found = _REGION.search(word, start)
    return found.end() if found else len(word)


def _step_0(word: str) -> str:
    for ending in ("'s'", "'s", "'"):
        if word.endswith(ending):
            return word.removesuffix(ending)
    return word


def _step_1a(word: str) -> str:
    if word.endswith("sses"):
        return word[:-2]
    if word.endswith(("ied", "ies")):
        return word[:-2] if len(word) > 4 else word[:-1]
    if word.endswith(("us", "ss")) or not word.endswith("s"):
        return word
    return word[:-1] if _VOWEL.search(word[:-2]) else word


def _step_1b(word: str, r1: int) -> str:
    for ending in ("eedly", "eed"):
        if word.endswith(ending):
            return word.removesuffix(ending) + "ee" if len(word) - len(ending) >= r1 else word
    for ending in ("ingly", "edly", "ing", "ed"):
        if word.endswith(ending):
            before = word.removesuffix(ending)
            return _mend(before, r1) if _VOWEL.search(before) else word
    return word


def _mend(word: str, r1: int) -> str:
    if word.endswith(("at", "bl", "iz")):
        return word + "e"
    if word.endswith(_DOUBLE):
        return word[:-1]
    return word + "e" if len(word) <= r1 and _SHORT.search(word) else word


def _step_1c(word: str) -> str:
    if len(word) > 2 and word[-1] in "yY" and word[-2] not in "aeiouy":
        return word[:-1] + "i"
    return word


def _step_2(word: str, r1: int) -> str:
    for ending, becomes in _STEP_2.items():
        if word.endswith(ending):
            before = word.removesuffix(ending)
            if len(before) < r1:
                return word
            if ending == "ogi" and not before.endswith("l"):
                return word
            if ending == "li" and not before.endswith(tuple("cdeghkmnrt")):
                return word
            return before + becomes
    return word


def _step_3(word: str, r1: int, r2: int) -> str:
    for ending, becomes in _STEP_3.items():
        if word.endswith(ending):
            before = word.removesuffix(ending)
            return before + becomes if len(before) >= (r2 if ending == "ative" else r1) else word
    return word


def _step_4(word: str, r2: int) -> str:
    for ending in _STEP_4:
        if word.endswith(ending):
            before = word.removesuffix(ending)
            whole = ending != "ion" or before.endswith(("s", "t"))
            return before if whole and len(before) >= r2 else word
    return word


def _step_5(word: str, r1: int, r2: int) -> str:
    before = word[:-1]
    if word.endswith("e"):
        gone = len(before) >= r2 or (len(before) >= r1 and not _SHORT.search(before))
        return before if gone else word
    return before if word.endswith("ll") and len(before) >= r2 else word
