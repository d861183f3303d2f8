"""The words of a caption, as the COCO caption evaluation counts them.

The evaluation runs Stanford's PTBTokenizer (CoreNLP 3.4.1, `-preserveLines -lowerCase`) and drops
punctuation. This is its behaviour, written down from what it does: at each place the longest of the
forms below is a word, and of equally long ones the first. Two of its habits are kept because they
change scores: brackets become words ("-lrb-"), since the evaluation looks for them in capitals, and
so do runs of marks like "!!".

Left out are lists that captions do not meet: of its abbreviations only common ones are here, and
the forms of web addresses and of smileys are simpler.
"""

# ruff: noqa: RUF001  (signs that look alike are what this is about)

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

_PUNCTUATION: Final = frozenset(
    ("''", "'", "``", "`", ".", "?", "!", ",", ":", "-", "--", "...", ";")
)

_ABBREVIATIONS: Final = tuple(
    """
    adm al apr ariz assn aug ave bldg blvd bros calif capt cf cmdr co col colo conn corp dec
    dept dr est etc feb fla fri ft ga gen gov hon inc ind jan jr jul jun kan ky lt ltd maj
    mar md mfg mich minn mo mon mont mr mrs ms mt neb nev nov oct okla ph.d pres prof rd rep
    rev sen sep sept sgt sr st supt tenn thu thurs tue tues univ va vs vt wed wis wyo
    """.split()
)

_LETTER: Final = (
    r"(?:(?![\u00b2\u00b3\u00b9\u00bc-\u00be\u2070-\u209f\u2150-\u218f\u2460-\u24ff])[^\W\d_]"
    r"|[\u0300-\u036f])"
)
_ALNUM: Final = rf"(?:{_LETTER}|\d)"
_NUMBER: Final = r"(?:\d*(?:[.,:]\d+)+|\d+)"
_APOSTROPHE: Final = "['’]"
_PART: Final = rf"(?:(?:[dolDOL]{_APOSTROPHE}(?={_LETTER}))?(?:{_NUMBER}(?!{_ALNUM})|{_ALNUM}+))"
_SLASHED: Final = r"[A-Za-z0-9]+(?:-[A-Za-z]+){0,2}"


def _keep(text: str) -> str:
    return text


def _joined(text: str) -> str:
    """A word that blanks belong to: they do not break."""
    return _bracket(text.replace(" ", "\u00a0"))


def _bracket(text: str) -> str:
    return text.translate(_BRACKETS)


def _apostrophe(text: str) -> str:
    return text.replace("’", "'").replace("&apos;", "'")


def _drop(_: str) -> str:
    return ""


def _quote(_: str) -> str:
    return "'"


def _dash(_: str) -> str:
    return "--"


def _dots(_: str) -> str:
    return "..."


def _signs(text: str) -> str:
    return _SIGNS[text]


_BRACKETS: Final = str.maketrans(
    {"(": "-lrb-", ")": "-rrb-", "[": "-lsb-", "]": "-rsb-", "{": "-lcb-", "}": "-rcb-"}
)
_SIGNS: Final = {
    **{"&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": "''", "&apos;": "'"},
    **{
        "£": "#",
        "€": "$",
        "¢": "cents",
        "½": "1/2",
        "¼": "1/4",
        "¾": "3/4",
        "⅓": "1/3",
        "⅔": "2/3",
    },
}

_FORMS: Final[tuple[tuple[re.Pattern[str], Callable[[str], str]], ...]] = tuple(
    (re.compile(pattern), becomes)
    for pattern, becomes in (
        # Parts of contractions: what is in parentheses is the word, the rest is one of its own.
        (r"([A-Za-z]*?[A-MO-Za-mo-z])(?i:n['’`]t)", _keep),
        (r"(?i:n['’`]t)\w*", _apostrophe),
        (r"((?i:can))(?i:not)\b|((?i:gon|wan))(?i:na)\b|((?i:got))(?i:ta)\b", _keep),
        (r"((?i:gim|lem))(?i:me)\b|(['’`](?i:t))(?i:is|was)\b", _keep),
        (r"(?:'|&apos;)(?i:s|d|m|re|ve|ll)(?![A-Za-z])|’(?i:s|d|m|re|ve|ll)", _apostrophe),
        (r"['’]\d\ds|['’](?i:n)['’]|['’](?i:em|til|cause)\b", _keep),
        (r"(?i:ol)['’](?!\w)|[yYjJ]['’](?=[A-Za-z])|(?i:ma['’]am|c['’]mon)\b", _keep),
        # Words.
        (rf"{_LETTER}{_ALNUM}*(?:[.!?]{_LETTER}{_ALNUM}*)*", _keep),
        (rf"{_PART}(?:-{_PART})*", _keep),
        (rf"{_ALNUM}+(?:_{_ALNUM}+)+", _keep),
        (rf"{_SLASHED}(?:\\?/{_SLASHED}){{1,2}}", _keep),
        (r"[A-Z]+(?:[&+][A-Z]+)+", _keep),
        (r"[A-Za-z](?:\.[A-Za-z])*\.(?:-[A-Za-z0-9]+)*", _keep),
        (rf"(?i:{'|'.join(map(re.escape, _ABBREVIATIONS))})\.", _keep),
        (r"(?i:nos?|pp|art|fig)\.(?=\s?\d)", _keep),
        # Numbers.
        (rf"[-+]?{_NUMBER}", _keep),
        (r"(?:\d{1,4}[- \u00a0])?\d{1,4}/\d{1,4}", _joined),
        (r"\d{1,2}[-/]\d{1,2}[-/]\d{2,4}", _keep),
        (
            r"(?:\(\d{2,3}\)[ \u00a0]?|(?:\+\+?)?(?:\d{2,4}[- \u00a0])?\d{2,4}[- \u00a0])"
            r"\d{3,4}[- \u00a0]?\d{3,5}",
            _joined,
        ),
        (r"[A-Z]*\$", _keep),
        # The web.
        (r"https?://[^\s\"<>|(){}]+[^\s\"<>|.!?(){},-]", _keep),
        (r"[A-Za-z0-9][\w.%+-]*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+", _keep),
        (r"[@#][A-Za-z_]\w*", _keep),
        (r"</?[A-Za-z!?][^<>]*>", _keep),
        (r"[<>]?[:;=][-o*']?[()DPdpO\\@\[{](?![A-Za-z])", _bracket),
        # Marks.
        (r"&nbsp;", _drop),
        (r"&#\d+;", _keep),
        (r"&(?:amp|lt|gt|quot|apos);|[£€¢½¼¾⅓⅔]", _signs),
        (r"\.{3,5}|(?:\.[ \u00a0]){2,4}\.|…", _dots),
        (r"-{2,}|[–—―]", _dash),
        (r"``|''|[\"'`“”‘’«»‹›]", _quote),
        (r"[()\[\]{}]", _bracket),
        (r"[?!]+|#+|\*+|_+|<<|>>", _keep),
        (r"[‐‑\x00-\x08\x0b-\x1f\x7f-\x9f]", _drop),
        (r"\S", _keep),
    )
)
_BLANKS: Final = re.compile(r"[\s\u200b\u00a0\u2060\ufeff]+")


@lru_cache(maxsize=1 << 14)
def tokenize(caption: str) -> str:
    """The words of a caption in lower case, without punctuation, a blank between each two.

    A word can have a no-break space inside, as "1 1/2" has.
    """
    line = caption.replace("\n", " ").replace("\u00ad", "")
    words = []
    place = 0
    while place < len(line):
        blank = _BLANKS.match(line, place)
        if blank:
            place = blank.end()
            continue
        word, place = _next(line, place)
        words.append(word.lower())
    return " ".join(word for word in words if word and word not in _PUNCTUATION)


def _next(line: str, place: int) -> tuple[str, int]:
    """The word that begins at a place, and where it ends."""
    longest, end, becomes = place, place, _keep
    for form, change in _FORMS:
        found = form.match(line, place)
        if found and found.end() > longest:
            longest, becomes = found.end(), change
            end = found.end(found.lastindex or 0)
    return becomes(line[place:end]), end
