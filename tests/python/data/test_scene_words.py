"""The words of scenes: pairs that are held out, and a vocabulary that is what is said."""

import re
from collections import Counter
from itertools import islice

from pixelllm.data.scene_vocabulary import COLOURS
from pixelllm.data.scene_words import (
    CAPTION_PREFIX,
    DESCRIBE_PREFIX,
    HELD_OUT_PAIRS,
    LOCATE_PREFIX,
    NUMBERS,
    ORDINALS,
    VOCABULARY,
)
from pixelllm.data.scenes import corpus, scene_rng
from pixelllm.data.things import KINDS
from pixelllm.model.config import tiny


def test_one_pair_of_every_kind_is_held_out_and_every_colour_as_often() -> None:
    colours = Counter(colour for colour, _ in HELD_OUT_PAIRS)

    assert sorted(kind for _, kind in HELD_OUT_PAIRS) == sorted(KINDS)
    assert set(colours) == set(COLOURS)
    assert set(colours.values()) == {len(KINDS) // len(COLOURS)}


def test_every_word_has_one_meaning() -> None:
    assert len(set(VOCABULARY)) == len(VOCABULARY)
    assert all(word.isalpha() and word.islower() for word in VOCABULARY)
    plurals = [kind.plural for kind in KINDS.values()]
    words = [*COLOURS, *KINDS, *plurals, *NUMBERS, *ORDINALS]
    assert len(set(words)) == len(words)


def test_the_corpus_has_the_prefixes_that_the_tiny_model_reads() -> None:
    read = tiny().prefixes

    assert read.caption == CAPTION_PREFIX
    assert read.describe == DESCRIBE_PREFIX
    assert read.locate == f"{LOCATE_PREFIX} {{phrase}}"


def test_the_corpus_says_no_word_beside_the_vocabulary() -> None:
    texts = list(islice(corpus(scene_rng(0, 0), 200), 4000))

    said = {word for text in texts for word in re.findall("[a-z]+", text)}
    assert said <= set(VOCABULARY)
    rare = {*NUMBERS[2:], *ORDINALS[2:], *(kind.plural for kind in KINDS.values())}
    assert set(VOCABULARY) - said <= rare
    assert set("".join(texts)) - set("abcdefghijklmnopqrstuvwxyz ") == {",", ":"}
