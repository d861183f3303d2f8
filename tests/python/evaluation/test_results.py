"""Predictions in files: which image and which question they are about."""

import json
from pathlib import Path

import pytest

from pixelllm.evaluation.results import (
    ResultsError,
    bbox,
    by_question,
    corners,
    image_id,
    read_predictions,
)


@pytest.mark.parametrize(
    ("sample", "image"),
    [
        ("refcoco/581857", 581857),
        ("localized_narratives/000000000139", 139),
        ("flickr/a_b", "flickr/a_b"),
        ("own/cat.png", "own/cat.png"),
    ],
)
def test_an_image_has_its_number_or_its_whole_id(sample: str, image: int | str) -> None:
    assert image_id(sample) == image


def test_boxes_go_to_cocos_form_and_back() -> None:
    assert bbox((1.234, 2, 11.5, 20)) == [1.23, 2, 10.27, 18]
    assert corners({"bbox": [1, 2, 10, 18]}) == (1.0, 2.0, 11.0, 20.0)


def test_questions_of_one_text_are_told_apart_by_their_index() -> None:
    first, second = {"index": 1, "refexp": "man"}, {"index": 0, "refexp": "man"}

    assert by_question(["man", "man"], [first, second], "refexp") == {1: first, 0: second}


def test_questions_of_one_text_are_answered_in_order_without_an_index() -> None:
    first, second, third = ({"refexp": "man", "score": score} for score in (1, 2, 3))

    assert by_question(["man", "dog", "man"], [first, second, third], "refexp") == {
        0: first,
        2: second,
    }


def test_predictions_of_an_image_come_together(tmp_path: Path) -> None:
    records = [{"image_id": 1, "caption": "a"}, {"image_id": "x/y"}, {"image_id": 1}]
    path = tmp_path / "predictions.json"
    path.write_text(json.dumps(records), "utf-8")

    assert read_predictions(path) == {1: [records[0], records[2]], "x/y": [records[1]]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[{", "cannot be read as JSON"),
        ('{"image_id": 1}', "no JSON array"),
        ('[{"caption": "a"}]', "without an image_id"),
        ("[3]", "without an image_id"),
    ],
)
def test_a_file_of_another_form_is_refused(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "predictions.json"
    path.write_text(text, "utf-8")

    with pytest.raises(ResultsError, match=message):
        read_predictions(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match=r"gone\.json"):
        read_predictions(tmp_path / "gone.json")
