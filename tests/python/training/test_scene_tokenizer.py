"""The tiny model's tokenizer: every word of the scenes is one piece, and any text can be read."""

from __future__ import annotations

import pytest

from pixelllm.data.scene_words import VOCABULARY
from pixelllm.data.scenes import draw_scene, scene_rng
from pixelllm.model.config import tiny
from pixelllm.training import scene_tokenizer
from tests.python.tokenizers import tiny_tokenizer, tiny_tokenizer_model


def test_every_word_is_one_piece() -> None:
    tokenizer = tiny_tokenizer()

    assert [word for word in VOCABULARY if len(tokenizer.encode(word)) != 1] == []
    assert len({tokenizer.encode(word)[0] for word in VOCABULARY}) == len(VOCABULARY)


def test_the_vocabulary_fits_the_model() -> None:
    tokenizer = tiny_tokenizer()

    assert tokenizer.vocab_size == tiny().language.vocab_size
    assert (tokenizer.begin_id, tokenizer.end_id) == (0, 1)


def test_captions_are_written_back_as_they_are() -> None:
    tokenizer = tiny_tokenizer()

    for index in range(30):
        caption = draw_scene(scene_rng(1, index), long_side=64).caption.text
        tokens = tokenizer.encode(caption)
        assert tokenizer.decode(tokens).text == caption
        assert len(tokens) == len(caption.split()) + caption.count(",")


def test_upper_case_is_folded_and_other_words_are_spelled() -> None:
    tokenizer = tiny_tokenizer()

    assert tokenizer.encode("The RED Car") == tokenizer.encode("the red car")
    tokens = tokenizer.encode("xylophone?")
    assert 2 not in tokens  # no unknown piece
    assert tokenizer.decode(tokens).text == "xylophone?"


def test_the_same_seed_gives_the_same_tokenizer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scene_tokenizer, "CORPUS_SCENES", 40)

    again = scene_tokenizer.train_tokenizer(tiny().language.vocab_size)

    assert again == tiny_tokenizer_model()


def test_a_word_in_pieces_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scene_tokenizer, "CORPUS_SCENES", 5)
    monkeypatch.setattr(scene_tokenizer, "REPEATED", 1)

    with pytest.raises(ValueError, match=r"not one piece each: .*umbrella"):
        scene_tokenizer.train_tokenizer(100)
