"""The scores of answers about scenes: right ones are perfect, wrong ones cost what they should."""

from collections.abc import Mapping

import numpy as np
import pytest

from pixelllm.contract import Word
from pixelllm.data.scene_phrases import KINDS_OF_PHRASES
from pixelllm.data.scenes import Scene, draw_scene, scene_rng
from pixelllm.evaluation.scene_scores import (
    CaptionScores,
    DenseScores,
    DescribeScores,
    LocateScores,
    Report,
    WordScores,
    round_figures,
)


@pytest.fixture(scope="module")
def scene() -> Scene:
    """A scene of five things, two of them of one kind, two told together, none in one another."""
    scenes = (draw_scene(scene_rng(21, index), long_side=192) for index in range(3000))
    return next(
        s
        for s in scenes
        if len(s.things) == 5
        and len({o.kind for o in s.things}) == 4
        and len({o.pair for o in s.things}) == 4
        and all(len(names) < 3 for names in s.names)
        and len({r.kind for r in s.references}) > 1
    )


def true_words(scene: Scene, shift: tuple[float, float] = (0.0, 0.0)) -> list[Word]:
    """The caption's words, the naming ones in the middle of their things, moved by `shift`."""
    words = []
    for place, names in zip(scene.caption.words, scene.names, strict=True):
        boxes = np.array([scene.things[index].box for index in names] or [place.box])
        x0, y0 = boxes[:, :2].min(axis=0).tolist()
        x1, y1 = boxes[:, 2:].max(axis=0).tolist()
        text = scene.caption.text[place.start : place.end].rstrip(",")
        point = ((x0 + x1) / 2 + shift[0], (y0 + y1) / 2 + shift[1])
        box = (x0, y0, x1, y1)
        words.append(
            Word(text=text, start=place.start, end=place.end, point=point, box=box, score=1.0)
        )
    return words


def group(report: Report, name: str) -> Mapping[str, object]:
    found = report[name]
    assert isinstance(found, dict)
    return found


def test_true_captions_are_perfect(scene: Scene) -> None:
    scores = CaptionScores()

    scores.add(scene, scene.caption.text)

    assert scores.report() == {
        "thing_f1": 1.0,
        "thing_precision": 1.0,
        "thing_recall": 1.0,
        "thing_f1_image": 1.0,
        "exact": 1.0,
        "captions": 1,
    }


def test_a_true_caption_in_another_phrasing_is_not_exact_but_right(scene: Scene) -> None:
    scores = CaptionScores()
    told = ", ".join(f"a {o.colour} {o.kind}" for o in scene.things)

    scores.add(scene, f"{told} somewhere")

    report = scores.report()
    assert (report["thing_f1"], report["exact"]) == (1.0, 0.0)


def test_a_caption_that_misses_things_loses_recall(scene: Scene) -> None:
    scores = CaptionScores()
    first = scene.things[0]

    scores.add(scene, f"a {first.description} on a street")

    report = scores.report()
    assert report["thing_precision"] == 1.0
    assert report["thing_recall"] == pytest.approx(1 / 5)
    assert report["thing_f1"] == pytest.approx(2 / 6)
    assert report["exact"] == 0.0


def test_a_caption_that_counts_wrong_loses_precision(scene: Scene) -> None:
    scores = CaptionScores()
    extra = scene.things[0]

    scores.add(scene, f"{scene.caption.text}, a {extra.colour} {extra.kind}")

    report = scores.report()
    assert report["thing_recall"] == 1.0
    assert report["thing_precision"] == pytest.approx(5 / 6)


def test_captions_are_counted_together_and_image_by_image(scene: Scene) -> None:
    scores = CaptionScores()

    scores.add(scene, scene.caption.text)
    scores.add(scene, "nothing")

    report = scores.report()
    assert report["thing_f1"] == pytest.approx(2 * 5 / (5 + 10))
    assert report["thing_f1_image"] == pytest.approx((1.0 + 0.0) / 2)
    assert report["captions"] == 2


def test_words_in_the_middle_of_their_things_have_no_error(scene: Scene) -> None:
    scores = WordScores()

    scores.add(scene, true_words(scene))

    report = scores.report()
    assert report["error_percent"] == pytest.approx(0.0, abs=1e-9)
    assert report["words"] == sum(bool(names) for names in scene.names)


def test_a_word_beside_its_things_errs_by_its_share_of_the_diagonal(scene: Scene) -> None:
    scores = WordScores()
    height, width, _ = scene.image.shape

    scores.add(scene, true_words(scene, (3.0, 4.0)))

    percent = 500.0 / np.hypot(width, height)
    assert scores.report()["error_percent"] == pytest.approx(percent)
    assert scores.report()["error_p95_percent"] == pytest.approx(percent)


def test_words_that_name_nothing_may_be_anywhere(scene: Scene) -> None:
    scores = WordScores()
    words = true_words(scene)
    for word, names in zip(words, scene.names, strict=True):
        if not names:
            word["point"] = (-1000.0, 1000.0)

    scores.add(scene, words)

    assert scores.report()["error_percent"] == pytest.approx(0.0, abs=1e-9)


def test_led_words_must_be_the_captions(scene: Scene) -> None:
    with pytest.raises(ValueError, match="led words"):
        WordScores().add(scene, true_words(scene)[1:])


def test_a_description_is_exact_in_part_or_in_whole(scene: Scene) -> None:
    truth = scene.things[0]
    other_size = "small" if truth.size == "large" else "large"
    scores = DescribeScores()

    for caption in (
        f"a {truth.description}",
        f"a {truth.description.replace(truth.size, other_size)}",
        f"a {truth.description} and a {truth.description}",
        "a",
    ):
        scores.add(truth, caption)

    assert scores.report() == {"pair_exact": 0.5, "all_exact": 0.25, "things": 4}


def test_true_boxes_and_masks_are_found_and_compared_with_chance(scene: Scene) -> None:
    scores = LocateScores()

    for number, reference in enumerate(scene.references):
        thing = scene.things[reference.thing]
        scores.add(scene, number, thing.box, 1.0, thing.mask)

    report = scores.report()
    assert report["several_things"] == report["all"]
    assert report["several_things"] == {
        "p50": 1.0,
        "baseline_p50": pytest.approx(1 / 5),
        "iou": 1.0,
        "mask_iou": 1.0,
        "phrases": len(scene.references),
    }


def test_a_model_without_masks_has_no_figure_for_them(scene: Scene) -> None:
    scores = LocateScores()

    scores.add(scene, 0, (0, 0, 1, 1), 0.5)

    assert group(scores.report(), "all")["mask_iou"] is None


def test_phrases_are_grouped_by_kind_and_by_rivals(scene: Scene) -> None:
    scores = LocateScores()

    for number, reference in enumerate(scene.references):
        box = scene.things[reference.thing].box
        scores.add(scene, number, box if reference.kind == "attribute" else (0, 0, 1, 1), 0.5)

    report = scores.report()
    for kind in KINDS_OF_PHRASES:
        found = group(report, kind)
        assert found["phrases"] == sum(r.kind == kind for r in scene.references)
        if found["phrases"]:
            assert found["p50"] == (1.0 if kind == "attribute" else 0.0)
    kinds = [o.kind for o in scene.things]
    assert group(report, "several_of_a_kind")["phrases"] == sum(
        kinds.count(scene.things[r.thing].kind) > 1 for r in scene.references
    )


def test_a_single_thing_counts_in_all_and_not_among_several() -> None:
    scene = draw_scene(scene_rng(3, 0), max_things=1)
    scores = LocateScores()

    scores.add(scene, 0, scene.things[0].box, 1.0)

    report = scores.report()
    assert group(report, "all") == {
        "p50": 1.0,
        "baseline_p50": 1.0,
        "iou": 1.0,
        "mask_iou": None,
        "phrases": 1,
    }
    assert group(report, "several_things")["phrases"] == 0
    assert group(report, "several_things")["p50"] is None


def test_a_score_is_worth_what_it_tells_of_the_box(scene: Scene) -> None:
    scores = LocateScores()
    box = scene.things[scene.references[0].thing].box

    scores.add(scene, 0, box, 0.9)
    scores.add(scene, 0, (0, 0, 1, 1), 0.3)
    scores.add_absent(0.2)
    scores.add_absent(0.95)

    score = group(scores.report(), "score")
    # Bins of 0.2, 0.3 and (0.9 and 0.95): wrong, wrong, half of them right.
    expected = (0.2 + 0.3 + 2 * abs(0.925 - 0.5)) / 4
    assert score["calibration_error"] == pytest.approx(expected)
    assert score["auroc"] == pytest.approx(2 / 4)
    assert score["reliability"] == [[1, 0.2, 0.0], [1, 0.3, 0.0], [2, 0.925, 0.5]]


def regions_of(scene: Scene, score: float = 0.9) -> list[dict[str, object]]:
    """The scene's own regions, as the task replies them."""
    return [{"box": r.box, "caption": r.caption, "score": score} for r in scene.sample.regions]


def test_true_regions_are_perfect(scene: Scene) -> None:
    scores = DenseScores()

    scores.add(scene, regions_of(scene))

    assert scores.report() == {
        "ap50_exact": pytest.approx(1.0),
        "ap50_pair": pytest.approx(1.0),
        "ap50_box": pytest.approx(1.0),
        "map": pytest.approx(1.0),
        "regions": 5,
        "things": 5,
    }


def test_a_wrong_trait_costs_the_exact_measure_and_a_wrong_colour_the_pair(scene: Scene) -> None:
    scores = DenseScores()
    regions = regions_of(scene)
    thing = scene.things[0]
    regions[0]["caption"] = f"a {thing.colour} {thing.kind}"  # no size
    other = "red" if scene.things[1].colour != "red" else "blue"
    regions[1]["caption"] = str(regions[1]["caption"]).replace(scene.things[1].colour, other)
    for place, region in enumerate(regions):
        region["score"] = 0.9 + 0.01 * place  # the wrong ones last

    scores.add(scene, regions)

    report = scores.report()
    assert report["ap50_exact"] == pytest.approx(3 / 5)
    assert report["ap50_pair"] == pytest.approx(4 / 5 * 1 - 1 / 5 * (1 - 4 / 5))
    assert report["ap50_box"] == pytest.approx(1.0)


def test_a_thing_is_found_once_and_a_second_region_of_it_is_wrong(scene: Scene) -> None:
    scores = DenseScores()

    scores.add(scene, [*regions_of(scene), *regions_of(scene, score=0.95)])

    # Of equal regions the surer are right; all come before the second ones.
    assert scores.report()["ap50_exact"] == pytest.approx(1.0)
    assert scores.report()["regions"] == 10


def test_sure_wrong_regions_cost_more_than_unsure_ones(scene: Scene) -> None:
    def measure(score: float) -> object:
        scores = DenseScores()
        wrong = {"box": (0.0, 0.0, 2.0, 2.0), "caption": "a large red car", "score": score}
        scores.add(scene, [*regions_of(scene, 0.5), wrong])
        return scores.report()["ap50_box"]

    assert measure(0.1) == pytest.approx(1.0)
    assert measure(0.9) == pytest.approx(5 / 6)


def test_regions_of_one_scene_do_not_find_the_things_of_another(scene: Scene) -> None:
    scores = DenseScores()

    scores.add(scene, regions_of(scene))
    scores.add(scene, [])

    assert scores.report()["ap50_exact"] == pytest.approx(1 / 2)
    assert scores.report()["things"] == 10


def test_a_half_shifted_box_is_right_at_the_lower_overlaps_only(scene: Scene) -> None:
    scores = DenseScores()
    regions = regions_of(scene)
    for region, thing in zip(regions, scene.things, strict=True):
        x0, y0, x1, y1 = thing.box
        region["box"] = (x0, y0, x0 + 0.55 * (x1 - x0), y1)  # an IoU of 0.55

    scores.add(scene, regions)

    report = scores.report()
    assert report["ap50_box"] == pytest.approx(1.0)
    assert report["map"] == pytest.approx(3 / 5)  # at 0.3, 0.4 and 0.5, whatever the METEOR


def test_rounding_keeps_counts_and_nesting() -> None:
    assert round_figures({"a": 0.123456, "b": {"c": 2, "d": None}, "e": "x"}) == {
        "a": 0.1235,
        "b": {"c": 2, "d": None},
        "e": "x",
    }
