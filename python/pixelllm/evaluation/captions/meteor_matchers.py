"""METEOR's four matchers: words that are equal, have one stem, are synonyms, or are paraphrases."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from pixelllm.evaluation.captions.meteor_aligner import Match
from pixelllm.evaluation.captions.meteor_tables import MeteorTables
from pixelllm.evaluation.captions.paraphrases import LONGEST, Hashes, Paraphrases, hash_phrases
from pixelllm.evaluation.captions.stemming import stem

EXACT, STEM, SYNONYM, PARAPHRASE = range(4)

Words = Sequence[str]
Matches = list[list[Match]]  # by the reference's word that they start with

# What WordNet's morphology takes from the end of a word and puts there instead, in its order.
_ENDINGS: Final = (
    *(("s", ""), ("ses", "s"), ("xes", "x"), ("zes", "z"), ("ches", "ch"), ("shes", "sh")),
    *(("men", "man"), ("ies", "y")),
    *(("s", ""), ("ies", "y"), ("es", "e"), ("es", ""), ("ed", "e"), ("ed", ""), ("ing", "e")),
    *(("ing", ""), ("er", ""), ("est", ""), ("er", "e"), ("est", "e")),
)


def match_words(words: Words, wanted: Words) -> Matches:
    """Exact matches and those of stems, of a caption and a reference."""
    stems, wanted_stems = [stem(word) for word in words], [stem(word) for word in wanted]
    return [
        [
            *(_single(j, i, EXACT) for i, word in enumerate(words) if word == wanted_word),
            *(
                _single(j, i, STEM)
                for i, word in enumerate(words)
                if stems[i] == wanted_stems[j] and word != wanted_word
            ),
        ]
        for j, wanted_word in enumerate(wanted)
    ]


class Synonyms:
    """Words with a WordNet synset in common, their own or that of what they are forms of."""

    def __init__(self, tables: MeteorTables) -> None:
        self._synsets: Final = tables.synsets
        self._bases: Final = tables.bases
        self._sets: Final = lru_cache(maxsize=1 << 16)(self._find_sets)

    def match(self, words: Words, wanted: Words) -> Matches:
        """Matches of a caption and a reference."""
        sets = [self._sets(word) for word in words]
        return [
            [
                _single(j, i, SYNONYM)
                for i, word in enumerate(words)
                if word != wanted_word and not sets[i].isdisjoint(self._sets(wanted_word))
            ]
            for j, wanted_word in enumerate(wanted)
        ]

    def _find_sets(self, word: str) -> frozenset[int]:
        nothing: frozenset[int] = frozenset()
        forms = (word, *self._forms(word))
        return nothing.union(*(self._synsets.get(form, nothing) for form in forms))

    def _forms(self, word: str) -> tuple[str, ...]:
        """What a word is a form of: by the list of irregular ones, or by its ending."""
        if word in self._bases:
            return self._bases[word]
        if word.endswith("ss") or len(word) <= 2:
            return ()
        bases = (word.removesuffix(e) + add for e, add in _ENDINGS if word.endswith(e))
        return tuple(base for base in bases if base in self._synsets)[:1]


class _Phrase(NamedTuple):
    start: int
    length: int
    text: str


def _phrases(table: Paraphrases, words: Words) -> tuple[list[_Phrase], Hashes]:
    """The phrases of a sentence that the table has at all, and their hashes."""
    phrases = [
        _Phrase(start, length, " ".join(words[start : start + length]))
        for start in range(len(words))
        for length in range(1, min(LONGEST, len(words) - start) + 1)
    ]
    hashes = hash_phrases([phrase.text for phrase in phrases])
    known = table.known(hashes)
    return [phrase for phrase, is_known in zip(phrases, known, strict=True) if is_known], hashes[
        known
    ]


def _single(start: int, other_start: int, matcher: int) -> Match:
    return Match(start, 1, other_start, 1, matcher)


def match_paraphrases(table: Paraphrases, words: Words, wanted: Words) -> Matches:
    """Matches of a caption and a reference, looked up from either side.

    A pair that is in the table both ways round is found twice, and so rivals itself.
    """
    ours, hashes = _phrases(table, words)
    theirs, wanted_hashes = _phrases(table, wanted)
    matches: Matches = [[] for _ in wanted]
    if not ours or not theirs:
        return matches
    forth = table.are(wanted_hashes, hashes).nonzero()
    back = table.are(hashes, wanted_hashes).nonzero()
    found = [(theirs[j], ours[i]) for j, i in zip(*forth, strict=True)]
    found.sort(key=lambda pair: (pair[0].length, pair[1].text, pair[1].start))
    returned = [(theirs[j], ours[i]) for i, j in zip(*back, strict=True)]
    returned.sort(key=lambda pair: (pair[1].start, pair[1].length, pair[0].text))
    for their, our in [*found, *returned]:
        match = Match(their.start, their.length, our.start, our.length, PARAPHRASE)
        matches[their.start].append(match)
    return matches
