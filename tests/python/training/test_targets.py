"""What sources teach: the authors' numbers, and options that make no sense."""

from __future__ import annotations

import dataclasses

import pytest

from pixelllm.training import prefixes
from pixelllm.training.targets import (
    Teaches,
    caption_targets,
    exchange_targets,
    mask_targets,
    phrase_targets,
    region_targets,
    trace_targets,
)

KINDS = (
    trace_targets(),
    caption_targets(),
    phrase_targets(),
    mask_targets(),
    region_targets(),
    exchange_targets(),
)


def test_only_regions_are_mirrored_as_with_the_authors() -> None:
    assert [options.texts for options in KINDS if options.frame.flip] == ["regions"]


def test_official_sentences_are_as_many_as_the_authors() -> None:
    assert len(set(prefixes.LONG_CAPTION)) == 11
    assert len(set(prefixes.SHORT_CAPTION)) == 13
    assert prefixes.LONG_CAPTION[0] == "A long image caption: "
    assert prefixes.SHORT_CAPTION[0] == "A photo of "


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"count": 0}, "at least 1"),
        ({"text_tokens": 1}, "text_tokens 2"),
        ({"prompt_drop": -0.1}, "share from 0 to 1"),
        ({"texts": "regions", "masks": True}, "have no masks"),
    ],
)
def test_options_that_teach_nothing_are_refused(values: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        dataclasses.replace(phrase_targets(), **values)  # type: ignore[arg-type]


def test_what_a_source_teaches_can_be_changed() -> None:
    options = trace_targets(teaches=Teaches(text=1, point=0), count=3)

    assert options.teaches == Teaches(text=1)
    assert options.count == 3
    assert options.prefixes == prefixes.LONG_CAPTION
