"""All plans at once, more of them than there are slots."""

import pytest

from pixelllm.inference.carrying_out import carry_out
from pixelllm.inference.picture import fit_picture
from pixelllm.inference.runner import Runner
from pixelllm.model.checkpoint import Checkpoint
from pixelllm.tasks.base import (
    BoxPrompt,
    Detect,
    FoundMask,
    Plan,
    Read,
    Regions,
    Segment,
    Text,
    Write,
)
from pixelllm.tasks.image import decode_image
from tests.python.worker.samples import picture

BOX = BoxPrompt((10.0, 12.0, 70.0, 50.0))


def mixed_plans(checkpoint: Checkpoint) -> list[Plan]:
    tokenizer = checkpoint.tokenizer
    prefix = tokenizer.encode_prefix("an object of")
    writes = [Write(BOX, prefix, limit, 1) for limit in (3, 9, 1, 5, 7)]
    reads = [Read(BOX, prefix, tokenizer.encode(text)) for text in ("the lake", "a", "a clock")]
    masks = [Segment((0, 0, 30 + edge, 40)) for edge in range(5)]
    return [writes[0], masks[0], Detect(0.5), *reads, *writes[1:], Detect(0.9), *masks[1:]]


def test_every_plan_is_given_what_it_is_given_alone(whole_checkpoint: Checkpoint) -> None:
    plans = mixed_plans(whole_checkpoint)
    runner = Runner(whole_checkpoint, slots=3)
    pictures = [
        fit_picture(decode_image(picture(number % 4)), whole_checkpoint.config)
        for number in range(len(plans))
    ]
    images = runner.encode(pictures)

    together = carry_out(runner, plans, images)

    for plan, image, found in zip(plans, images, together, strict=True):
        (alone,) = carry_out(runner, [plan], [image])
        match found, alone:
            case Text(), Text():
                assert found.tokens == alone.tokens
                assert found.corners == pytest.approx(alone.corners, abs=1e-3)
            case Regions(), Regions():
                assert len(found.boxes) == len(alone.boxes) > 0
            case FoundMask(), FoundMask():
                assert found.score == pytest.approx(alone.score, abs=1e-4)
            case _:
                pytest.fail(f"{plan} was given {found}")


def test_nothing_is_given_for_nothing(checkpoint: Checkpoint) -> None:
    assert carry_out(Runner(checkpoint, slots=1), [], []) == []


def test_beams_are_refused(checkpoint: Checkpoint) -> None:
    runner = Runner(checkpoint, slots=4)
    images = runner.encode([fit_picture(decode_image(picture(0)), checkpoint.config)])

    with pytest.raises(ValueError, match="greedy"):
        carry_out(runner, [Write(BOX, [1], 3, beams=2)], images)
