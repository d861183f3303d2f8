"""The tiny model's tokenizer, trained once per process in a fraction of the time."""

from functools import cache

import pytest

from pixelllm.model.config import tiny
from pixelllm.model.tokenizer import Tokenizer
from pixelllm.training import scene_tokenizer


@cache
def tiny_tokenizer_model() -> bytes:
    """The sentencepiece model; its words are those of the one that ships."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scene_tokenizer, "CORPUS_SCENES", 40)
        return scene_tokenizer.train_tokenizer(tiny().language.vocab_size)


def tiny_tokenizer() -> Tokenizer:
    """The tokenizer of that model."""
    return Tokenizer(tiny_tokenizer_model())
