"""Calls as they arrive, and the time they take."""

import time

import pytest

from pixelllm.tasks.errors import TaskError
from pixelllm.worker.calls import Call, ImageBytes, Stage

MESSAGE = {
    "id": "c1",
    "model": "tiny",
    "task": "caption",
    "request": {"beams": 1},
    "image": {"id": "ab", "offset": 4, "bytes": 10},
    "ttl_ms": 250,
    "stream": True,
}


def test_message_is_read_whole() -> None:
    before = time.monotonic()

    call = Call.from_message(MESSAGE)

    assert (call.id, call.model, call.task) == ("c1", "tiny", "caption")
    assert (call.request, call.stream) == ({"beams": 1}, True)
    assert call.image == ImageBytes("ab", 4, 10)
    assert before + 0.25 <= call.deadline <= time.monotonic() + 0.25
    assert call.stage is Stage.QUEUED


@pytest.mark.parametrize("field", MESSAGE)
def test_message_without_a_field_is_refused(field: str) -> None:
    message = {name: value for name, value in MESSAGE.items() if name != field}

    with pytest.raises(TaskError, match="malformed") as caught:
        Call.from_message(message)

    assert caught.value.code == "invalid_request"


@pytest.mark.parametrize("field", MESSAGE)
def test_message_with_a_field_of_a_wrong_type_is_refused(field: str) -> None:
    with pytest.raises(TaskError):
        Call.from_message({**MESSAGE, field: None})


def test_time_is_booked_on_the_stage_in_which_it_was_spent() -> None:
    call = Call.from_message(MESSAGE)
    for stage in (Stage.LOADING, Stage.ENCODING, Stage.COMPUTING):
        time.sleep(0.005)
        call.enter(stage)
    call.steps = 3

    timing = call.timing()

    assert timing["steps"] == 3
    assert all(timing[name] >= 5 for name in ("queue_ms", "prepare_ms", "encode_ms"))
    assert timing["decode_ms"] < 5
