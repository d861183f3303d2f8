"""Text to tokens and back, with the place of every token in the text.

The two language models have vocabularies of different kinds: T5 a sentencepiece model, which is
here, and GIT-BERT word pieces (`wordpiece.py`). What stands around a text is the same for both: a
begin token before what is written, an end token behind it and behind a prefix.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import sentencepiece

SPACE = "\u2581"  # sentencepiece writes a space as this character


@dataclass(frozen=True)
class DecodedText:
    """A text and, for every token, the half-open range of its characters in the text."""

    text: str
    spans: list[tuple[int, int]]


class Vocabulary(Protocol):
    """The pieces that texts are made of."""

    @property
    def size(self) -> int:
        """How many pieces there are; tokens count from 0."""

    def encode(self, text: str) -> list[int]:
        """The tokens of a text, and nothing else."""

    def spans(self, text: str) -> list[tuple[int, int]]:
        """The half-open range of each token of `encode(text)` in the text, spaces included."""

    def decode(self, tokens: Sequence[int]) -> DecodedText:
        """The text of tokens, and where each stands in it; the space before a word is of none.

        Tokens that are no piece of a text write nothing. A token that is added changes nothing
        before the last space of the text so far.
        """


class Tokenizer:
    """A vocabulary and the tokens that a language model puts around a text.

    Args:
        vocabulary: or the bytes of a sentencepiece model.
        begin_id: T5, which has no begin token, begins with padding.
    """

    def __init__(self, vocabulary: Vocabulary | bytes, begin_id: int = 0, end_id: int = 1) -> None:
        self._vocabulary = (
            SentencePieces(vocabulary) if isinstance(vocabulary, bytes) else vocabulary
        )
        self.begin_id = begin_id
        self.end_id = end_id

    @classmethod
    def load(cls, path: Path) -> Tokenizer:
        """Read a sentencepiece `.model` file."""
        return cls(path.read_bytes())

    @property
    def vocab_size(self) -> int:
        """Pieces of the vocabulary; the language model's may be padded and larger."""
        return self._vocabulary.size

    def encode(self, text: str) -> list[int]:
        """The tokens of a text, and nothing else."""
        return self._vocabulary.encode(text)

    def starts(self, text: str) -> list[int]:
        """Where each token of `encode(text)` begins in the text, behind any space before it."""
        starts = []
        for start, end in self._vocabulary.spans(text):
            spaces = len(text[start:end]) - len(text[start:end].lstrip())
            starts.append(start + spaces)
        return starts

    def encode_prefix(self, text: str) -> list[int]:
        """Tokens and the end token, as a prefix is read."""
        return [*self.encode(text), self.end_id]

    def encode_text(self, text: str) -> list[int]:
        """Begin token, tokens and end token, as a known text is read."""
        return [self.begin_id, *self.encode(text), self.end_id]

    def decode(self, tokens: Sequence[int]) -> DecodedText:
        """The text of tokens without begin and end, and where each token stands in it."""
        return self._vocabulary.decode(tokens)


class SentencePieces:
    """The vocabulary of a sentencepiece model, given as the bytes of its file."""

    def __init__(self, model: bytes) -> None:
        self._model = sentencepiece.SentencePieceProcessor(model_proto=model)

    @property
    def size(self) -> int:
        """How many pieces there are."""
        return int(self._model.vocab_size())

    def encode(self, text: str) -> list[int]:
        """The tokens of a text."""
        return [int(token) for token in self._model.encode(text)]

    def spans(self, text: str) -> list[tuple[int, int]]:
        """The range of each token in the text, before the model normalises it."""
        return list(self._model.encode(text, return_type="offset_mapping")["offsets"])

    def decode(self, tokens: Sequence[int]) -> DecodedText:
        """The text of tokens; T5's vocabulary is padded to a round number, which writes nothing."""
        text = ""
        spans = []
        for token in tokens:
            piece = self._piece(token)
            if piece.startswith(SPACE):
                piece = piece[1:]
                text += " " if text else ""
            start = len(text)
            text += piece.replace(SPACE, " ")
            spans.append((start, len(text)))
        return DecodedText(text, spans)

    def _piece(self, token: int) -> str:
        if token >= self.size or self._model.is_control(token):
            return ""
        if self._model.is_unknown(token):
            return "?"
        return str(self._model.id_to_piece(token))
