"""Word pieces: from text to tokens as BERT does it, and back to what a person would write."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from pixelllm.model.config import GitBertConfig
from pixelllm.model.tokenizer import Tokenizer
from pixelllm.model.wordpiece import WordPieces
from tests.python.model.word_pieces import PIECES, VOCAB_TXT


@pytest.fixture(scope="module")
def pieces() -> WordPieces:
    return WordPieces(PIECES)


def pieces_of(pieces: WordPieces, text: str) -> list[str]:
    return [PIECES[token] for token in pieces.encode(text)]


def test_special_tokens_are_where_the_published_vocabulary_has_them(pieces: WordPieces) -> None:
    config = GitBertConfig()

    assert (pieces.begin_id, pieces.end_id) == (config.begin_id, config.end_id)
    assert pieces.size == len(PIECES)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # The example of BERT's own tests, google-research/bert, tokenization_test.py.
        ("UNwant\u00e9d,running", "un ##want ##ed , runn ##ing"),
        ("The Dogs' SHIRT", "the dog ##s ' shirt"),
        ("don't", "don ' t"),
        ("na\u00efve e\u0301", "n ##a ##i ##v ##e e"),  # accents go, also combining ones
        ("left-right/9", "left - right / 9"),
        ("a\u4e2db", "a \u4e2d b"),  # a CJK character is a word
        ("dog \u00fc\u03b1 dog", "dog [UNK] dog"),  # no alpha in the list: the whole word
        ("a\u00a0b\tc\nd\x00\u200b", "a b c d"),  # white space of any kind; control characters go
        ("[SEP] [PAD]", "[ s ##e ##p ] [ p ##a ##d ]"),  # text, and no special token
        ("a" * 101, "[UNK]"),
        (" \t", ""),
        ("", ""),
    ],
)
def test_text_is_taken_apart_as_by_bert(pieces: WordPieces, text: str, expected: str) -> None:
    assert pieces_of(pieces, text) == expected.split()


def test_every_piece_knows_where_it_begins_in_what_was_given(pieces: WordPieces) -> None:
    text = "The  Dogs' \u00e9 SHIRT"

    spans = Tokenizer(pieces).starts(text)

    assert pieces_of(pieces, text) == ["the", "dog", "##s", "'", "e", "shirt"]
    assert spans == [0, 5, 8, 9, 11, 13]


@pytest.mark.parametrize(
    "text",
    [
        "a man, a woman; a dog!",
        "don't stop: the dog's shirt isn't red, i'm sure they're here",
        "the big-table/left-right image",
        "e.g. the u.s. sign, 9 a.m. on the clock",
        "1.5 of 1,000 at 10:30",
        'a sign says "stop!" and "left"',
        "a dog (left) is [right]",
        "5 o'clock",
        "is it $5? no. a dog...",
        "plan b. a dog",
        "a sign ' red ' on the table",  # BERT does not tell a quotation mark from an apostrophe
        "",
    ],
)
def test_text_comes_back_as_people_write_it(pieces: WordPieces, text: str) -> None:
    assert pieces.decode(pieces.encode(text)).text == text


def test_every_token_knows_its_place_in_the_text(pieces: WordPieces) -> None:
    tokens = pieces.encode("The man's dogs, running.")

    decoded = pieces.decode(tokens)

    assert decoded.text == "the man's dogs, running."
    parts = [decoded.text[start:end] for start, end in decoded.spans]
    assert parts == ["the", "man", "'", "s", "dog", "s", ",", "runn", "ing", "."]


def test_special_tokens_and_those_of_no_piece_write_nothing(pieces: WordPieces) -> None:
    man, dog, s = (PIECES.index(piece) for piece in ("man", "dog", "##s"))

    decoded = pieces.decode([101, man, 0, dog, 103, s, 102, len(PIECES), 40_000])

    assert decoded.text == "man dogs"
    assert decoded.spans == [(0, 0), (0, 3), (3, 3), (4, 7), (7, 7), (7, 8), (8, 8), (8, 8), (8, 8)]


def test_piece_that_goes_on_no_word_is_a_word(pieces: WordPieces) -> None:
    decoded = pieces.decode([PIECES.index("##ing"), PIECES.index("dog")])

    assert (decoded.text, decoded.spans) == ("ing dog", [(0, 3), (4, 7)])


def test_text_that_grows_keeps_its_words(pieces: WordPieces) -> None:
    """Any tokens at all: what stands before the last space stays, as do its tokens' places."""
    marks = [PIECES.index(mark) for mark in "'\"-/.,:()"]
    ends = [PIECES.index(piece) for piece in ("s", "r", "##e", "t", "o", "e", "1", "##1", "don")]
    generator = random.Random(0)

    for _ in range(3000):
        tokens = generator.choices([*marks, *ends, 100, 102, generator.randrange(300)], k=8)
        whole = pieces.decode(tokens)
        for count in range(len(tokens)):
            part = pieces.decode(tokens[:count])
            space = part.text.rfind(" ")
            kept = [span for span in part.spans if span[1] <= space]
            assert whole.text.startswith(part.text[: space + 1]), (part.text, whole.text)
            assert whole.spans[: len(kept)] == kept
        written = "".join(whole.text[start:end] for start, end in whole.spans)
        assert written == whole.text.replace(" ", "")


def test_tokenizer_puts_the_models_tokens_around_a_text(pieces: WordPieces) -> None:
    tokenizer = Tokenizer(pieces, pieces.begin_id, pieces.end_id)
    dog = PIECES.index("dog")

    assert tokenizer.encode("dog") == [dog]
    assert tokenizer.encode_prefix("dog") == [dog, 102]
    assert tokenizer.encode_text("dog") == [101, dog, 102]
    assert tokenizer.decode([dog]).text == "dog"
    assert tokenizer.vocab_size == len(PIECES)


def test_list_is_read_from_a_file_of_lines(tmp_path: Path) -> None:
    unix, windows = tmp_path / "unix.txt", tmp_path / "windows.txt"
    unix.write_bytes(VOCAB_TXT)
    windows.write_bytes(VOCAB_TXT.replace(b"\n", b"\r\n"))

    assert WordPieces.load(unix).size == WordPieces.load(windows).size == len(PIECES)


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        ([piece for piece in PIECES if piece != "[UNK]"], r"it has no \[UNK\]"),
        ([piece for piece in PIECES if piece != "[CLS]"], r"it has no \[CLS\]"),
        ([*PIECES, "dog", "dog"], "it lists 'dog' 3 times"),
        (["", *PIECES], r"\[PAD\] has to be on its first line"),
    ],
)
def test_list_that_no_text_can_be_made_of_is_refused(lines: list[str], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        WordPieces(lines)
