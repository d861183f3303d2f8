"""Captions of images and regions: which are compared with which."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from pixelllm.data.sample import Region
from pixelllm.evaluation.measures.texts import CaptionMeasure, DescribeMeasure
from pixelllm.evaluation.results import ResultsError
from tests.python.evaluation.measures.samples import LEFT, black, pets

Pairs = list[tuple[str, list[str]]]


def word_by_word(caption: str, references: Sequence[str]) -> float:
    """Stands for METEOR: whether a reference is said word by word."""
    return float(caption in references)


def scores(candidates: Sequence[str], references: Sequence[Sequence[str]]) -> dict[str, float]:
    """Stands for the measures of captions: the share of right ones."""
    pairs = zip(candidates, references, strict=True)
    right = [word_by_word(caption, own) for caption, own in pairs]
    return {"right": sum(right) / len(right)}


def caption_measure() -> CaptionMeasure:
    return CaptionMeasure(scores, word_by_word)


def describe_measure(*, merge: bool = False) -> DescribeMeasure:
    return DescribeMeasure(scores, word_by_word, merge=merge)


def pairs_of(measure: CaptionMeasure) -> Pairs:
    return list(zip(measure.candidates, map(list, measure.references), strict=True))


def test_a_caption_is_compared_with_all_that_an_image_has() -> None:
    measure = caption_measure()

    missing = measure.add(0, pets(), [{"image_id": 7, "caption": "two pets"}])

    assert missing == 0
    assert pairs_of(measure) == [("two pets", ["a cat and a dog", "two pets"])]
    assert measure.scores().value("right") == 1.0
    assert measure.scores().value("captions") == 1


def test_an_image_without_a_caption_of_its_own_counts_as_an_empty_one() -> None:
    measure = caption_measure()

    assert measure.add(0, pets(), []) == 1
    assert pairs_of(measure)[0][0] == ""


def test_images_that_say_nothing_are_not_asked() -> None:
    silent = replace(pets(), captions=())
    measure = caption_measure()

    assert measure.ask(silent) == []
    assert measure.add(0, silent, []) == 0
    with pytest.raises(ValueError, match="no caption"):
        measure.scores()


def test_without_meteor_cases_are_ranked_by_words_in_common() -> None:
    measure = CaptionMeasure(scores, None)

    measure.add(0, pets(), [{"image_id": 7, "caption": "two cats"}])

    (case,) = measure.cases
    assert case.worth == 0.5  # of "two pets"
    assert case.lines[0] == "words in common 0.50"


def test_a_prediction_is_a_result_of_cocos_caption_task() -> None:
    result = {"caption": "two pets", "score": 0.5, "words": []}

    (record,) = caption_measure().records(pets(), 0, result)

    assert (record["image_id"], record["caption"]) == (7, "two pets")


def test_a_prediction_without_a_caption_is_refused() -> None:
    with pytest.raises(ResultsError, match="no caption"):
        caption_measure().add(0, pets(), [{"image_id": 7}])


def test_each_region_is_compared_with_its_own_caption() -> None:
    measure = describe_measure()
    records = [
        {"image_id": 7, "index": 1, "caption": "a cat"},
        {"image_id": 7, "index": 0, "caption": "a cat"},
    ]

    assert measure.add(0, pets(), records) == 0
    assert pairs_of(measure) == [("a cat", ["a cat"]), ("a cat", ["a dog"])]
    assert [case.worth for case in measure.cases] == [1.0, 0.0]


def test_regions_that_overlap_share_captions_where_asked() -> None:
    sample = replace(pets(), regions=(*pets().regions, Region((0.0, 0.0, 40.0, 36.0), "a pet")))
    records = [{"image_id": 7, "index": i, "caption": "a pet"} for i in range(3)]
    own, merged = describe_measure(), describe_measure(merge=True)

    own.add(0, sample, records)
    merged.add(0, sample, records)

    assert own.scores().value("right") == pytest.approx(1 / 3)
    assert merged.scores().value("right") == pytest.approx(2 / 3)


def test_predictions_without_an_index_go_by_their_box() -> None:
    record = {"image_id": 7, "bbox": [50.0, 0.0, 40.0, 40.0], "caption": "a dog"}
    measure = describe_measure()

    assert measure.add(0, pets(), [record]) == 1
    assert pairs_of(measure) == [("", ["a cat"]), ("a dog", ["a dog"])]


def test_a_box_that_leaves_the_image_is_asked_for_within_it() -> None:
    sample = replace(pets(), image=black(30, 50), regions=(Region(LEFT, "a cat"),))

    assert describe_measure().ask(sample) == [
        {"location": {"type": "box", "box": [0.0, 0.0, 30.0, 40.0]}}
    ]
