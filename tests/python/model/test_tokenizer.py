"""The tokenizer against the authors' wrapper, and the way back from tokens to text."""

from __future__ import annotations

import pytest
import torch

from pixelllm.model.tokenizer import Tokenizer
from tests.python.goldens import FOLDER, Golden


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.load(FOLDER / "tiny_t5like_spm.model")


def padded(tokens: list[int], length: int) -> list[int]:
    return (tokens + [0] * length)[:length]


def test_golden_data_tokenizer(tokenizer: Tokenizer) -> None:
    golden = Golden("data_tokenizer")
    strings = [str(text) for text in golden.arrays["in/strings"]]

    for name, length, encode in (
        ("plain_40", 40, tokenizer.encode),
        ("eos_8", 8, tokenizer.encode_prefix),
        ("bos_eos_40", 40, tokenizer.encode_text),
        ("bos_eos_12_truncated", 12, tokenizer.encode_text),
    ):
        rows = [padded(encode(text), length) for text in strings]
        golden.check(f"out/{name}", torch.tensor(rows))
    special = torch.tensor([tokenizer.begin_id, -1, tokenizer.end_id, 2])
    golden.check("special_pad_bos_eos_unk", special)


def test_every_token_knows_its_place_in_the_text(tokenizer: Tokenizer) -> None:
    tokens = tokenizer.encode("where is the man on the horse")

    decoded = tokenizer.decode(tokens)

    assert decoded.text == "where is the man on the horse"
    assert len(decoded.spans) == len(tokens)
    covered = "".join(decoded.text[start:end] for start, end in decoded.spans)
    assert covered == decoded.text.replace(" ", "")
    ends = [end for _, end in decoded.spans]
    starts = [start for start, _ in decoded.spans]
    assert all(start >= end for start, end in zip(starts[1:], ends[:-1], strict=True))


def test_a_text_that_grows_keeps_what_it_had(tokenizer: Tokenizer) -> None:
    tokens = tokenizer.encode("two dogs on the beach")
    whole = tokenizer.decode(tokens)

    for count in range(len(tokens)):
        part = tokenizer.decode(tokens[:count])
        assert whole.text.startswith(part.text)
        assert whole.spans[:count] == part.spans


@pytest.mark.parametrize("text", ["where is the man", "  two  dogs\u00e9 on a \ufb01eld ", ""])
def test_every_token_knows_where_it_begins_in_what_was_given(
    tokenizer: Tokenizer, text: str
) -> None:
    starts = tokenizer.starts(text)

    assert len(starts) == len(tokenizer.encode(text))
    assert starts == sorted(starts)
    for word in text.split():  # each has a token that begins with it
        assert text.index(word) in starts
    assert not any(text[start].isspace() for start in starts if start < len(text))


def test_padding_of_the_vocabulary_writes_nothing(tokenizer: Tokenizer) -> None:
    tokens = tokenizer.encode("a dog")

    decoded = tokenizer.decode([*tokens, tokenizer.vocab_size + 5, tokenizer.end_id])

    assert decoded.text == "a dog"
