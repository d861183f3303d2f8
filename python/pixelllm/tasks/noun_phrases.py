"""The noun phrases of an English caption, by rules.

A phrase is what a caption names: determiner, numbers, adjectives and nouns that follow each other,
such as "two red cars". It ends where a word of a closed class begins (a preposition, conjunction,
auxiliary or pronoun), at punctuation, and at a verb. Phrases do not contain each other: "a dog
under the table" holds two, but for measures ("a couple of dogs").

Its limits: the rules know no grammar beyond neighbours. Verbs are a list and two endings, so a verb
that is not listed is taken for a noun ("a man juggles balls"), and a noun that is a listed verb
after a singular or plural that it could belong to is taken for a verb ("two fruit stands").
Adjectives behind a noun stay with it. Words of position that name nothing ("the left") are no
phrase, nor are pronouns. In other languages what is found is arbitrary.

PixelLLM itself has no such part: its words are placed one by one.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from pixelllm.tasks import english
from pixelllm.tasks.words import word_spans

_APOSTROPHE = "\u2019"  # which a typesetter puts for '
_QUOTES = frozenset("\"'\u2018\u2019\u201c\u201d\u00ab\u00bb")


@dataclass(frozen=True)
class _Token:
    """A word of a caption, in lower case, and the punctuation before it."""

    word: str
    start: int
    end: int
    before: str


@dataclass
class _Chunk:
    """A phrase on its way."""

    tokens: list[_Token] = field(default_factory=list)
    noun: bool = False  # whether it has a noun, as far as can be told

    def add(self, token: _Token, *, noun: bool) -> None:
        self.tokens.append(token)
        self.noun = self.noun or noun

    @property
    def last(self) -> str:
        """Its last word; empty where it has none."""
        return self.tokens[-1].word if self.tokens else ""

    @property
    def names(self) -> bool:
        """Whether it names a thing, and not only a place in the picture."""
        return self.noun and any(
            token.word not in english.POSITIONS | english.DETERMINERS for token in self.tokens
        )

    @property
    def span(self) -> tuple[int, int]:
        return self.tokens[0].start, self.tokens[-1].end


def noun_phrases(caption: str) -> list[tuple[int, int]]:
    """The `[start, end)` of every noun phrase, in code points, in order."""
    return [chunk.span for chunk in _chunks(list(_tokens(caption))) if chunk.names]


def _tokens(caption: str) -> Iterator[_Token]:
    last = 0
    for start, end in word_spans(caption, finished=True):
        word = caption[start:end].lower().replace(_APOSTROPHE, "'")
        yield _Token(word, start, end, caption[last:start].strip())
        last = end


def _chunks(tokens: list[_Token]) -> Iterator[_Chunk]:
    """All chunks; some name nothing."""
    chunk = _Chunk()
    for number, token in enumerate(tokens):
        before = tokens[number - 1].word if number else ""
        after = tokens[number + 1] if number + 1 < len(tokens) else None
        if set(token.before) - _QUOTES and not (token.before == "," and _lists(chunk, token)):
            yield chunk
            chunk, before = _Chunk(), ""
        if _joins(chunk, token, after):
            chunk.add(token, noun=False)
            chunk.noun = False  # which is still to come
        elif _is_closed(chunk, token.word) or _is_verb(chunk, token.word, before, after):
            yield chunk
            chunk = _Chunk()
        elif token.word in english.DETERMINERS and not _only_determiners(chunk):
            yield chunk
            chunk = _Chunk([token])
        else:
            chunk.add(token, noun=_is_noun(chunk, token.word))
    yield chunk


def _joins(chunk: _Chunk, token: _Token, after: _Token | None) -> bool:
    """Whether a word between goes on with it: "very large", "black and white", "couple of dogs"."""
    if after is None or after.before:
        return False
    if english.is_adverb(token.word):
        return bool(chunk.tokens) and not chunk.noun
    if token.word in ("and", "or"):
        return _lists(chunk, after)
    if token.word == "of":
        return chunk.last in english.MEASURES and after.word not in english.DETERMINERS
    return False


def _lists(chunk: _Chunk, following: _Token) -> bool:
    """Whether a phrase without its noun goes on with one more adjective."""
    return not chunk.noun and _is_adjective(chunk.last) and _is_adjective(following.word)


def _is_closed(chunk: _Chunk, word: str) -> bool:
    return (
        word in english.PREPOSITIONS
        or word in english.CONJUNCTIONS
        or word in english.AUXILIARIES
        or word in english.PRONOUNS
        or english.is_adverb(word)
        or (chunk.noun and word in ("left", "right"))  # "the dog left of the tree"
    )


def _is_verb(chunk: _Chunk, word: str, before: str, after: _Token | None) -> bool:
    """Whether a word is a verb where it stands: behind `before` and the phrase so far."""
    if word in english.NOUNS:
        # "people crossing a street", but "a railroad crossing".
        return word.endswith("ing") and after is not None and after.word in english.DETERMINERS
    if chunk.noun:
        if english.is_participle(word):
            return True
        if english.is_plural(chunk.last):
            return english.is_plain_verb(word)
        return english.is_third_person(word)
    if chunk.last == "that":
        return english.is_third_person(word)  # "a ball that rolls"
    if chunk.tokens:
        return False  # "a parked car", "two watches"
    if english.is_participle(word):
        return True  # "is riding", "and sitting"
    if before in english.PREPOSITIONS and before != "to":
        return False  # "with watches"
    return english.is_plain_verb(word) or english.is_third_person(word)


def _is_noun(chunk: _Chunk, word: str) -> bool:
    if word in english.DETERMINERS or word in english.QUANTITIES or word.isdigit():
        # "a blue one" names something, "one dog" names a dog.
        return word == "one" and any(_is_adjective(token.word) for token in chunk.tokens)
    return not _is_adjective(word)


def _is_adjective(word: str) -> bool:
    return english.is_adjective(word) or english.is_participle(word)


def _only_determiners(chunk: _Chunk) -> bool:
    allowed = english.DETERMINERS | english.QUANTITIES
    return all(token.word in allowed for token in chunk.tokens)
