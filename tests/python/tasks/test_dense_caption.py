"""Dense captioning: what is asked of the detector and the language model, and what comes of it."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
import torch

from pixelllm.model.detector.rescoring import caption_scores
from pixelllm.tasks import TASKS
from pixelllm.tasks.base import (
    BoxPrompt,
    Detect,
    FoundMask,
    Regions,
    Request,
    Segment,
    Text,
    Write,
)
from pixelllm.tasks.errors import TaskError
from pixelllm.tasks.frame import Box, Frame
from pixelllm.tasks.masks import empty_mask, encode_mask
from pixelllm.tasks.words import place_words
from tests.python.tasks.dialogue import answered, asked
from tests.python.tasks.language import model_facts

FRAME = Frame(200, 100, 0.48, 0.5)  # 96 x 50 model pixels
BOXES: list[Box] = [(0, 0, 48, 25), (24, 10, 48, 40), (48, 25, 96, 50)]
ALL = {"min_score": 0.0}


def found(*scores: float, boxes: Sequence[Box] = BOXES) -> list[Regions]:
    return [Regions(boxes[: len(scores)], scores)]


def written(caption: str, score: float) -> Text:
    tokens = model_facts().tokenizer.encode(caption)
    corners = np.full((len(tokens), 2, 2), 30, np.float32)
    return Text(tokens, [-0.1] * len(tokens), corners, finished=True, score=math.log(score))


def regions_of(request: Request, *given: Sequence[Regions | Text | FoundMask]) -> list[dict]:  # type: ignore[type-arg]
    regions = answered("dense_caption", request, FRAME, model_facts(), *given)["regions"]
    assert isinstance(regions, list)
    return regions


def test_detector_is_asked_first_with_the_overlap_of_the_request() -> None:
    assert asked("dense_caption", {}, FRAME, model_facts()) == [Detect(0.5)]
    assert asked("dense_caption", {"nms_iou": 0.8}, FRAME, model_facts()) == [Detect(0.8)]


def test_every_region_is_written_about_greedily_with_the_prefix_of_describe() -> None:
    facts = model_facts()

    plans = asked("dense_caption", {}, FRAME, facts, found(0.9, 0.8, 0.7))

    prefix = facts.tokenizer.encode_prefix(facts.prefixes.describe)
    assert plans == [Write(BoxPrompt(box), prefix, facts.max_tokens, beams=1) for box in BOXES]


def test_regions_are_ranked_by_box_and_caption_together() -> None:
    detected = found(0.9, 0.8, 0.7)
    texts = [written("the lake", 0.2), written("a building", 0.9), written("a clock", 0.5)]

    regions = regions_of(ALL, detected, texts)

    expected = caption_scores(
        torch.tensor([detected[0].scores]), torch.tensor([[[0.2], [0.9], [0.5]]]).log()
    )[0, :, 0]
    assert [region["caption"] for region in regions] == ["a building", "a clock", "the lake"]
    order = [1, 2, 0]
    assert [r["score"] for r in regions] == pytest.approx(expected[order].tolist(), abs=1e-4)
    assert [r["box"] for r in regions] == [list(FRAME.box_to_image(BOXES[i])) for i in order]
    assert all(region.keys() == {"box", "caption", "score"} for region in regions)


def test_regions_below_the_least_score_are_left_out() -> None:
    texts = [written("the lake", 0.5), written("a clock", 0.01)]

    regions = regions_of({"min_score": 0.5}, found(0.9, 0.8), texts)

    assert [region["caption"] for region in regions] == ["the lake"]


def test_regions_that_no_caption_can_save_are_not_written_about() -> None:
    plans = asked("dense_caption", {"min_score": 0.5}, FRAME, model_facts(), found(0.9, 0.26, 0.24))

    assert len(plans) == 2


def test_no_more_regions_are_written_about_than_asked_for() -> None:
    plans = asked("dense_caption", {"max_regions": 2}, FRAME, model_facts(), found(0.9, 0.8, 0.7))

    assert [plan.prompt for plan in plans if isinstance(plan, Write)] == [
        BoxPrompt(box) for box in BOXES[:2]
    ]


@pytest.mark.parametrize(
    "box", [(0, 60, 96, 90), (200, 0, 300, 50), (10, 10, 10, 40), (9, 9, 9, 9)]
)
def test_region_that_shows_nothing_of_the_image_is_none(box: Box) -> None:
    plans = asked(
        "dense_caption",
        {"max_regions": 1},
        FRAME,
        model_facts(),
        found(0.9, 0.8, boxes=[box, BOXES[0]]),
    )

    assert [plan.prompt for plan in plans if isinstance(plan, Write)] == [BoxPrompt(BOXES[0])]


def test_box_of_a_region_is_cut_to_the_image() -> None:
    (region,) = regions_of(ALL, found(0.9, boxes=[(48, 25, 96, 90)]), [written("a clock", 0.5)])

    assert region["box"] == [100, 50, 200, 100]


@pytest.mark.parametrize("request_", [{}, {"masks": True, "words": True}])
def test_image_without_regions_gives_an_empty_list(request_: Request) -> None:
    assert regions_of(request_, found()) == []
    assert regions_of(request_, found(0.01, 0.005)) == []


def test_words_come_where_they_are_asked_for() -> None:
    text = written("the lake", 0.5)

    (region,) = regions_of({"words": True}, found(0.9), [text])

    assert region["words"] == place_words(text, model_facts().tokenizer, FRAME)


def test_masks_are_asked_for_of_the_regions_that_are_given() -> None:
    request = {"masks": True, "min_score": 0.3}
    texts = [written("the lake", 0.5), written("a clock", 0.001), written("a building", 0.9)]
    masks = [
        FoundMask(encode_mask(np.full((24, 24), value, np.float32), FRAME, 96), 0.5)
        for value in (1, -1)
    ]

    plans = asked("dense_caption", request, FRAME, model_facts(), found(0.9, 0.8, 0.7), texts)
    regions = regions_of(request, found(0.9, 0.8, 0.7), texts, masks)

    assert plans == [Segment(BOXES[2]), Segment(BOXES[0])]
    assert [region["caption"] for region in regions] == ["a building", "the lake"]
    assert [region["mask"] for region in regions] == [mask.mask for mask in masks]
    assert regions[1]["mask"] == empty_mask(FRAME)


def test_region_that_is_no_number_is_a_defect() -> None:
    with pytest.raises(ValueError, match="not finite"):
        regions_of({}, found(math.nan))


def test_caption_that_is_no_number_is_a_defect() -> None:
    broken = Text([], [], np.zeros((0, 2, 2), np.float32), finished=True, score=math.nan)

    with pytest.raises(ValueError, match="not finite"):
        regions_of({}, found(0.9, 0.8), [written("the lake", 0.5), broken])


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"max_regions": 0}, "max_regions must be a whole number"),
        ({"max_regions": 2.5}, "max_regions must be a whole number"),
        ({"min_score": -0.1}, "min_score must be a number from 0 to 1"),
        ({"min_score": math.nan}, "min_score must be a number from 0 to 1"),
        ({"min_score": True}, "min_score must be a number from 0 to 1"),
        ({"nms_iou": 1.1}, "nms_iou must be a number from 0 to 1"),
        ({"nms_iou": "0.5"}, "nms_iou must be a number from 0 to 1"),
        ({"words": "yes"}, "words must be true or false"),
        ({"masks": 1}, "masks must be true or false"),
    ],
)
def test_request_that_cannot_be_answered_is_refused(request_: Request, message: str) -> None:
    with pytest.raises(TaskError, match=message) as caught:
        asked("dense_caption", request_, FRAME, model_facts())

    assert caught.value.code == "invalid_request"


@pytest.mark.parametrize(
    ("request_", "masks", "detector", "message"),
    [
        ({}, True, False, "no detector"),
        ({"masks": True}, False, True, "no mask decoder"),
        ({"masks": True}, False, False, "no detector"),
    ],
)
def test_model_without_the_parts_is_named(
    request_: Request, masks: bool, detector: bool, message: str
) -> None:
    facts = model_facts(masks=masks, detector=detector)

    with pytest.raises(TaskError, match=message) as caught:
        asked("dense_caption", request_, FRAME, facts)

    assert caught.value.code == "task_unsupported"
    assert TASKS["dense_caption"].supported(facts) == detector
