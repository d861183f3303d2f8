"""The synthetic scenes: same seed same scene, true boxes, phrases that fit one object, a trace."""

import re
from itertools import islice, pairwise

import numpy as np
import pytest

from pixelllm.data.narrative import Narrative, utterance_boxes
from pixelllm.data.scene_phrases import KINDS, list_references
from pixelllm.data.scene_vocabulary import (
    CAPTION_PREFIX,
    COLOURS,
    DESCRIBE_PREFIX,
    HELD_OUT_PAIRS,
    LOCATE_PREFIX,
    SHAPES,
    SIZES,
    TEXTURES,
    VOCABULARY,
)
from pixelllm.data.scenes import (
    EVALUATION_STREAM,
    Scene,
    SceneObject,
    corpus,
    draw_scene,
    scene_rng,
)
from pixelllm.model.config import tiny


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return [draw_scene(scene_rng(11, index)) for index in range(200)]


def fitting(phrase: str, objects: tuple[SceneObject, ...]) -> list[int]:
    """The objects that a phrase fits, read word by word, without any margin."""
    if relation := re.fullmatch(
        r"the (\w+) (left of|right of|above|below) the (\w+) (\w+)", phrase
    ):
        shape, words, colour, other = relation.groups()
        (landmark,) = (o for o in objects if (o.colour, o.shape) == (colour, other))
        axis, sign = (0 if "of" in words else 1), (1 if words in ("left of", "above") else -1)
        return [
            index
            for index, o in enumerate(objects)
            if o.shape == shape and sign * (landmark.centre[axis] - o.centre[axis]) > 0
        ]
    words_said = phrase.removeprefix("the ").split()
    if words_said[0].endswith("most"):
        word, shape = words_said
        axis, sign = (0 if word[0] in "lr" else 1), (1 if word[0] in "lt" else -1)
        return [
            index
            for index, o in enumerate(objects)
            if o.shape == shape
            and all(
                sign * o.centre[axis] <= sign * rival.centre[axis]
                for rival in objects
                if rival.shape == shape
            )
        ]
    return [
        index
        for index, o in enumerate(objects)
        if set(words_said) <= {o.size, o.texture, o.colour, o.shape}
    ]


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
        )
    ]

    assert len(set(images)) == 4


def test_sides_keep_to_the_long_side_and_to_two_to_one(scenes: list[Scene]) -> None:
    sizes = [scene.image.shape for scene in scenes]
    ratios = np.array([width / height for height, width, _ in sizes])

    assert all(max(height, width) == 96 and channels == 3 for height, width, channels in sizes)
    assert ratios.min() >= 0.49
    assert ratios.max() <= 2.05
    assert (ratios < 0.75).any()
    assert (ratios > 1.35).any()
    assert 0.45 < ((ratios > 0.84) & (ratios < 1.19)).mean() < 0.75


def test_one_to_max_objects_with_every_trait(scenes: list[Scene]) -> None:
    objects = [o for scene in scenes for o in scene.objects]

    assert {len(scene.objects) for scene in scenes} == {1, 2, 3, 4, 5}
    assert {o.shape for o in objects} == set(SHAPES)
    assert {o.colour for o in objects} == set(COLOURS)
    assert {o.texture for o in objects} == set(TEXTURES)
    assert {o.size for o in objects} == set(SIZES)
    assert len(draw_scene(scene_rng(1, 1), max_objects=1).objects) == 1


def test_boxes_are_tight_around_the_visible_pixels(scenes: list[Scene]) -> None:
    for scene in scenes:
        for o in scene.objects:
            x0, y0, x1, y1 = (int(edge) for edge in o.box)
            assert o.mask.shape == scene.image.shape[:2]
            assert o.mask.sum() == o.mask[y0:y1, x0:x1].sum()
            assert o.mask[y0].any()
            assert o.mask[y1 - 1].any()
            assert o.mask[:, x0].any()
            assert o.mask[:, x1 - 1].any()


def test_masks_do_not_share_pixels_and_are_large_enough_to_see(scenes: list[Scene]) -> None:
    for scene in scenes:
        masks = np.stack([o.mask for o in scene.objects])
        assert masks.sum(axis=0).max() == 1
        assert masks.sum(axis=(1, 2)).min() >= 20


def test_objects_have_the_colour_they_are_said_to_have(scenes: list[Scene]) -> None:
    names = list(COLOURS)
    reference = np.array(list(COLOURS.values()), dtype=np.float64)

    for scene in scenes:
        for o in scene.objects:
            if o.texture == "solid":
                seen = np.median(scene.image[o.mask], axis=0)
                assert names[np.linalg.norm(reference - seen, axis=1).argmin()] == o.colour


def test_every_phrase_fits_its_object_and_no_other(scenes: list[Scene]) -> None:
    for scene in scenes:
        for reference in list_references(scene.objects):
            assert fitting(reference.text, scene.objects) == [reference.object], reference


def test_phrases_are_chosen_among_all_kinds_and_without_repeats(scenes: list[Scene]) -> None:
    chosen = [reference for scene in scenes for reference in scene.references]

    for scene in scenes:
        assert len({r.text for r in scene.references}) == len(scene.references)
        assert set(scene.references) <= set(list_references(scene.objects))
    for kind in KINDS:
        assert sum(r.kind == kind for r in chosen) > len(chosen) / 10


def test_a_phrase_has_the_box_and_mask_of_its_object(scenes: list[Scene]) -> None:
    for scene in scenes:
        for phrase, reference in zip(scene.sample.phrases, scene.references, strict=True):
            assert phrase.box == scene.objects[reference.object].box
            assert phrase.mask is scene.objects[reference.object].mask


def test_held_out_pairs_are_drawn_only_on_request(scenes: list[Scene]) -> None:
    held_out = [draw_scene(scene_rng(11, index), held_out=True) for index in range(60)]

    assert not any(o.pair in HELD_OUT_PAIRS for scene in scenes for o in scene.objects)
    assert all(any(o.pair in HELD_OUT_PAIRS for o in scene.objects) for scene in held_out)
    assert {o.pair for scene in held_out for o in scene.objects} >= HELD_OUT_PAIRS
    assert {pair[0] for pair in HELD_OUT_PAIRS} == set(COLOURS)
    assert {pair[1] for pair in HELD_OUT_PAIRS} == set(SHAPES)


def test_captions_name_the_objects_from_left_to_right(scenes: list[Scene]) -> None:
    for scene in scenes:
        centres = [o.centre[0] for o in scene.objects]
        named, background = scene.caption.text.split(" on a ")
        assert centres == sorted(centres)
        assert background == f"{scene.background} background"
        assert re.split(", | and ", named) == [f"a {o.description}" for o in scene.objects]


def test_words_cover_the_caption_and_name_their_objects(scenes: list[Scene]) -> None:
    for scene in scenes:
        words = [scene.caption.text[word.start : word.end] for word in scene.caption.words]
        assert " ".join(words) == scene.caption.text
        assert len(scene.names) == len(words)
        for index, o in enumerate(scene.objects):
            named = [w for w, name in zip(words, scene.names, strict=True) if name == index]
            assert " ".join(named).rstrip(",") == o.description


def test_a_naming_word_is_placed_on_its_object(scenes: list[Scene]) -> None:
    for scene in scenes:
        for word, name in zip(scene.caption.words, scene.names, strict=True):
            if name is None:
                continue
            box = np.array(scene.objects[name].box)
            extent = np.tile(box[2:] - box[:2], 2)
            assert np.abs((np.array(word.box) - box) / extent).max() < 0.06


def test_the_trace_is_spoken_in_time(scenes: list[Scene]) -> None:
    for scene in scenes:
        narrative = scene.caption.narrative
        times = np.concatenate(narrative.traces)[:, 2]
        spans = [(u.start_time, u.end_time) for u in narrative.timed_caption]
        assert (np.diff(times) >= 0).all()
        assert times[0] >= spans[0][0]
        assert times[-1] <= spans[-1][1]
        assert all(start < end for start, end in spans)
        assert all(end <= after for (_, end), (after, _) in pairwise(spans))


def test_a_narrative_survives_its_published_form() -> None:
    caption = draw_scene(scene_rng(2, 2)).caption

    read = Narrative.from_json(caption.narrative.to_json())

    assert " ".join(u.utterance for u in read.timed_caption) == caption.text == read.caption
    assert np.array_equal(utterance_boxes(read), utterance_boxes(caption.narrative))


def test_the_place_of_an_utterance_is_the_trace_spoken_meanwhile() -> None:
    narrative = Narrative.from_json(
        {
            "caption": "one two",
            "timed_caption": [
                {"utterance": "one", "start_time": 0.0, "end_time": 1.0},
                {"utterance": "two", "start_time": 1.5, "end_time": 3.0},
            ],
            "traces": [
                [{"x": 0.2, "y": 0.4, "t": 0.0}, {"x": 0.6, "y": 0.4, "t": 2.0}],
                [{"x": 0.6, "y": 1.4, "t": 3.0}],
            ],
        }
    )

    assert utterance_boxes(narrative) == pytest.approx(
        np.array([[0.2, 0.4, 0.4, 0.4], [0.5, 0.4, 0.6, 1.0]])
    )


def test_a_large_scene_reduced_is_the_small_scene() -> None:
    for index in range(20):
        small = draw_scene(scene_rng(8, index))
        large = draw_scene(scene_rng(8, index), long_side=384)
        height, width = small.image.shape[:2]
        if large.image.shape[:2] != (4 * height, 4 * width):
            continue  # the short side was rounded to another fraction
        reduced = large.image.reshape(height, 4, width, 4, 3).mean(axis=(1, 3))
        assert small.caption.text == large.caption.text
        assert np.abs(reduced - small.image).mean() < 4.0


def test_the_corpus_has_the_prefixes_that_the_tiny_model_reads() -> None:
    read = tiny().prefixes

    assert read.caption == CAPTION_PREFIX
    assert read.describe == DESCRIBE_PREFIX
    assert read.locate == f"{LOCATE_PREFIX} {{phrase}}"


def test_the_corpus_says_every_word_and_no_other() -> None:
    texts = list(islice(corpus(scene_rng(0, 0), 400), 5000))

    assert {word for text in texts for word in re.findall("[a-z]+", text)} == set(VOCABULARY)
    assert set("".join(texts)) - set("abcdefghijklmnopqrstuvwxyz ") == {",", ":"}
