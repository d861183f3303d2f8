"""The scores of answers about scenes: right ones are perfect, wrong ones cost what they should."""

import dataclasses

import numpy as np
import pytest

from pixelllm.contract import Word
from pixelllm.data.scenes import Scene, draw_scene, scene_rng
from pixelllm.evaluation.scene_scores import (
    CaptionScores,
    DescribeScores,
    LocateScores,
    WordScores,
    round_figures,
)
from pixelllm.evaluation.scene_texts import NamedObject, named_objects


@pytest.fixture(scope="module")
def scene() -> Scene:
    """A scene of five objects, two of which have the same shape."""
    scenes = (draw_scene(scene_rng(21, index), long_side=192) for index in range(1000))
    return next(s for s in scenes if len(s.objects) == 5 and len({o.shape for o in s.objects}) == 4)


def true_words(scene: Scene, shift: tuple[float, float] = (0.0, 0.0)) -> list[Word]:
    """The caption's words, the naming ones in the middle of their objects, moved by `shift`."""
    words = []
    for place, name in zip(scene.caption.words, scene.names, strict=True):
        box = place.box if name is None else scene.objects[name].box
        text = scene.caption.text[place.start : place.end].rstrip(",")
        point = ((box[0] + box[2]) / 2 + shift[0], (box[1] + box[3]) / 2 + shift[1])
        words.append(
            Word(text=text, start=place.start, end=place.end, point=point, box=box, score=1.0)
        )
    return words


def test_a_text_is_read_object_by_object() -> None:
    text = "a large striped red circle, a small ring and a blue on a sand background star"

    assert named_objects(text) == [
        NamedObject("large", "striped", "red", "circle"),
        NamedObject("small", "solid", None, "ring"),
        NamedObject(None, "solid", "blue", "star"),
    ]


def test_backgrounds_are_no_colours() -> None:
    assert named_objects("a heart on a pink background") == [
        NamedObject(None, "solid", None, "heart")
    ]


def test_true_captions_are_perfect(scene: Scene) -> None:
    scores = CaptionScores()

    scores.add(scene, scene.caption.text)

    assert scores.report() == {
        "object_f1": 1.0,
        "object_precision": 1.0,
        "object_recall": 1.0,
        "object_f1_image": 1.0,
        "exact": 1.0,
        "captions": 1,
    }


def test_a_caption_that_misses_objects_loses_recall(scene: Scene) -> None:
    scores = CaptionScores()
    first = scene.objects[0]

    scores.add(scene, f"a {first.description} on a {scene.background} background")

    report = scores.report()
    assert report["object_precision"] == 1.0
    assert report["object_recall"] == pytest.approx(1 / 5)
    assert report["object_f1"] == pytest.approx(2 / 6)
    assert report["exact"] == 0.0


def test_words_in_the_middle_of_their_objects_have_no_error(scene: Scene) -> None:
    scores = WordScores()

    scores.add(scene, true_words(scene), true_words(scene))

    report = scores.report()
    assert report["forced_error_percent"] == pytest.approx(0.0, abs=1e-9)
    assert report["written_share"] == 1.0
    assert report["words"] == sum(name is not None for name in scene.names)


def test_a_word_beside_its_object_errs_by_its_share_of_the_diagonal(scene: Scene) -> None:
    scores = WordScores()
    height, width, _ = scene.image.shape

    scores.add(scene, true_words(scene, (3.0, 4.0)), [])

    report = scores.report()
    assert report["forced_error_percent"] == pytest.approx(500.0 / np.hypot(width, height))
    assert report["written_error_percent"] is None
    assert report["written_share"] == 0.0


def test_a_wrong_written_word_is_left_out(scene: Scene) -> None:
    scores = WordScores()
    words = true_words(scene)
    first = next(i for i, name in enumerate(scene.names) if name is not None)
    wrong = true_words(scene)
    wrong[first]["text"] = "wrong"

    scores.add(scene, words, wrong)

    naming = sum(name is not None for name in scene.names)
    assert scores.report()["written_share"] == pytest.approx((naming - 1) / naming)


def test_led_words_must_be_the_captions(scene: Scene) -> None:
    with pytest.raises(ValueError, match="led words"):
        WordScores().add(scene, true_words(scene)[1:], [])


def test_a_description_is_exact_in_part_or_in_whole(scene: Scene) -> None:
    truth = scene.objects[0]
    other_size = "small" if truth.size == "large" else "large"
    scores = DescribeScores()

    for caption in (
        f"a {truth.description}",
        f"a {truth.description.replace(truth.size, other_size)}",
        f"a {truth.description} and a {truth.description}",
        "a",
    ):
        scores.add(truth, caption)

    assert scores.report() == {"pair_exact": 0.5, "all_exact": 0.25, "objects": 4}


def test_true_boxes_are_found_and_compared_with_chance(scene: Scene) -> None:
    scores = LocateScores()

    for number, reference in enumerate(scene.references):
        scores.add(scene, number, scene.objects[reference.object].box)

    report = scores.report()
    several = report["several_objects"]
    assert several == report["all"]
    assert several == {
        "p50": 1.0,
        "baseline_p50": pytest.approx(1 / 5),
        "iou": 1.0,
        "phrases": len(scene.references),
    }


def test_phrases_are_grouped_by_kind_and_by_rivals(scene: Scene) -> None:
    scores = LocateScores()

    for number, reference in enumerate(scene.references):
        box = scene.objects[reference.object].box
        scores.add(scene, number, box if reference.kind == "attribute" else (0, 0, 1, 1))

    report = scores.report()
    for kind in ("attribute", "superlative", "relation"):
        group = report[kind]
        assert isinstance(group, dict)
        assert group["phrases"] == sum(r.kind == kind for r in scene.references)
        if group["phrases"]:
            assert group["p50"] == (1.0 if kind == "attribute" else 0.0)
    rivals = report["several_of_a_kind"]
    assert isinstance(rivals, dict)
    shapes = [o.shape for o in scene.objects]
    assert rivals["phrases"] == sum(
        shapes.count(scene.objects[r.object].shape) > 1 for r in scene.references
    )


def test_a_single_object_counts_in_all_and_not_among_several() -> None:
    scene = draw_scene(scene_rng(3, 0), max_objects=1)
    scores = LocateScores()

    scores.add(scene, 0, dataclasses.astuple(scene.objects[0])[4])

    report = scores.report()
    assert report["all"] == {"p50": 1.0, "baseline_p50": 1.0, "iou": 1.0, "phrases": 1}
    assert report["several_objects"] == {
        "p50": None,
        "baseline_p50": None,
        "iou": None,
        "phrases": 0,
    }


def test_rounding_keeps_counts_and_nesting() -> None:
    assert round_figures({"a": 0.123456, "b": {"c": 2, "d": None}, "e": "x"}) == {
        "a": 0.1235,
        "b": {"c": 2, "d": None},
        "e": "x",
    }
