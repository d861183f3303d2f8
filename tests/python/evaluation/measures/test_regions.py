"""Dense captions of an image, from predictions to average precision."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from pixelllm.evaluation.dense_captioning import PROFILES
from pixelllm.evaluation.measures.regions import DenseCaptionMeasure
from pixelllm.evaluation.results import Record, ResultsError
from tests.python.evaluation.measures.samples import pets


def word_by_word(caption: str, references: Sequence[str]) -> float:
    return float(caption in references)


def measure_of(name: str = "scenic", *, masks: bool = False) -> DenseCaptionMeasure:
    return DenseCaptionMeasure(PROFILES[name], word_by_word, masks=masks)


CAT: Record = {"image_id": 7, "bbox": [0, 0, 40, 40], "score": 0.9, "caption": "a cat"}
BLUE_DOG: Record = {"image_id": 7, "bbox": [50, 0, 40, 40], "score": 0.8, "caption": "a blue dog"}


@pytest.mark.parametrize("name", PROFILES)
def test_the_profile_is_printed_beside_its_number(name: str) -> None:
    measure = measure_of(name)
    measure.add(0, pets(), [CAT, BLUE_DOG])

    scores = measure.scores()

    (figure,) = (one for one in scores.figures if one.name == "map")
    assert name in figure.meaning
    assert scores.details["profile"] == name
    # One of two is right at every threshold: precision 1 up to a recall of one half.
    points = len(PROFILES[name].recalls)
    assert figure.value == pytest.approx(51 / points, abs=0.01)
    assert scores.value("detection_map") == pytest.approx(1.0)
    assert (scores.value("true_regions"), scores.value("found_regions")) == (2, 2)


def test_every_cell_is_in_the_details() -> None:
    measure = measure_of()
    measure.add(0, pets(), [CAT])

    cells = measure.scores().details["cells"]

    assert isinstance(cells, dict)
    assert len(cells) == 30
    assert cells["iou0.3_meteor0.0"] == pytest.approx(0.51)


def test_all_regions_are_asked_for_with_masks_where_wanted() -> None:
    (request,) = measure_of(masks=True).ask(pets())

    assert request == {"min_score": 0.0, "max_regions": 100, "masks": True}
    assert measure_of().ask(replace(pets(), regions=())) == []


def test_predictions_have_the_form_of_detections() -> None:
    shape = {"size": [50, 100], "counts": "abc"}
    region = {"box": [0.0, 0.0, 40.0, 40.0], "caption": "a cat", "score": 0.9}
    result = {"regions": [region, {**region, "mask": shape}]}

    plain, masked = measure_of().records(pets(), 0, result)

    assert plain == {**CAT, "category_id": 0}
    assert masked == {**plain, "segmentation": shape}


def test_a_prediction_without_a_score_is_refused() -> None:
    with pytest.raises(ResultsError, match="no score"):
        measure_of().add(0, pets(), [{**CAT, "score": None}])


def test_images_without_regions_are_left_out() -> None:
    measure = measure_of()
    measure.add(0, pets(), [CAT])
    measure.add(1, replace(pets(), regions=()), [{**CAT, "score": 0.99}])

    assert measure.scores().value("found_regions") == 1
