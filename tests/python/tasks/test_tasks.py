"""What each task asks of the model, and what it makes of the answer."""

import math

import numpy as np
import pytest

from pixelllm.tasks.base import BoxPrompt, PointPrompt, Read, Request, Result, Text, Write
from pixelllm.tasks.errors import TaskError
from pixelllm.tasks.frame import Frame
from tests.python.tasks.dialogue import answered, asked
from tests.python.tasks.language import model_facts

FRAME = Frame(200, 100, 0.48, 0.5)
BOX = {"location": {"type": "box", "box": [10, 20, 110, 60]}}


def write_plan(task: str, request: Request) -> Write:
    (plan,) = asked(task, request, FRAME, model_facts())
    assert isinstance(plan, Write)
    return plan


def refusal(task: str, request: Request) -> str:
    with pytest.raises(TaskError) as caught:
        asked(task, request, FRAME, model_facts(max_tokens=20, max_prefix_tokens=60))
    assert caught.value.code == "invalid_request"
    return caught.value.message


def test_caption_asks_about_the_whole_image_with_the_models_prefix() -> None:
    facts = model_facts()

    plan = write_plan("caption", {"beams": 1})

    assert plan.prompt == BoxPrompt((0, 0, 96, 50))
    assert plan.prefix == facts.tokenizer.encode_prefix(facts.prefixes.caption)
    assert (plan.max_tokens, plan.beams) == (62, 1)


def test_caption_takes_prefix_beams_and_limit_from_the_request() -> None:
    plan = write_plan("caption", {"prefix": "a blue", "beams": 3, "max_tokens": 5})

    assert plan.prefix == model_facts().tokenizer.encode_prefix("a blue")
    assert (plan.max_tokens, plan.beams) == (5, 3)


def test_limit_beyond_the_models_own_is_the_models_own() -> None:
    assert write_plan("caption", {"max_tokens": 256}).max_tokens == 62


def test_describe_asks_about_its_box_in_the_model_frame() -> None:
    facts = model_facts()

    plan = write_plan("describe", BOX)

    assert plan.prompt == BoxPrompt((4.8, 10, 52.8, 30))
    assert plan.prefix == facts.tokenizer.encode_prefix(facts.prefixes.describe)


def test_describe_asks_about_its_point_in_the_model_frame() -> None:
    plan = write_plan("describe", {"location": {"type": "point", "point": [50, 40]}})

    assert plan.prompt == PointPrompt((24, 20))


def test_locate_leads_the_model_through_the_phrase() -> None:
    tokenizer = model_facts().tokenizer

    (plan,) = asked("locate", {"phrase": "the building"}, FRAME, model_facts())

    assert isinstance(plan, Read)
    assert not plan.keep_states
    assert plan.prompt == BoxPrompt((0, 0, 96, 50))
    assert plan.prefix == tokenizer.encode_prefix("where is the building")
    assert plan.text == tokenizer.encode("the building")


def test_phrase_with_braces_is_taken_as_it_is() -> None:
    (plan,) = asked("locate", {"phrase": "{phrase} {0}"}, FRAME, model_facts())

    assert isinstance(plan, Read)
    assert plan.prefix == model_facts().tokenizer.encode_prefix("where is {phrase} {0}")


def located(confidences: list[float] | None) -> Result:
    tokens = model_facts().tokenizer.encode("a.")
    corners = np.array([[[0, 0], [9, 9]], [[48, 10], [24, 40]]], np.float32)
    text = Text(tokens, [math.log(0.5)] * 2, corners, finished=True, confidences=confidences)
    return answered("locate", {"phrase": "a."}, FRAME, model_facts(), [text])


def test_locate_gives_the_place_of_the_last_token_and_how_sure_the_model_is() -> None:
    assert located([0.1, 0.875]) == {"phrase": "a.", "box": [50, 20, 100, 80], "score": 0.875}


def test_located_box_of_a_model_without_confidence_is_scored_by_the_phrase() -> None:
    assert located(None)["score"] == 0.5


@pytest.mark.parametrize("task", ["caption", "describe"])
def test_caption_has_its_words_and_the_mean_probability_of_its_tokens(task: str) -> None:
    tokens = model_facts().tokenizer.encode("the lake.")
    log_probs = [math.log(0.9)] * (len(tokens) - 1) + [math.log(0.1)]
    corners = np.ones((len(tokens), 2, 2), np.float32)
    text = Text(tokens, log_probs, corners, finished=True)

    result = answered(task, BOX, FRAME, model_facts(), [text])

    assert result["caption"] == "the lake."
    assert result["score"] == pytest.approx(math.exp(sum(log_probs) / len(tokens)), abs=1e-4)
    assert isinstance(result["words"], list)
    assert [word["text"] for word in result["words"]] == ["the", "lake"]


def test_empty_caption_has_no_words_and_no_score() -> None:
    empty = Text([], [], np.zeros((0, 2, 2), np.float32), finished=True)

    result = answered("caption", {}, FRAME, model_facts(), [empty])

    assert result == {"caption": "", "words": [], "score": 0.0}


@pytest.mark.parametrize(
    ("task", "request_", "message"),
    [
        ("caption", {"prefix": 5}, "prefix must be a text"),
        ("caption", {"beams": 0}, "beams must be a whole number"),
        ("caption", {"beams": True}, "beams must be a whole number"),
        ("caption", {"max_tokens": 1.5}, "max_tokens must be a whole number"),
        ("caption", {"prefix": "wide " * 40}, "the model reads 60"),
        ("describe", {}, "location must be a box or a point"),
        ("describe", {"location": {"type": "circle"}}, "location must be a box or a point"),
        ("describe", {"location": {"type": "box", "box": [1, 2, 3]}}, "a list of 4 numbers"),
        ("describe", {"location": {"type": "box", "box": [1, 2, 3, "4"]}}, "a list of 4 numbers"),
        ("describe", {"location": {"type": "point", "point": [1, math.nan]}}, "a list of 2"),
        ("describe", {"location": {"type": "point", "point": [1, 101]}}, "outside the image"),
        ("describe", {"location": {"type": "box", "box": [0, 0, 201, 9]}}, "outside the image"),
        ("locate", {}, "phrase must be a text"),
        ("locate", {"phrase": " \t"}, "the phrase is blank"),
        ("locate", {"phrase": "the building " * 9}, "the model reads 20"),
    ],
)
def test_request_that_cannot_be_answered_is_refused(
    task: str, request_: Request, message: str
) -> None:
    assert message in refusal(task, request_)
