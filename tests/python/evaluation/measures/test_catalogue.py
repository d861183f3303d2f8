"""Measures by name."""

import pytest

from pixelllm.evaluation.measures.catalogue import (
    CATALOGUE,
    Texts,
    UnknownMeasureError,
    measure_of,
    profile_of,
)


def texts() -> Texts:
    return Texts(lambda candidates, references: {}, lambda caption, references: 0.0)


def no_texts() -> Texts:
    pytest.fail("this task needs no scores of texts")


@pytest.mark.parametrize(
    ("task", "profile"), [(task, one) for task, own in CATALOGUE.items() for one in own]
)
def test_every_profile_of_every_task_has_a_measure(task: str, profile: str) -> None:
    needs_texts = task in ("caption", "describe", "dense_caption")

    measure = measure_of(task, profile, texts if needs_texts else no_texts)

    assert measure.cases == []
    assert measure.needs


def test_without_a_profile_the_first_is_meant() -> None:
    assert profile_of("dense_caption", None) == "scenic"
    assert profile_of("segment", None) == "served"


def test_only_the_release_makes_masks_its_own_way() -> None:
    assert measure_of("segment", "served", no_texts).encode_mask is None
    assert measure_of("segment", "release", no_texts).encode_mask is not None


def test_an_unknown_task_or_profile_is_told_what_there_is() -> None:
    with pytest.raises(UnknownMeasureError, match="caption, describe, dense_caption, trace"):
        measure_of("translate", None, no_texts)
    with pytest.raises(UnknownMeasureError, match="scenic, densecap-lua, paper"):
        measure_of("dense_caption", "coco", texts)
