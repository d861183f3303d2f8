"""Referring segmentation: what is asked of the model, and what comes of it."""

import math

import numpy as np
import pytest
import torch

from pixelllm.model.mask_adapter import TextStates
from pixelllm.tasks import TASKS
from pixelllm.tasks.base import FoundMask, Read, Segment, Text
from pixelllm.tasks.errors import TaskError
from pixelllm.tasks.frame import Frame
from pixelllm.tasks.masks import empty_mask, encode_mask
from tests.python.tasks.dialogue import answered, asked
from tests.python.tasks.language import model_facts

FRAME = Frame(200, 100, 0.48, 0.5)
REQUEST = {"phrase": "the lake"}
MASK = encode_mask(np.ones((24, 24), np.float32), FRAME, 96)


def read(*last: tuple[float, float], sure: float = 0.75) -> Text:
    """The phrase with its last token between two corners of the model's frame."""
    tokens = model_facts().tokenizer.encode("the lake")
    corners = np.zeros((len(tokens), 2, 2), np.float32)
    corners[-1] = last
    states = TextStates(torch.zeros(2, 4), torch.zeros(len(tokens) + 2, 4))
    log_probs = [math.log(0.5)] * len(tokens)
    return Text(tokens, log_probs, corners, True, [0.0] * (len(tokens) - 1) + [sure], states=states)


def test_phrase_is_read_as_for_locate_and_its_states_are_kept() -> None:
    (locate,) = asked("locate", REQUEST, FRAME, model_facts())
    (segment,) = asked("segment", REQUEST, FRAME, model_facts())

    assert isinstance(locate, Read)
    assert isinstance(segment, Read)
    assert segment == Read(locate.prompt, locate.prefix, locate.text, keep_states=True)


def test_mask_is_asked_for_the_box_and_the_states_of_the_phrase() -> None:
    text = read((48, 40), (24, 10))

    (plan,) = asked("segment", REQUEST, FRAME, model_facts(), [text])

    assert plan == Segment((24, 10, 48, 40), text.states)


def test_box_that_reaches_beyond_the_image_is_segmented_as_it_was_placed() -> None:
    text = read((-8, -4), (200, 40))

    (plan,) = asked("segment", REQUEST, FRAME, model_facts(), [text])
    result = answered("segment", REQUEST, FRAME, model_facts(), [text], [FoundMask(MASK, 0.5)])

    assert plan == Segment((-8, -4, 200, 40), text.states)
    assert result["box"] == [0, 0, 200, 80]


def test_result_has_the_box_the_mask_and_a_score_of_each() -> None:
    text = read((24, 10), (48, 40))

    result = answered("segment", REQUEST, FRAME, model_facts(), [text], [FoundMask(MASK, 0.87654)])

    assert result == {
        "phrase": "the lake",
        "box": [50, 20, 100, 80],
        "score": 0.75,
        "mask": MASK,
        "mask_score": 0.8765,
    }


@pytest.mark.parametrize(
    "corners",
    [((24, 10), (24, 40)), ((24, 10), (48, 10)), ((300, 10), (400, 40)), ((5, 5), (5, 5))],
)
def test_box_without_area_has_an_empty_mask_that_nothing_is_computed_for(
    corners: tuple[tuple[float, float], tuple[float, float]],
) -> None:
    result = answered("segment", REQUEST, FRAME, model_facts(), [read(*corners)])

    assert (result["mask"], result["mask_score"]) == (empty_mask(FRAME), 0)
    assert result["score"] == 0.75


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_place_that_is_no_number_is_a_defect(value: float) -> None:
    with pytest.raises(ValueError, match="not finite"):
        asked("segment", REQUEST, FRAME, model_facts(), [read((value, 1), (2, 3))])


def test_mask_that_is_no_number_is_a_defect() -> None:
    broken = FoundMask(empty_mask(FRAME), math.nan)

    with pytest.raises(ValueError, match="not finite"):
        answered("segment", REQUEST, FRAME, model_facts(), [read((1, 1), (9, 9))], [broken])


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({}, "phrase must be a text"),
        ({"phrase": ""}, "the phrase is blank"),
        ({"phrase": " \n"}, "the phrase is blank"),
        ({"phrase": "lake " * 2000}, "the model reads 62"),
    ],
)
def test_phrase_that_cannot_be_read_is_refused(request_: dict[str, object], message: str) -> None:
    with pytest.raises(TaskError, match=message) as caught:
        asked("segment", request_, FRAME, model_facts())

    assert caught.value.code == "invalid_request"


def test_model_without_masks_cannot_segment_and_says_so() -> None:
    facts = model_facts(masks=False)

    with pytest.raises(TaskError, match="no mask decoder, which segment needs") as caught:
        asked("segment", REQUEST, FRAME, facts)

    assert caught.value.code == "task_unsupported"
    assert not TASKS["segment"].supported(facts)
    assert TASKS["segment"].supported(model_facts())
