"""Targets of every kind of text: what is taught of a sample, and where it is."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from pixelllm.data.sample import Caption, Phrase, Region, Sample, WordPlace
from pixelllm.data.scenes import draw_scene, scene_rng
from pixelllm.model.config import PixelLLMConfig, Prefixes, tiny
from pixelllm.model.tokenizer import Tokenizer
from pixelllm.model.wordpiece import WordPieces
from pixelllm.training.target_building import SampleError, TargetBuilder, Targets, Text, says_side
from pixelllm.training.targets import (
    TargetOptions,
    caption_targets,
    evaluated,
    exchange_targets,
    mask_targets,
    phrase_targets,
    region_targets,
    trace_targets,
)
from pixelllm.training.transforms import FrameOptions
from tests.python.goldens import FOLDER
from tests.python.model.word_pieces import PIECES
from tests.python.tokenizers import tiny_tokenizer
from tests.python.training.samples import (
    HEIGHT,
    WIDTH,
    asked,
    captioned,
    image,
    referred,
    regions,
    spoken,
    written,
)

CONFIG = PixelLLMConfig(image_size=64)  # as wide as the samples: at scale 1 they keep their pixels
SIDE = CONFIG.image_size
WHOLE = FrameOptions()
KINDS = (
    trace_targets(),
    caption_targets(),
    phrase_targets(),
    mask_targets(),
    region_targets(),
    exchange_targets(),
)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.load(FOLDER / "tiny_t5like_spm.model")


def build(sample: Sample, options: TargetOptions, tokenizer: Tokenizer, seed: int = 0) -> Targets:
    return TargetBuilder(CONFIG, tokenizer, options).build(sample, np.random.default_rng(seed))


def text_of(tokenizer: Tokenizer, tokens: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> str:
    return tokenizer.decode([token for token in tokens.tolist() if token > 1]).text


def test_words_with_places_give_them_to_their_tokens(tokenizer: Tokenizer) -> None:
    targets = build(written(), trace_targets(), tokenizer)

    starts = tokenizer.starts("a red car")
    assert text_of(tokenizer, targets.tokens[0]) == "a red car"
    assert targets.tokens[0, 0] == tokenizer.begin_id
    for row, start in enumerate(starts, start=1):
        left = {0: 0, 2: 10, 3: 10, 4: 10}.get(start, 20)
        assert targets.corners[0, row].tolist() == [[left, 0], [left + 10, 10]]
    assert not targets.corners[0, len(starts) + 1 :].any()
    assert not targets.corners[0, 0].any()


def test_words_with_places_give_them_to_word_pieces_too() -> None:
    pieces = WordPieces(PIECES)
    tokenizer = Tokenizer(pieces, pieces.begin_id, pieces.end_id)
    words = written().captions[0].words
    sample = Sample(image(), captions=(Caption("A DOG car", words),))

    targets = build(sample, trace_targets(), tokenizer)

    lefts = targets.corners[0, :, 0, 0].tolist()
    places = [pieces_at for pieces_at in lefts if pieces_at]
    assert targets.tokens[0, 0] == pieces.begin_id
    assert lefts[1] == 0
    assert lefts[2] == 10
    assert set(places) == {10, 20}


def test_spoken_words_are_where_the_pointer_was(tokenizer: Tokenizer) -> None:
    targets = build(spoken(), trace_targets(), tokenizer)

    count = len(tokenizer.encode("two cars"))
    lefts, rights = targets.corners[0, 1 : count + 1, 0, 0], targets.corners[0, 1 : count + 1, 1, 0]
    assert set(lefts.tolist()) == {0, WIDTH / 2}
    assert set(rights.tolist()) == {WIDTH / 2, WIDTH}
    assert (targets.corners[0, 1 : count + 1, :, 1] == HEIGHT / 2).all()


def test_spoken_words_can_keep_the_places_that_were_found_for_them(tokenizer: Tokenizer) -> None:
    words = (WordPlace(0, 3, (1, 2, 11, 12)), WordPlace(4, 8, (21, 22, 31, 32)))
    caption = dataclasses.replace(spoken().captions[0], words=words)
    sample = Sample(image(), captions=(caption,))

    targets = build(sample, trace_targets(spoken="by_words"), tokenizer)

    count = len(tokenizer.encode(caption.text))
    places = targets.corners[0, 1 : count + 1].reshape(count, 4).tolist()
    second = tokenizer.starts(caption.text).index(4)
    assert places == [[1, 2, 11, 12]] * second + [[21, 22, 31, 32]] * (count - second)


def test_long_text_loses_its_end_and_keeps_places(tokenizer: Tokenizer) -> None:
    targets = build(written(), trace_targets(text_tokens=4), tokenizer)

    whole = tokenizer.encode_text("a red car")
    assert targets.tokens[0].tolist() == whole[:4]
    assert targets.corners[0, 3].any()


def test_one_caption_of_several_is_drawn(tokenizer: Tokenizer) -> None:
    sample = captioned("a dog", "a man", "the bench")

    drawn = {
        text_of(tokenizer, build(sample, caption_targets(), tokenizer, seed).tokens[0])
        for seed in range(30)
    }

    assert drawn == {"a dog", "a man", "the bench"}


def test_prefix_is_drawn_for_every_text(tokenizer: Tokenizer) -> None:
    options = caption_targets(count=2, prefixes=("a dog", "a man", "where is "))
    sample = captioned("one", "two")

    contexts = [build(sample, options, tokenizer, seed).context.tolist() for seed in range(40)]

    rows = [[*tokenizer.encode_prefix(prefix), *[0] * 8][:8] for prefix in options.prefixes]
    assert {tuple(map(tuple, pair)) for pair in contexts} == {
        (tuple(a), tuple(b)) for a in rows for b in rows
    }


@pytest.mark.parametrize(
    ("options", "prefix"),
    [
        (caption_targets(prefixes=()), "the caption"),
        (phrase_targets(prefixes=()), "look for a dog now"),
        (region_targets(prefixes=()), "the object"),
    ],
)
def test_model_reads_its_own_prefixes_where_none_are_given(
    options: TargetOptions, prefix: str, tokenizer: Tokenizer
) -> None:
    own = Prefixes(caption="the caption", describe="the object", locate="look for {phrase} now")
    config = dataclasses.replace(CONFIG, prefixes=own)
    region = Region((0, 0, 40, 40), "a dog")
    sample = Sample(
        image(),
        captions=(Caption("a dog"),),
        phrases=(Phrase("a dog", region.box),),
        regions=(region,),
    )

    options = dataclasses.replace(options, context_tokens=40, frame=WHOLE)
    targets = TargetBuilder(config, tokenizer, options).build(sample, np.random.default_rng(0))

    assert text_of(tokenizer, targets.context[0]) == prefix


def test_phrase_is_asked_for_and_read(tokenizer: Tokenizer) -> None:
    sample = referred("the dog", "the man")

    targets = build(sample, phrase_targets(choose="first", frame=WHOLE), tokenizer)

    assert text_of(tokenizer, targets.context[1]) == "where is the man"
    assert text_of(tokenizer, targets.tokens[1]) == "the man"
    assert targets.boxes[:3].tolist() == [[0, 0, 8, 16], [8, 0, 16, 16], [0] * 4]
    assert targets.labels.tolist() == [1, 1, *[0] * 14]
    assert not targets.corners.any()
    assert not targets.context[2:].any()
    assert not targets.tokens[2:].any()


def test_more_phrases_than_there_is_room_for_take_turns(tokenizer: Tokenizer) -> None:
    sample = referred("a dog", "a man", "a tree", "a bench")
    options = phrase_targets(count=2, frame=WHOLE)

    seen = set()
    for seed in range(40):
        targets = build(sample, options, tokenizer, seed)
        texts = [text_of(tokenizer, row) for row in targets.tokens]
        assert len(set(texts)) == 2
        for text, box in zip(texts, targets.boxes.tolist(), strict=True):
            number = [phrase.text for phrase in sample.phrases].index(text)
            assert box[0] == 8 * number  # a phrase keeps its box
        seen.update(texts)

    assert len(seen) == 4


def cropped(sample: Sample, tokenizer: Tokenizer, *, release_bugs: bool) -> list[Targets]:
    """Of many seeds, the targets in which a crop has left some of four phrases, but not all."""
    options = phrase_targets(
        count=4,
        choose="first",
        frame=FrameOptions(scale=(3.0, 3.0)),
        release_bugs=release_bugs,
    )
    found = [build(sample, options, tokenizer, seed) for seed in range(200)]
    return [targets for targets in found if 0 < targets.labels.sum() < 4]


def test_phrase_outside_the_crop_goes_with_all_that_is_its_own(tokenizer: Tokenizer) -> None:
    sample = referred("a dog", "a man", "a tree", "a bench")

    some = cropped(sample, tokenizer, release_bugs=False)

    assert some
    for targets in some:
        for row in range(int(targets.labels.sum())):
            phrase = text_of(tokenizer, targets.tokens[row])
            assert text_of(tokenizer, targets.context[row]) == f"where is {phrase}"
            assert targets.boxes[row].any()


def test_release_leaves_prefixes_behind(tokenizer: Tokenizer) -> None:
    sample = referred("a dog", "a man", "a tree", "a bench")

    some = cropped(sample, tokenizer, release_bugs=True)

    for targets in some:
        asked_for = [text_of(tokenizer, row) for row in targets.context]
        assert asked_for == [f"where is {phrase.text}" for phrase in sample.phrases]
    shifted = [t for t in some if text_of(tokenizer, t.tokens[0]) != "a dog"]
    assert shifted  # and asks for the first phrase there


def test_masks_come_with_their_phrases(tokenizer: Tokenizer) -> None:
    whole = referred("a dog", "a man", masks=True)
    boxless = Phrase("a tree", (0, 0, 9, 9))
    sample = dataclasses.replace(whole, phrases=(boxless, *whole.phrases))

    targets = build(sample, mask_targets(frame=WHOLE, choose="first", count=3), tokenizer)

    assert targets.masks is not None
    assert targets.masks.shape == (3, SIDE, SIDE)
    assert targets.labels.tolist() == [1, 1, 0]  # the phrase without a mask is left out
    for row, phrase in enumerate(whole.phrases):
        assert phrase.mask is not None
        assert np.array_equal(targets.masks[row, :HEIGHT, :WIDTH], phrase.mask)
        assert not targets.masks[row, HEIGHT:].any()
    assert not targets.masks[2].any()


def test_region_is_named_behind_a_prefix(tokenizer: Tokenizer) -> None:
    targets = build(regions("a dog", "a man"), region_targets(frame=WHOLE, count=3), tokenizer)

    prefix = [*tokenizer.encode_prefix("an object of "), *[0] * 8][:8]
    assert text_of(tokenizer, targets.tokens[1]) == "a man"
    assert targets.context.tolist() == [prefix] * 3
    assert targets.prompts.tolist() == [[0, 0, WIDTH, HEIGHT]] * 3


def test_model_is_asked_to_look_at_the_object(tokenizer: Tokenizer) -> None:
    options = region_targets(frame=WHOLE, count=3, prompt="object")

    targets = build(regions("a dog", "a man"), options, tokenizer)

    assert targets.prompts.tolist() == [[0, 0, 8, 16], [8, 0, 16, 16], [0] * 4]


def test_prompts_are_dropped_as_often_as_asked(tokenizer: Tokenizer) -> None:
    options = region_targets(frame=WHOLE, prompt_drop=0.3)

    kept = [
        build(regions("a dog"), options, tokenizer, seed).prompts.any(axis=1).mean()
        for seed in range(20)
    ]

    assert np.mean(kept) == pytest.approx(0.7, abs=0.03)


def test_question_comes_before_its_answer(tokenizer: Tokenizer) -> None:
    targets = build(asked(), exchange_targets(choose="first"), tokenizer)

    question = tokenizer.encode_prefix("Question: what is redAnswer: ")
    assert targets.context[0, : len(question)].tolist() == question[:32]
    assert text_of(tokenizer, targets.tokens[0]) == "a car"
    assert targets.labels.sum() == 2
    assert not targets.context[2:].any()


def test_first_regions_that_are_left_are_taken(tokenizer: Tokenizer) -> None:
    empty = Region((30, 30, 30, 40), "a line")  # of no width
    whole = regions("a dog", "a man", "a tree")
    sample = dataclasses.replace(whole, regions=(empty, *whole.regions))

    targets = build(sample, region_targets(frame=WHOLE, count=2), tokenizer)

    assert [text_of(tokenizer, row) for row in targets.tokens] == ["a dog", "a man"]


@pytest.mark.parametrize("options", KINDS)
def test_sample_that_says_nothing_teaches_nothing(
    options: TargetOptions, tokenizer: Tokenizer
) -> None:
    targets = build(Sample(image(), id="silent"), options, tokenizer)

    assert targets.labels.tolist() == [0] * options.count
    assert targets.tokens.shape == (options.count, options.text_tokens)
    assert targets.context.shape == (options.count, options.context_tokens)
    assert not targets.tokens.any()
    assert not targets.boxes.any()
    assert not targets.corners.any()
    assert targets.image.any()


@pytest.mark.parametrize(
    "text", ["the left dog", "man on the Right.", "leftmost cup", "right-hand"]
)
def test_text_that_says_a_side_is_not_mirrored(text: str, tokenizer: Tokenizer) -> None:
    options = region_targets(frame=FrameOptions(flip=1.0))
    sample = regions("a dog", text)

    kept = build(sample, options, tokenizer)
    released = build(sample, dataclasses.replace(options, release_bugs=True), tokenizer)

    assert says_side(Text(text))
    assert kept.boxes[0].tolist() == [0, 0, 8, 16]
    assert released.boxes[0].tolist() == [WIDTH - 8, 0, WIDTH, 16]


@pytest.mark.parametrize("text", ["a leftover pie", "a righteous man", "bright dog", "the top cup"])
def test_text_that_says_no_side_is_mirrored(text: str, tokenizer: Tokenizer) -> None:
    targets = build(regions(text), region_targets(frame=FrameOptions(flip=1.0)), tokenizer)

    assert not says_side(Text(text))
    assert targets.boxes[0].tolist() == [WIDTH - 8, 0, WIDTH, 16]


@pytest.mark.parametrize("options", KINDS)
def test_evaluation_leaves_nothing_to_chance(options: TargetOptions, tokenizer: Tokenizer) -> None:
    sample = draw_scene(scene_rng(1, 1), long_side=80).sample

    one, other = (build(sample, evaluated(options), tokenizer, seed) for seed in (1, 2))

    for field in dataclasses.fields(Targets):
        assert np.array_equal(getattr(one, field.name), getattr(other, field.name)), field.name


@pytest.mark.parametrize("options", KINDS)
def test_seed_alone_decides(options: TargetOptions, tokenizer: Tokenizer) -> None:
    sample = draw_scene(scene_rng(1, 2), long_side=80).sample

    one, other = (build(sample, options, tokenizer, 5) for _ in range(2))

    for field in dataclasses.fields(Targets):
        assert np.array_equal(getattr(one, field.name), getattr(other, field.name)), field.name


def test_scene_is_taught_with_the_places_of_its_words() -> None:
    """The words of the tiny model's own world, read by its own tokenizer."""
    scene = draw_scene(scene_rng(3, 4), long_side=200)
    config, tokenizer = tiny(), tiny_tokenizer()
    caption = Caption(scene.caption.text, scene.caption.words)
    options = trace_targets(prefixes=(), frame=FrameOptions(scale=(1.0, 1.0)))

    sample = Sample(scene.image, captions=(caption,))
    targets = TargetBuilder(config, tokenizer, options).build(sample, np.random.default_rng(0))

    scale = targets.valid_size[::-1] / (scene.image.shape[1], scene.image.shape[0])
    text = tokenizer.decode([token for token in targets.tokens[0].tolist() if token > 1])
    assert text.text == caption.text
    for row, (start, _) in enumerate(text.spans, start=1):
        word = next(word for word in caption.words if word.start <= start < word.end)
        expected = np.array(word.box).reshape(2, 2) * scale
        assert targets.corners[0, row] == pytest.approx(expected, abs=1e-3)


def test_question_that_says_a_side_is_not_mirrored(tokenizer: Tokenizer) -> None:
    asked_about = Text("a dog", question="what is on the left")
    assert says_side(asked_about)
    assert not says_side(dataclasses.replace(asked_about, question="what is it"))


@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 1), (4, 4, 4), (0, 4, 3)])
def test_image_that_is_none_in_colour_is_refused(
    shape: tuple[int, ...], tokenizer: Tokenizer
) -> None:
    sample = Sample(np.zeros(shape, np.uint8), id="set/7")

    with pytest.raises(SampleError, match=r"set/7: its image has to be \[H, W, 3\]"):
        build(sample, trace_targets(), tokenizer)


def test_mask_of_another_size_than_its_image_is_refused(tokenizer: Tokenizer) -> None:
    phrase = Phrase("a dog", (0, 0, 4, 4), np.ones((HEIGHT, WIDTH + 1), bool))
    sample = Sample(image(), phrases=(phrase,), id="set/7")

    with pytest.raises(SampleError, match=r"set/7: a mask is \[48, 65\], and its image \[48, 64\]"):
        build(sample, mask_targets(), tokenizer)
