"""Boxes and masks of phrases, scored by hand."""

import json
from dataclasses import replace

import numpy as np
import pytest
from pycocotools import mask as coco

from pixelllm.data.sample import Mask, Phrase
from pixelllm.evaluation.measures.places import LocateMeasure, SegmentMeasure
from pixelllm.evaluation.results import Record, ResultsError
from tests.python.evaluation.measures.samples import LEFT, RIGHT, black, filled, pets


def box_record(index: int, *bbox: float) -> Record:
    return {"image_id": 7, "index": index, "bbox": list(bbox)}


def shape(mask: Mask) -> dict[str, object]:
    encoded = coco.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"size": list(encoded["size"]), "counts": encoded["counts"].decode("ascii")}


CAT = box_record(0, 0, 0, 40, 40)
HALF_DOG = box_record(1, 50, 0, 40, 20)  # IoU 0.5


def test_precision_is_strict_at_each_threshold() -> None:
    measure = LocateMeasure()

    assert measure.add(0, pets(), [CAT, HALF_DOG]) == 0

    scores = measure.scores()
    assert scores.value("p50") == scores.value("p70") == scores.value("p90") == 0.5
    assert scores.value("mean_iou") == pytest.approx(0.75)
    assert scores.value("phrases") == 2


def test_every_phrase_is_asked_and_scored_however_many_an_image_has() -> None:
    """The release drops those after the sixteenth."""
    sample = replace(pets(), phrases=tuple(Phrase(f"cat {i}", LEFT) for i in range(40)))
    measure = LocateMeasure()

    assert len(measure.ask(sample)) == 40
    missing = measure.add(0, sample, [{**CAT, "index": i} for i in range(40)])

    assert missing == 0
    assert measure.scores().value("phrases") == 40


def test_a_phrase_without_a_prediction_is_wrong() -> None:
    measure = LocateMeasure()

    assert measure.add(0, pets(), [CAT]) == 1

    assert measure.scores().value("p50") == 0.5
    assert measure.cases[1].found == ()
    assert "no prediction" in measure.cases[1].lines


def test_predictions_without_an_index_go_by_their_phrase() -> None:
    dog = {"image_id": 7, "refexp": "the dog", "bbox": [50, 0, 40, 40]}
    measure = LocateMeasure()

    assert measure.add(0, pets(), [dog]) == 1
    assert [case.worth for case in measure.cases] == [0.0, 1.0]


def test_a_prediction_has_the_releases_form() -> None:
    result = {"phrase": "the dog", "box": [50.123, 0, 90, 40], "score": 0.25}

    (record,) = LocateMeasure().records(pets(), 1, result)

    assert record == {
        "image_id": 7,
        "index": 1,
        "refexp": "the dog",
        "bbox": [50.12, 0, 39.88, 40],
        "score": 0.25,
    }


def test_a_prediction_without_a_box_is_refused() -> None:
    with pytest.raises(ResultsError, match="no bbox"):
        LocateMeasure().add(0, pets(), [{"image_id": 7, "index": 0}])


def test_masks_are_scored_under_each_name() -> None:
    measure = SegmentMeasure()
    records = [
        {**CAT, "segmentation": shape(filled(LEFT))},  # all of 1600
        {**HALF_DOG, "segmentation": shape(filled((50.0, 0.0, 90.0, 10.0)))},  # 400 of 1600
    ]

    assert measure.add(0, pets(), records) == 0

    scores = measure.scores()
    assert scores.value("ciou") == pytest.approx(2000 / 3200, abs=1e-6)
    assert scores.value("giou") == pytest.approx((1 + 0.25) / 2, abs=1e-6)
    assert scores.value("miou") == (1 + 0.25) / 2
    assert scores.value("mask_p50") == 0.5
    assert scores.value("mask_box_p50") == 0.5
    assert scores.value("p50") == 0.5


def test_phrases_without_a_true_mask_are_not_asked_for_one() -> None:
    sample = replace(pets(), phrases=(Phrase("the sky", LEFT), *pets().phrases))
    measure = SegmentMeasure()

    assert measure.ask(sample) == [{"phrase": "the cat"}, {"phrase": "the dog"}]
    (record,) = measure.records(
        sample,
        1,
        {
            "phrase": "the dog",
            "box": RIGHT,
            "score": 0.5,
            "mask": shape(filled(RIGHT)),
            "mask_score": 0.9,
        },
    )

    assert record["refexp"] == "the dog"
    assert measure.add(0, sample, [record]) == 1
    assert measure.scores().value("phrases") == 2


def test_run_lengths_are_text_in_json() -> None:
    """The release hands over bytes, which JSON cannot hold."""
    result = {
        "phrase": "the cat",
        "box": LEFT,
        "score": 0.5,
        "mask": shape(filled(LEFT)),
        "mask_score": 0.9,
    }

    (record,) = SegmentMeasure().records(pets(), 0, result)

    again = json.loads(json.dumps(record))
    assert again["segmentation"] == shape(filled(LEFT))


@pytest.mark.parametrize(
    ("segmentation", "message"),
    [
        (None, "no segmentation"),
        ({"size": [50, 100], "counts": [1, 2]}, "counts as text"),
        (shape(np.zeros((5, 5), bool)), "its image"),
    ],
)
def test_a_mask_that_cannot_be_compared_is_refused(segmentation: object, message: str) -> None:
    record = {**CAT, "segmentation": segmentation}

    with pytest.raises(ResultsError, match=message):
        SegmentMeasure().add(0, pets(), [record])


def test_an_image_without_phrases_is_not_asked() -> None:
    sample = replace(pets(), image=black(), phrases=())
    measure = LocateMeasure()

    assert measure.ask(sample) == []
    assert measure.add(0, sample, []) == 0
    assert measure.scores().value("p50") is None
