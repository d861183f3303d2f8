"""BERT's vocabulary: lower-cased words and pieces of words, listed in a `vocab.txt`.

A text is lower-cased, loses its accents, is split at spaces, around every punctuation mark and
every CJK character, and each word then into the longest pieces that the list has; one that goes on
a word is listed with "##" before it. The `tokenizers` package does that as BERT's own code does.

How a text was spaced is lost on the way. `decode` spaces it as people do: it is the clean-up that
decoders of BERT share (no space before a full stop, none in "don't"), and more of the same kind.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tokenizers import Tokenizer as WordPieceEncoder
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

from pixelllm.model.language import PAD
from pixelllm.model.tokenizer import DecodedText

BEGIN, END, PADDING, UNKNOWN = "[CLS]", "[SEP]", "[PAD]", "[UNK]"
SILENT: Final = (BEGIN, END, PADDING, "[MASK]")
GOES_ON: Final = "##"  # before a piece that goes on the word of the piece before it
LONGEST_WORD: Final = 100  # characters; a longer word is unknown, as in BERT's code

CLOSING: Final = frozenset(".,!?;:)]}%…")  # stand at the word before them
OPENING: Final = frozenset("([{$£€#")  # and at the word behind them
APOSTROPHES: Final = frozenset(("'", "\u2019"))
HYPHENS: Final = frozenset("-/")
ENDINGS: Final = frozenset(("s", "t", "m", "d", "re", "ve", "ll"))  # dog's, don't, I'm, ...
BEGINNINGS: Final = frozenset(("o", "d", "l"))  # o'clock, d'art, l'eau
QUOTE: Final = '"'


class WordPieces:
    """A list of pieces; a piece's token is its place in the list."""

    def __init__(self, pieces: Sequence[str]) -> None:
        """Take the list.

        Raises:
            ValueError: it is none that texts can be made of; the message says why.
        """
        self._pieces = list(pieces)
        tokens = {piece: token for token, piece in enumerate(self._pieces)}
        if len(tokens) < len(self._pieces):
            piece, times = Counter(self._pieces).most_common(1)[0]
            raise ValueError(f"it lists {piece!r} {times} times")
        missing = [piece for piece in (PADDING, UNKNOWN, BEGIN, END) if piece not in tokens]
        if missing:
            raise ValueError(f"it has no {missing[0]}")
        if tokens[PADDING] != PAD:
            raise ValueError(f"{PADDING} has to be on its first line")
        self.begin_id, self.end_id = tokens[BEGIN], tokens[END]
        self._encoder = WordPieceEncoder(
            WordPiece(tokens, unk_token=UNKNOWN, max_input_chars_per_word=LONGEST_WORD)
        )
        self._encoder.normalizer = BertNormalizer(lowercase=True)
        self._encoder.pre_tokenizer = BertPreTokenizer()

    @classmethod
    def load(cls, path: Path) -> WordPieces:
        """Read a `vocab.txt`: one piece a line, in UTF-8.

        Raises:
            ValueError: it is none.
        """
        lines = path.read_text("utf-8").removesuffix("\n").split("\n")
        return cls(lines)

    @property
    def size(self) -> int:
        """How many pieces there are."""
        return len(self._pieces)

    def encode(self, text: str) -> list[int]:
        """The tokens of a text; a special token's name in it is text like any other."""
        return list(self._encoder.encode(text, add_special_tokens=False).ids)

    def spans(self, text: str) -> list[tuple[int, int]]:
        """The range of each token in the text, before it is lower-cased."""
        return list(self._encoder.encode(text, add_special_tokens=False).offsets)

    def decode(self, tokens: Sequence[int]) -> DecodedText:
        """The text of tokens, spaced as people do."""
        words: list[Word] = []
        places = []  # of each token: its word, and where in that it begins and ends
        for token in tokens:
            piece = self._piece(token)
            if piece and words and piece.startswith(GOES_ON):
                begin = len(words[-1].text)
                words[-1].text += piece.removeprefix(GOES_ON)
            elif piece:
                begin = 0
                words.append(Word(piece.removeprefix(GOES_ON)))
            else:
                begin = len(words[-1].text) if words else 0
            places.append((max(len(words) - 1, 0), begin, len(words[-1].text) if words else 0))
        text, starts = spaced(words)
        spans = [(starts[word] + begin, starts[word] + end) for word, begin, end in places]
        return DecodedText(text, spans)

    def _piece(self, token: int) -> str:
        piece = self._pieces[token] if token < self.size else ""
        return "" if piece in SILENT else piece


class Word:
    """A word or a punctuation mark that is being put together from pieces."""

    def __init__(self, piece: str) -> None:
        self.text = piece
        self.head = piece  # its first piece, which stays as it is when the word goes on


def spaced(words: Sequence[Word]) -> tuple[str, list[int]]:
    """A text of words, and where each begins in it; of none, 0."""
    text, starts = "", []
    for place, word in enumerate(words):
        if place and has_space_before(words, place):
            text += " "
        starts.append(len(text))
        text += word.text
    return text, starts or [0]


def has_space_before(words: Sequence[Word], place: int) -> bool:
    """Whether a space is between a word and the one before it.

    Some marks depend on what follows them. At the end of a text that is not known, and there is no
    space; and of a word that may still go on, the head decides. So no space that a text has goes
    away when it is written on.
    """
    left, right = words[place - 1].text, words[place].text
    before = words[place - 2].text if place > 1 else ""
    last = place + 1 == len(words)
    head, after = words[place].head, "" if last else words[place + 1].head
    if right in CLOSING or left in OPENING:
        return False
    if right == QUOTE:
        return is_opening_quote(words, place)
    if left == QUOTE:
        return not is_opening_quote(words, place - 1)
    if right in APOSTROPHES:
        return not (last or after in ENDINGS or left in BEGINNINGS)
    if left in APOSTROPHES:
        return not (head in ENDINGS or before in BEGINNINGS)
    if right in HYPHENS:
        return not (is_word(left) and (last or is_word(after)))
    if left in HYPHENS:
        return not (is_word(before) and is_word(head))
    if left in {".", ",", ":"} and before.isdigit() and right.isdigit():
        return False  # 1.5, 1,000, 10:30
    if left == "." and is_letter(before) and is_letter(right):
        return not (last or after == ".")  # e.g., U.S.
    return True


def is_opening_quote(words: Sequence[Word], place: int) -> bool:
    """Whether a quotation mark begins a quotation: every second one ends it."""
    return sum(word.text == QUOTE for word in words[:place]) % 2 == 0


def is_word(text: str) -> bool:
    """Whether it is more than a punctuation mark, or the absence of one."""
    return text[-1:].isalnum()


def is_letter(text: str) -> bool:
    """Whether it is a single letter."""
    return len(text) == 1 and text.isalpha()
