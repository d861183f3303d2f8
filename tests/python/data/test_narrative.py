"""Localized Narratives: the published form, and the place of each word in the trace."""

import numpy as np
import pytest

from pixelllm.data.narrative import Narrative, utterance_boxes
from pixelllm.data.scenes import draw_scene, scene_rng


def test_a_narrative_survives_its_published_form() -> None:
    caption = draw_scene(scene_rng(2, 2)).caption

    read = Narrative.from_json(caption.narrative.to_json())

    assert " ".join(u.utterance for u in read.timed_caption) == caption.text == read.caption
    assert np.array_equal(utterance_boxes(read), utterance_boxes(caption.narrative))


def test_the_place_of_an_utterance_is_the_trace_spoken_meanwhile() -> None:
    narrative = Narrative.from_json(
        {
            "caption": "one two",
            "timed_caption": [
                {"utterance": "one", "start_time": 0.0, "end_time": 1.0},
                {"utterance": "two", "start_time": 1.5, "end_time": 3.0},
            ],
            "traces": [
                [{"x": 0.2, "y": 0.4, "t": 0.0}, {"x": 0.6, "y": 0.4, "t": 2.0}],
                [{"x": 0.6, "y": 1.4, "t": 3.0}],
            ],
        }
    )

    assert utterance_boxes(narrative) == pytest.approx(
        np.array([[0.2, 0.4, 0.4, 0.4], [0.5, 0.4, 0.6, 1.0]])
    )


def test_places_keep_to_the_image() -> None:
    words = [{"utterance": "one", "start_time": 0.0, "end_time": 1.0}]
    trace = [{"x": -0.5, "y": 0.2, "t": 0.0}, {"x": 1.5, "y": 0.4, "t": 1.0}]

    narrative = Narrative.from_json({"caption": "one", "timed_caption": words, "traces": [trace]})

    assert utterance_boxes(narrative) == pytest.approx(np.array([[0.0, 0.2, 1.0, 0.4]]))


def test_a_narrative_without_a_trace_has_no_places() -> None:
    words = [{"utterance": "one", "start_time": 0.0, "end_time": 1.0}]
    narrative = Narrative.from_json({"caption": "one", "timed_caption": words, "traces": [[]]})

    with pytest.raises(ValueError, match="no trace"):
        utterance_boxes(narrative)


def test_a_missing_field_is_named() -> None:
    with pytest.raises(KeyError, match="traces"):
        Narrative.from_json({"caption": "one", "timed_caption": []})
