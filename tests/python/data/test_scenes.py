"""The synthetic scenes: same seed same scene, true boxes and masks, true and unique words."""

import re
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from pixelllm.data.scene_phrases import KINDS_OF_PHRASES, list_references
from pixelllm.data.scene_vocabulary import COLOURS, SETTINGS, SIZES, TEXTURES
from pixelllm.data.scene_words import CONTACTS, HELD_OUT_PAIRS, ORDINALS, RELATIONS, SUPERLATIVES
from pixelllm.data.scenes import (
    EVALUATION_STREAM,
    SAMPLES_STREAM,
    Scene,
    absent_phrase,
    corpus,
    draw_scene,
    scene_rng,
)
from pixelllm.data.things import ALL_KINDS, KINDS, NEW_KINDS
from tests.python.data.reading import caption_things, fitting


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return [draw_scene(scene_rng(11, index)) for index in range(240)]


@pytest.fixture(scope="module")
def held_out() -> list[Scene]:
    return [draw_scene(scene_rng(11, index), long_side=64, held_out=True) for index in range(200)]


def test_the_same_address_draws_the_same_scene() -> None:
    first, second = draw_scene(scene_rng(5, 3)), draw_scene(scene_rng(5, 3))

    assert np.array_equal(first.image, second.image)
    assert first.caption.text == second.caption.text
    assert first.references == second.references
    assert first.caption.narrative.to_json() == second.caption.narrative.to_json()


def test_another_index_seed_or_stream_draws_another_scene() -> None:
    images = [
        draw_scene(rng).image.tobytes()
        for rng in (
            scene_rng(5, 3),
            scene_rng(5, 4),
            scene_rng(6, 3),
            scene_rng(5, 3, EVALUATION_STREAM),
            scene_rng(5, 3, SAMPLES_STREAM),
        )
    ]

    assert len(set(images)) == 5


def test_the_long_side_is_as_asked_for() -> None:
    for long_side in (64, 97, 250):
        height, width, channels = draw_scene(scene_rng(1, 0), long_side=long_side).image.shape
        assert (max(height, width), channels) == (long_side, 3)


def test_every_trait_occurs(scenes: list[Scene]) -> None:
    things = [thing for scene in scenes for thing in scene.things]

    assert {scene.setting for scene in scenes} == set(SETTINGS)
    assert {len(scene.things) for scene in scenes} == set(range(1, 9))
    assert {thing.kind for thing in things} == set(KINDS)
    assert {thing.colour for thing in things} == set(COLOURS)
    assert {thing.texture for thing in things} == set(TEXTURES)
    assert {thing.size for thing in things} == set(SIZES)


def test_new_things_are_drawn_where_they_are_asked_for(scenes: list[Scene]) -> None:
    asked = [draw_scene(scene_rng(11, index), new_things=True) for index in range(60)]

    kinds = [thing.kind for scene in asked for thing in scene.things]
    assert set(kinds) > set(NEW_KINDS)
    assert sum(any(t.kind in NEW_KINDS for t in scene.things) for scene in asked) > 50
    assert sum(kind in KINDS for kind in kinds) > len(kinds) / 5
    assert not any(thing.kind in NEW_KINDS for scene in scenes for thing in scene.things)
    for scene in asked:
        named = set(re.findall("[a-z]+", scene.caption.text))
        for thing in scene.things:
            assert named & {thing.kind, ALL_KINDS[thing.kind].plural}


def test_every_form_of_phrase_occurs(scenes: list[Scene]) -> None:
    chosen = [reference for scene in scenes for reference in scene.references]
    text = " ".join(reference.text for reference in chosen)

    for words in (*SUPERLATIVES, *RELATIONS, *CONTACTS, *ORDINALS[:3], "from the left"):
        assert f" {words} " in text, words
    for kind in KINDS_OF_PHRASES:
        assert sum(r.kind == kind for r in chosen) > len(chosen) / 10


def test_boxes_are_tight_around_the_visible_pixels(scenes: list[Scene]) -> None:
    for scene in scenes:
        for thing in scene.things:
            x0, y0, x1, y1 = (int(edge) for edge in thing.box)
            assert thing.mask.shape == scene.image.shape[:2]
            assert thing.mask.sum() == thing.mask[y0:y1, x0:x1].sum()
            assert thing.mask[y0].any()
            assert thing.mask[y1 - 1].any()
            assert thing.mask[:, x0].any()
            assert thing.mask[:, x1 - 1].any()


def test_masks_do_not_share_pixels_and_are_large_enough_to_see(scenes: list[Scene]) -> None:
    for scene in scenes:
        masks = np.stack([thing.mask for thing in scene.things])
        assert masks.sum(axis=0).max() == 1
        assert masks.sum(axis=(1, 2)).min() >= 50


def test_no_thing_is_lost_in_the_smallest_picture() -> None:
    for index in range(40):
        small, large = (draw_scene(scene_rng(8, index), long_side=side) for side in (64, 256))
        assert len(small.things) == len(large.things)


def test_things_have_the_colour_they_are_said_to_have(scenes: list[Scene]) -> None:
    """In spite of shade, texture and light, it is one of the three that most pixels come near."""
    names = np.array(list(COLOURS))
    colours = np.array(list(COLOURS.values()), np.float64)
    right = []

    for scene in scenes[:100]:
        for thing in scene.things:
            pixels = scene.image[thing.mask].astype(np.float64)
            distance = np.linalg.norm(pixels[:, None] - colours, axis=2)
            votes = Counter(names[distance.argmin(axis=1)].tolist())
            right.append(thing.colour in [name for name, _ in votes.most_common(3)])

    assert np.mean(right) > 0.95


def test_things_are_from_left_to_right(scenes: list[Scene]) -> None:
    for scene in scenes:
        long_side = max(scene.image.shape)
        middles = [(thing.box[0] + thing.box[2]) / 2 / long_side for thing in scene.things]
        assert middles == sorted(middles)
        assert middles == [thing.centre[0] for thing in scene.things]


def test_every_phrase_fits_its_thing_and_no_other(scenes: list[Scene]) -> None:
    for scene in scenes:
        for reference in list_references(scene.things, scene.relations):
            assert fitting(reference.text, scene.things, scene.relations) == [reference.thing]


def test_phrases_are_chosen_without_repeats(scenes: list[Scene]) -> None:
    for scene in scenes:
        listed = {r.text.removeprefix("the ") for r in list_references(scene.things)}
        listed |= {
            r.text.removeprefix("the ") for r in list_references(scene.things, scene.relations)
        }
        texts = [reference.text.removeprefix("the ") for reference in scene.references]
        assert len(set(texts)) == len(texts) == min(4, len(listed))
        assert set(texts) <= listed


def test_as_many_phrases_are_chosen_as_asked_for() -> None:
    assert len(draw_scene(scene_rng(11, 0), max_references=7).references) == 7
    assert draw_scene(scene_rng(11, 0), max_references=0).references == ()


def test_relations_are_between_the_things_they_name(scenes: list[Scene]) -> None:
    """After sorting, the indices must still lead to what touches what."""
    for scene in scenes:
        for relation in scene.relations:
            thing, landmark = scene.things[relation.index], scene.things[relation.landmark]
            x0, y0, x1, y1 = (
                max(thing.box[0], landmark.box[0]),
                max(thing.box[1], landmark.box[1]),
                min(thing.box[2], landmark.box[2]),
                min(thing.box[3], landmark.box[3]),
            )
            assert x0 < x1
            assert y0 < y1 + 2  # what stands on a thing may end where it begins


def test_a_phrase_has_the_box_and_mask_of_its_thing(scenes: list[Scene]) -> None:
    for scene in scenes:
        for phrase, reference in zip(scene.sample.phrases, scene.references, strict=True):
            assert phrase.text == reference.text
            assert phrase.box == scene.things[reference.thing].box
            assert phrase.mask is scene.things[reference.thing].mask


def test_a_region_tells_its_thing_with_all_its_traits(scenes: list[Scene]) -> None:
    for scene in scenes:
        for region, thing in zip(scene.sample.regions, scene.things, strict=True):
            article, *traits = region.caption.split()
            assert region.box == thing.box
            assert article == "a"  # "small" and "large" take no other
            told = [thing.size, thing.texture, thing.colour, thing.kind]
            assert traits == [trait for trait in told if trait != "solid"]


def test_captions_tell_exactly_the_things(scenes: list[Scene]) -> None:
    for scene in scenes:
        told = caption_things(scene.caption.text)
        assert Counter(told) == Counter(thing.pair for thing in scene.things)
        assert scene.setting in scene.caption.text or scene.caption.text.startswith(("on ", "in "))


def test_captions_come_in_three_phrasings(scenes: list[Scene]) -> None:
    first_words = Counter(
        "side" if text.startswith(("on the", "in the")) else "with" if " with " in text else "list"
        for text in (scene.caption.text for scene in scenes)
    )

    assert set(first_words) == {"side", "with", "list"}
    assert min(first_words.values()) > len(scenes) / 8


def test_words_cover_the_caption_and_name_every_thing(scenes: list[Scene]) -> None:
    for scene in scenes:
        words = [scene.caption.text[word.start : word.end] for word in scene.caption.words]
        assert " ".join(words) == scene.caption.text
        assert len(scene.names) == len(words)
        for index, thing in enumerate(scene.things):
            named = [
                word.rstrip(",")
                for word, names in zip(words, scene.names, strict=True)
                if index in names
            ]
            assert named[-2] == thing.colour
            assert named[-1] in (thing.kind, KINDS[thing.kind].plural)


def test_a_naming_word_is_placed_around_its_things(scenes: list[Scene]) -> None:
    for scene in scenes:
        for word, names in zip(scene.caption.words, scene.names, strict=True):
            if not names:
                continue
            boxes = np.array([scene.things[index].box for index in names])
            box = np.concatenate([boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)])
            extent = np.tile(box[2:] - box[:2], 2)
            assert np.abs((np.array(word.box) - box) / extent).max() < 0.06


def test_held_out_pairs_are_drawn_only_on_request(
    scenes: list[Scene], held_out: list[Scene]
) -> None:
    asked = {thing.pair for scene in held_out for thing in scene.things}

    assert not any(thing.pair in HELD_OUT_PAIRS for scene in scenes for thing in scene.things)
    assert asked >= HELD_OUT_PAIRS
    assert asked - HELD_OUT_PAIRS
    shares = [any(thing.pair in HELD_OUT_PAIRS for thing in scene.things) for scene in held_out]
    assert np.mean(shares) > 0.98


@pytest.mark.parametrize("wanted", [False, True])
def test_an_absent_phrase_names_nothing_in_the_scene(scenes: list[Scene], wanted: bool) -> None:
    near = 0
    for index, scene in enumerate(scenes):
        phrase = absent_phrase(np.random.default_rng(index), scene, held_out=wanted)

        _, colour, kind = phrase.split()
        assert fitting(phrase, scene.things) == []
        assert ((colour, kind) in HELD_OUT_PAIRS) == wanted
        near += kind in [thing.kind for thing in scene.things]

    assert 0.35 < near / len(scenes) < 0.85  # or it would be enough to read the kind


def test_a_large_scene_reduced_is_the_small_scene() -> None:
    compared = 0
    for index in range(30):
        small = draw_scene(scene_rng(8, index))
        large = draw_scene(scene_rng(8, index), long_side=512)
        assert small.setting == large.setting
        assert sorted(_traits(small)) == sorted(_traits(large))
        height, width, _ = small.image.shape
        if large.image.shape[:2] != (4 * height, 4 * width):
            continue  # the short side was rounded to another fraction
        compared += 1
        reduced = np.asarray(Image.fromarray(large.image).reduce(4), np.float32)
        assert np.abs(reduced - small.image).mean() < 4.0
        if _traits(small) == _traits(large):  # else two are told in another order, see draw_scene
            for one, other in zip(small.things, large.things, strict=True):
                assert np.array(other.box) / 4 == pytest.approx(np.array(one.box), abs=2.0)
                assert (other.mask[2::4, 2::4] != one.mask).mean() < 0.02

    assert compared > 8


def _traits(scene: Scene) -> list[str]:
    return [thing.description for thing in scene.things]


def test_the_corpus_is_what_the_model_reads_and_writes() -> None:
    scene = draw_scene(scene_rng(3, 0))
    texts = list(corpus(scene_rng(3, 0), 1))

    assert scene.caption.text in texts
    assert {region.caption for region in scene.sample.regions} <= set(texts)
    assert {reference.text for reference in scene.references} <= set(texts)
    assert {f"where is {reference.text}" for reference in scene.references} <= set(texts)
    assert all(re.fullmatch("[a-z ,:]+", text) for text in texts)
