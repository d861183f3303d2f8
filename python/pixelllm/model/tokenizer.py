"""Text to tokens and back, with the place of every token in the text.

T5's tokenizer is a sentencepiece model; begin is the padding id 0, as T5 has no begin token.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import sentencepiece

SPACE = "\u2581"  # sentencepiece writes a space as this character


@dataclass(frozen=True)
class DecodedText:
    """A text and, for every token, the half-open range of its characters in the text."""

    text: str
    spans: list[tuple[int, int]]


class Tokenizer:
    """A sentencepiece model with T5's conventions."""

    def __init__(self, model: bytes, begin_id: int = 0, end_id: int = 1) -> None:
        self._model = sentencepiece.SentencePieceProcessor(model_proto=model)
        self.begin_id = begin_id
        self.end_id = end_id

    @classmethod
    def load(cls, path: Path) -> Tokenizer:
        """Read a sentencepiece `.model` file."""
        return cls(path.read_bytes())

    @property
    def vocab_size(self) -> int:
        """Pieces of the model; the language model's vocabulary may be larger."""
        return int(self._model.vocab_size())

    def encode(self, text: str) -> list[int]:
        """The tokens of a text, and nothing else."""
        return [int(token) for token in self._model.encode(text)]

    def encode_prefix(self, text: str) -> list[int]:
        """Tokens and the end token, as the encoder reads a prefix."""
        return [*self.encode(text), self.end_id]

    def encode_text(self, text: str) -> list[int]:
        """Begin token, tokens and end token, as the decoder reads a known text."""
        return [self.begin_id, *self.encode(text), self.end_id]

    def decode(self, tokens: Sequence[int]) -> DecodedText:
        """The text of tokens without begin and end, and where each token stands in it.

        The space before a word belongs to no token. Tokens that are no piece of the model (T5's
        vocabulary is padded to a round number) write nothing.
        """
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
        if token >= self.vocab_size or self._model.is_control(token):
            return ""
        if self._model.is_unknown(token):
            return "?"
        return str(self._model.id_to_piece(token))
