"""Captions that show what they name: phrases, their boxes, their masks."""

import math

import numpy as np
import pytest

from pixelllm.tasks.base import FoundMask, Segment, Text
from pixelllm.tasks.errors import TaskError
from pixelllm.tasks.frame import Frame
from pixelllm.tasks.masks import empty_mask
from tests.python.tasks.dialogue import answered, asked
from tests.python.tasks.language import model_facts

FRAME = Frame(200, 100, 0.5, 0.5)
CAPTION = "a building is on the lake."
BOX = {"location": {"type": "box", "box": [10, 20, 110, 60]}}


def written(caption: str) -> Text:
    """A text whose token i has the place [i, i, i + 1, i + 1] and the probability 1 / (i + 1)."""
    tokens = model_facts().tokenizer.encode(caption)
    corners = np.arange(len(tokens))[:, None, None] + np.array([[0, 0], [1, 1]])
    log_probs = [-math.log(i + 1) for i in range(len(tokens))]
    return Text(tokens, log_probs, corners.astype(np.float32), finished=True)


@pytest.mark.parametrize("task", ["caption", "describe"])
def test_phrases_come_with_the_caption_where_they_are_asked_for(task: str) -> None:
    without = answered(task, BOX, FRAME, model_facts(), [written(CAPTION)])
    grounded = answered(task, {**BOX, "ground": "box"}, FRAME, model_facts(), [written(CAPTION)])

    assert "phrases" not in without
    assert {name: grounded[name] for name in without} == without
    assert isinstance(grounded["phrases"], list)
    assert [phrase["text"] for phrase in grounded["phrases"]] == ["a building", "the lake"]
    assert all("mask" not in phrase for phrase in grounded["phrases"])


def test_phrase_has_the_box_around_its_words_and_their_mean_score() -> None:
    result = answered(
        "caption",
        {"ground": "box"},
        FRAME,
        model_facts(),
        [written("two blue building on a clock")],
    )
    assert isinstance(result["phrases"], list)
    assert isinstance(result["words"], list)
    assert isinstance(result["caption"], str)
    phrase = result["phrases"][0]

    words = [word for word in result["words"] if word["end"] <= phrase["end"]]
    assert [word["text"] for word in words] == phrase["text"].split() == ["two", "blue", "building"]
    boxes = np.array([word["box"] for word in words])
    assert phrase["box"] == [*boxes[:, :2].min(axis=0), *boxes[:, 2:].max(axis=0)]
    score = math.prod(word["score"] for word in words) ** (1 / len(words))
    assert phrase["score"] == pytest.approx(score, abs=1e-3)
    assert result["caption"][phrase["start"] : phrase["end"]] == phrase["text"]


def test_mask_is_asked_for_the_box_of_every_phrase_alone() -> None:
    request = {"ground": "mask"}
    text = written(CAPTION)

    plans = asked("caption", request, FRAME, model_facts(), [text])
    masks = [FoundMask(empty_mask(FRAME), 0.5) for _ in plans]
    result = answered("caption", request, FRAME, model_facts(), [text], masks)

    assert isinstance(result["phrases"], list)
    assert len(plans) == len(result["phrases"]) == 2
    for plan, phrase in zip(plans, result["phrases"], strict=True):
        assert isinstance(plan, Segment)
        assert plan.states is None
        assert FRAME.box_to_image(plan.box) == tuple(phrase["box"])
        assert phrase["mask"] == empty_mask(FRAME)


def test_phrase_on_a_line_has_an_empty_mask_that_nothing_is_computed_for() -> None:
    text = written("the lake")
    flat = Text(text.tokens, text.log_probs, text.corners.copy(), finished=True)
    flat.corners[..., 1] = 7

    result = answered("caption", {"ground": "mask"}, FRAME, model_facts(), [flat])

    assert isinstance(result["phrases"], list)
    (phrase,) = result["phrases"]
    assert phrase["box"][1] == phrase["box"][3]
    assert phrase["mask"] == empty_mask(FRAME)


@pytest.mark.parametrize("caption", ["", "is on"])
@pytest.mark.parametrize("ground", ["box", "mask"])
def test_caption_that_names_nothing_has_no_phrases(caption: str, ground: str) -> None:
    text = written(caption)

    result = answered("caption", {"ground": ground}, FRAME, model_facts(), [text])

    assert result["phrases"] == []


def test_mask_that_is_no_number_is_a_defect() -> None:
    broken = FoundMask(empty_mask(FRAME), math.nan)
    request = {"ground": "mask"}

    with pytest.raises(ValueError, match="not finite"):
        answered("caption", request, FRAME, model_facts(), [written("the lake")], [broken])


@pytest.mark.parametrize("task", ["caption", "describe"])
def test_masks_of_a_model_without_them_are_refused_at_once(task: str) -> None:
    facts = model_facts(masks=False)

    with pytest.raises(TaskError, match="no mask decoder") as caught:
        asked(task, {**BOX, "ground": "mask"}, FRAME, facts)

    assert caught.value.code == "task_unsupported"
    assert answered(task, {**BOX, "ground": "box"}, FRAME, facts, [written("a")])["phrases"] == []


@pytest.mark.parametrize("ground", ["boxes", "", 1, True, ["box"]])
def test_ground_of_another_kind_is_refused(ground: object) -> None:
    with pytest.raises(TaskError, match="ground must be box or mask"):
        asked("caption", {"ground": ground}, FRAME, model_facts())
