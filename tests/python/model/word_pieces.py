"""A small vocabulary in the order of BERT's: special tokens where BERT has them, then pieces."""

from __future__ import annotations

import string
from typing import Final

UNUSED: Final = [f"[unused{i}]" for i in range(99)]
WORDS: Final = (
    *("the", "an", "of", "on", "in", "is", "and", "left", "right", "where", "sign", "man"),
    *("woman", "dog", "image", "caption", "long", "object", "big", "red", "blue", "shirt", "table"),
    *("clock", "sky", "says", "stop", "don", "re", "un", "want", "runn", "wa"),
)
ENDINGS: Final = ("##ing", "##want", "##ed", "##er", "##able")
LETTERS: Final = list(string.ascii_lowercase + string.digits)
PIECES: Final = [
    "[PAD]",
    *UNUSED,
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    *string.punctuation,
    *LETTERS,
    *(f"##{letter}" for letter in LETTERS),
    *WORDS,
    *ENDINGS,
    "中",
]
VOCAB_TXT: Final = "".join(f"{piece}\n" for piece in PIECES).encode()
WRITTEN: Final = range(PIECES.index("!"), len(PIECES))  # a trained model writes no other tokens
