"""Many calls at once, on a real model: right answers, one each, and failures that stay put."""

import hashlib
import queue
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest
import torch

from pixelllm.inference.picture import Picture
from pixelllm.inference.runner import Runner
from pixelllm.model.checkpoint import Checkpoint
from pixelllm.tasks import TASKS
from pixelllm.tasks.base import Answering, BoxPrompt, ModelFacts, Request, Text, Write, compute
from pixelllm.tasks.caption import Caption
from pixelllm.tasks.errors import TaskError
from pixelllm.tasks.frame import Frame
from pixelllm.tasks.image import decode_image
from pixelllm.worker import pictures
from pixelllm.worker.pictures import load_picture
from tests.python.alike import assert_alike
from tests.python.checkpoints import SIDE
from tests.python.tasks.pictures import gradient, png
from tests.python.worker.harness import Event, Harness, until
from tests.python.worker.samples import asks, picture

MakeEngine = Callable[..., Harness]
PLACES = 1e-5 * SIDE  # model pixels; sums in another order differ in their last bits
LONG = {"prefix": "an object of"}  # with picture 0: more than 40 tokens and 10 words


class Unrounded(Caption):
    """A caption whose result is what the model said, to the last bit."""

    def answer(self, request: Request, frame: Frame, model: ModelFacts) -> Answering:
        plans = next(super().answer(request, frame, model))
        (text,) = yield from compute(plans, Text)
        return {"tokens": list(text.tokens), "corners": text.corners.tolist()}


class Boom(Caption):
    """A task with a defect where its request says."""

    def answer(self, request: Request, frame: Frame, model: ModelFacts) -> Answering:
        if request.get("where") == "begin":
            raise RuntimeError("boom")
        yield from compute(next(super().answer({}, frame, model)), Text)
        if request.get("where") == "end":
            raise RuntimeError("boom")
        return {"score": float("nan")}


class Sleep(Caption):
    """A task that holds the engine up."""

    def answer(self, request: Request, frame: Frame, model: ModelFacts) -> Answering:
        time.sleep(0.3)
        return (yield from super().answer({}, frame, model))


@pytest.fixture(autouse=True)
def _tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, task in {"unrounded": Unrounded(), "boom": Boom(), "sleep": Sleep()}.items():
        monkeypatch.setitem(TASKS, name, task)


@pytest.fixture
def engine(make_engine: MakeEngine) -> Harness:
    return make_engine().start()


def counted(harness: Harness, method: str) -> list[int]:
    """The batch sizes with which a method of the runner is called from here on."""
    sizes: list[int] = []
    runner = harness.steps._runner
    real: Callable[..., object] = getattr(runner, method)

    def call(rows: Sequence[object], *rest: object) -> object:
        sizes.append(len(rows))
        return real(rows, *rest)

    setattr(runner, method, call)
    return sizes


def on_first_words(harness: Harness, act: Callable[[], object]) -> None:
    """Act once, inside the decode step that completes the first streamed words."""

    def hear(event: Event) -> None:
        if event["type"] == "words":
            harness.on_event = None
            act()

    harness.on_event = hear


# Answers.


def test_ready_says_what_is_loaded(engine: Harness) -> None:
    (ready,) = engine.of_type("ready")

    (model,) = ready["models"]
    parameters = model.pop("parameters")
    assert ready["device"] == "cpu"
    assert parameters > 1_000_000
    assert model == {
        "id": "seeded",
        "description": "Random weights for tests.",
        "tasks": ["caption", "describe", "locate"],
        "frame_size": SIDE,
        "max_tokens": 62,
        "device": "cpu",
        "dtype": "float32",
    }


def test_caption_has_words_with_places_inside_the_image(engine: Harness) -> None:
    result = engine.ask("caption", png(gradient(120, 300)), LONG)

    assert result["words"]
    for word in result["words"]:
        assert result["caption"][word["start"] : word["end"]] == word["text"]
        x_min, y_min, x_max, y_max = word["box"]
        assert 0 <= x_min <= word["point"][0] <= x_max <= 300
        assert 0 <= y_min <= word["point"][1] <= y_max <= 120
        assert 0 <= word["score"] <= 1


def test_a_model_of_less_precision_answers_every_task(make_engine: MakeEngine) -> None:
    harness = make_engine(dtype="bfloat16").start()
    image = png(gradient(120, 300))

    place = harness.ask("describe", image, {"location": {"type": "point", "point": [40, 50]}})
    found = harness.ask("locate", image, {"phrase": "a star"})

    assert place["words"]
    assert len(found["box"]) == 4


def test_calls_answered_together_are_answered_as_alone(engine: Harness) -> None:
    alone = [engine.ask(*ask) for ask in asks()]
    sizes = counted(engine, "decode")

    together = [engine.submit(*ask) for ask in asks()]

    for call_id, expected in zip(together, alone, strict=True):
        assert_alike(engine.result(call_id), expected)
    assert max(sizes) > 4, "the calls did not share their steps"


def test_places_of_calls_answered_together_are_those_of_calls_answered_alone(
    engine: Harness,
) -> None:
    alone = [engine.ask("unrounded", picture(number), LONG) for number in range(6)]

    together = [engine.submit("unrounded", picture(number), LONG) for number in range(6)]

    for call_id, expected in zip(together, alone, strict=True):
        result = engine.result(call_id)
        assert result["tokens"] == expected["tokens"]
        np.testing.assert_allclose(result["corners"], expected["corners"], atol=PLACES)


def test_engine_writes_what_the_model_writes(engine: Harness, checkpoint: Checkpoint) -> None:
    runner = Runner(checkpoint, slots=1)
    data = picture(0)
    decoded = load_picture(data, hashlib.sha256(data).hexdigest(), checkpoint.config)
    prefix = checkpoint.tokenizer.encode_prefix(LONG["prefix"])
    with torch.inference_mode():
        images = runner.encode([decoded])
        plan = Write(BoxPrompt(decoded.frame.whole()), prefix, 62, 1)
        (draft,) = runner.prefill([plan], images, [[0]])
        while not draft.done:
            runner.decode([draft], images, [[0]])

    result = engine.ask("unrounded", data, LONG)

    assert result["tokens"] == draft.text().tokens
    np.testing.assert_allclose(result["corners"], draft.text().corners, atol=PLACES)


def test_call_that_joins_while_another_writes_changes_nothing(engine: Harness) -> None:
    first = engine.ask("caption", picture(0), LONG)
    second = engine.ask("describe", picture(1), {"location": {"type": "point", "point": [9, 9]}})
    third = engine.ask("locate", picture(2), {"phrase": "the lake"})
    sizes = counted(engine, "decode")
    joined: list[str] = []

    def join() -> None:
        location = {"location": {"type": "point", "point": [9, 9]}}
        joined.append(engine.submit("describe", picture(1), location))
        joined.append(engine.submit("locate", picture(2), {"phrase": "the lake"}))

    on_first_words(engine, join)
    running = engine.submit("caption", picture(0), LONG, stream=True)

    assert_alike(engine.result(running), first)
    assert [engine.result(call_id) for call_id in joined] == [second, third]
    assert 2 in sizes, "the call did not join"


def test_timing_adds_up_to_the_whole(engine: Harness) -> None:
    begin = time.monotonic()
    answer = engine.answer(engine.submit("caption", picture(0), LONG))
    whole_ms = (time.monotonic() - begin) * 1000

    timing = answer["timing"]
    assert timing["steps"] > 40
    spent = sum(value for name, value in timing.items() if name.endswith("_ms"))
    assert spent <= whole_ms
    assert timing["encode_ms"] > 0
    assert timing["decode_ms"] > 0


# Streaming.


@pytest.mark.parametrize("request_", [LONG, {"beams": 3, "max_tokens": 30, "prefix": "the lake"}])
def test_streamed_words_are_the_words_of_the_result(
    request_: Mapping[str, object], engine: Harness
) -> None:
    call_id = engine.submit("caption", picture(0), request_, stream=True)

    result = engine.result(call_id)

    assert engine.streamed(call_id) == result["words"]
    assert [e["type"] for e in engine.events][-1] == "done"


def test_words_are_pushed_while_the_text_is_written(engine: Harness) -> None:
    call_id = engine.submit("caption", picture(0), LONG, stream=True)

    result = engine.result(call_id)

    assert len(engine.of_type("words")) > len(result["words"]) / 2 > 2


def test_calls_that_stream_share_one_event_per_step(engine: Harness) -> None:
    calls = [engine.submit("caption", picture(0), LONG, stream=True) for _ in range(2)]
    silent = engine.submit("caption", picture(0), LONG)

    words = [engine.result(call_id)["words"] for call_id in calls]
    engine.result(silent)

    assert [engine.streamed(call_id) for call_id in calls] == words
    assert any(len(event["words"]) == 2 for event in engine.of_type("words"))
    assert engine.streamed(silent) == []


# Cancelling and deadlines.


def test_cancelled_call_takes_no_further_step(engine: Harness) -> None:
    sizes = counted(engine, "decode")
    at_cancel: list[int] = []

    def cancel() -> None:
        engine.engine.cancel("victim")
        at_cancel.append(len(sizes))

    on_first_words(engine, cancel)
    engine.submit("caption", picture(0), LONG, stream=True, call_id="victim")

    assert engine.error("victim") == "cancelled"
    assert len(sizes) == at_cancel[0]
    assert engine.free_slots == 16
    assert engine.engine.status()["active"] == 0


def test_slot_of_a_cancelled_call_is_taken_by_one_that_waits(make_engine: MakeEngine) -> None:
    engine = make_engine(max_batch=1).start()
    expected = engine.ask("caption", picture(1), LONG)

    def cancel() -> None:
        engine.engine.cancel("first")

    on_first_words(engine, cancel)
    engine.submit("caption", picture(0), LONG, stream=True, call_id="first")
    second = engine.submit("caption", picture(1), LONG)

    assert engine.error("first") == "cancelled"
    assert_alike(engine.result(second), expected)


def test_cancelling_one_call_leaves_the_others_of_its_batch_alone(engine: Harness) -> None:
    expected = engine.ask("caption", picture(1), LONG)
    on_first_words(engine, lambda: engine.engine.cancel("victim"))

    engine.submit("caption", picture(0), LONG, stream=True, call_id="victim")
    other = engine.submit("caption", picture(1), LONG)

    assert engine.error("victim") == "cancelled"
    assert_alike(engine.result(other), expected)


def test_call_cancelled_before_it_begins_is_not_begun(make_engine: MakeEngine) -> None:
    engine = make_engine()
    call_id = engine.submit("caption", picture(0))
    engine.engine.cancel(call_id)

    engine.start()

    assert engine.error(call_id) == "cancelled"
    assert engine.files.reads == []


def test_call_is_cancelled_while_its_picture_is_decoded(
    engine: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, begun = threading.Event(), threading.Semaphore(0)

    def load_when_open(*arguments: Any) -> Picture:
        begun.release()
        assert gate.wait(60)
        return load_picture(*arguments)

    monkeypatch.setattr(pictures, "load_picture", load_when_open)
    sizes = counted(engine, "encode")
    calls = [engine.submit("caption", picture(number)) for number in range(3)]
    for _ in range(pictures.THREADS):
        assert begun.acquire(timeout=60)
    for call_id in calls:
        engine.engine.cancel(call_id)

    assert [engine.error(call_id) for call_id in calls] == ["cancelled"] * 3
    gate.set()
    until(lambda: engine.scheduler._images == {})
    assert (len(engine.steps._pictures), len(engine.steps._futures)) == (0, 0)
    assert sizes == []
    assert not begun.acquire(blocking=False), "a picture that nobody wants was decoded"
    assert engine.ask("caption", picture(0))["words"]


def test_call_whose_deadline_passes_takes_no_further_step(engine: Harness) -> None:
    sizes = counted(engine, "decode")
    at_deadline: list[int] = []

    def let_time_pass() -> None:
        (call,) = engine.scheduler.calls()
        call.deadline = time.monotonic()
        at_deadline.append(len(sizes))

    on_first_words(engine, let_time_pass)
    call_id = engine.submit("caption", picture(0), LONG, stream=True)

    assert engine.error(call_id) == "deadline_exceeded"
    assert len(sizes) == at_deadline[0] < 40
    assert engine.free_slots == 16


def test_call_whose_time_is_up_on_arrival_is_not_begun(engine: Harness) -> None:
    call_id = engine.submit("caption", picture(0), ttl_ms=0)

    assert engine.error(call_id) == "deadline_exceeded"
    assert engine.files.reads == []


# Admission.


def test_queue_that_is_full_takes_no_call(make_engine: MakeEngine) -> None:
    engine = make_engine(max_queue=2)
    taken = [engine.submit("caption", picture(0)) for _ in range(2)]

    with pytest.raises(queue.Full):
        engine.submit("caption", picture(0))

    assert engine.engine.status()["queued"] == 2
    engine.start()
    assert all(engine.answer(call_id)["type"] == "done" for call_id in taken)


def test_more_calls_than_slots_are_all_answered(make_engine: MakeEngine) -> None:
    engine = make_engine(max_batch=2).start()
    sizes = counted(engine, "decode")

    calls = [engine.submit("caption", picture(i % 4), {"max_tokens": 6}) for i in range(12)]

    assert all(engine.answer(call_id)["type"] == "done" for call_id in calls)
    assert max(sizes) == 2


def test_more_beams_than_slots_are_refused(make_engine: MakeEngine) -> None:
    engine = make_engine(max_batch=2).start()

    assert engine.error(engine.submit("caption", picture(0), {"beams": 3})) == "invalid_request"


@pytest.mark.parametrize("message", [{}, {"id": "a"}, {"id": 5, "task": "caption"}])
def test_malformed_call_is_refused(message: Mapping[str, object], engine: Harness) -> None:
    with pytest.raises(TaskError, match="malformed"):
        engine.engine.submit(message)


def test_unknown_task_is_refused(engine: Harness) -> None:
    with pytest.raises(TaskError, match="no task 'sing'"):
        engine.submit("sing", picture(0))


# Images.


def test_image_asked_about_again_is_not_encoded_again(engine: Harness) -> None:
    sizes = counted(engine, "encode")

    first = engine.ask("caption", picture(0))
    again = engine.ask("caption", picture(0))
    engine.ask("locate", picture(0), {"phrase": "the lake"})

    assert sizes == [1]
    assert len(engine.files.reads) == 1
    assert again == first


def test_image_asked_about_by_several_at_once_is_encoded_once(make_engine: MakeEngine) -> None:
    engine = make_engine(feature_cache_bytes=0)
    calls = [engine.submit("caption", picture(0), {"max_tokens": 3}) for _ in range(4)]
    engine.start()
    expected = [engine.result(call_id) for call_id in calls]

    assert len(engine.files.reads) == 1
    assert expected.count(expected[0]) == 4


def test_features_beyond_the_budget_are_let_go(make_engine: MakeEngine) -> None:
    engine = make_engine().start()
    engine.ask("caption", picture(0), {"max_tokens": 1})
    one = engine.steps._cache.nbytes
    assert one > 0
    engine = make_engine(feature_cache_bytes=2 * one + 1).start()
    sizes = counted(engine, "encode")

    for number in (0, 1, 2, 1, 2, 0):
        engine.ask("caption", picture(number), {"max_tokens": 1})
        assert engine.steps._cache.nbytes <= 2 * one + 1

    assert len(sizes) == 4


def test_turned_picture_is_answered_in_the_pixels_that_a_person_sees(engine: Harness) -> None:
    turned = picture(2)
    upright = png(decode_image(turned))
    assert upright != turned

    assert engine.ask("caption", turned, LONG) == engine.ask("caption", upright, LONG)


@pytest.mark.parametrize("data", [b"no picture", png(gradient(60, 60))[:100], png(gradient(2, 2))])
def test_unreadable_image_fails_its_calls_alone(data: bytes, engine: Harness) -> None:
    good = engine.submit("caption", picture(0))
    bad = [engine.submit("caption", data), engine.submit("locate", data, {"phrase": "a"})]

    assert [engine.error(call_id) for call_id in bad] == ["image_unreadable"] * 2
    assert engine.result(good)["caption"]
    assert engine.error(engine.submit("caption", data)) == "image_unreadable"


def test_bytes_of_another_image_are_never_answered_about(engine: Harness) -> None:
    image = engine.files.add(picture(0))
    engine.files.add(picture(1))
    message = {
        "model": engine.model,
        "task": "caption",
        "request": {},
        "ttl_ms": 60_000,
        "stream": False,
    }
    wrong = {**image, "offset": int(str(image["bytes"])), "bytes": len(picture(1))}

    engine.engine.submit({**message, "id": "wrong", "image": wrong})
    code = engine.error("wrong")
    engine.engine.submit({**message, "id": "right", "image": image})

    assert code == "internal"
    assert_alike(engine.result("right"), engine.ask("caption", picture(0)))


# Failures.


@pytest.mark.parametrize("request_", [{"where": "begin"}, {"where": "end"}, {"where": "result"}])
def test_defect_in_one_call_leaves_the_others_alone(
    request_: Mapping[str, object], engine: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    expected = engine.ask("caption", picture(0), LONG)
    others = [engine.submit("caption", picture(0), LONG)]
    boom = engine.submit("boom", picture(0), request_)
    others.append(engine.submit("caption", picture(0), LONG))

    assert engine.error(boom) == "internal"
    assert [engine.result(call_id) for call_id in others] == [expected] * 2
    assert boom in caplog.text
    assert "Traceback" in caplog.text
    assert engine.free_slots == 16


def test_place_that_is_no_number_fails_its_call_alone(engine: Harness) -> None:
    expected = engine.ask("caption", picture(0), LONG)
    runner = engine.steps._runner
    real = runner.decode

    def decode(*arguments: Any) -> None:
        real(*arguments)
        broken = engine.steps._works.get("broken")
        for draft in broken.drafts.values() if broken is not None else ():
            for corners in draft._corners:
                corners[:] = np.nan

    runner.decode = decode  # type: ignore[assignment, method-assign]
    engine.submit("caption", picture(0), LONG, stream=True, call_id="broken")
    sound = engine.submit("caption", picture(0), LONG, stream=True)

    assert engine.error("broken") == "internal"
    assert_alike(engine.result(sound), expected)
    assert_alike(engine.streamed(sound), expected["words"])


def test_message_of_a_defect_stays_in_the_log(engine: Harness) -> None:
    answer = engine.answer(engine.submit("boom", picture(0), {"where": "begin"}))

    assert "boom" not in answer["error"]["message"]


@pytest.mark.parametrize(
    ("method", "error", "code"),
    [
        ("encode", RuntimeError("a kernel failed"), "internal"),
        ("prefill", RuntimeError("a kernel failed"), "internal"),
        ("decode", RuntimeError("a kernel failed"), "internal"),
        ("read", RuntimeError("a kernel failed"), "internal"),
        ("encode", torch.OutOfMemoryError("no memory"), "out_of_memory"),
        ("decode", torch.OutOfMemoryError("no memory"), "out_of_memory"),
        ("read", MemoryError(), "out_of_memory"),
    ],
)
def test_batch_that_fails_is_answered_and_the_engine_goes_on(
    method: str, error: Exception, code: str, engine: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    expected = engine.ask("caption", picture(1), {"beams": 2, "max_tokens": 5})
    runner = engine.steps._runner
    real = getattr(runner, method)

    def fail(*_: object) -> None:
        setattr(runner, method, real)
        raise error

    setattr(runner, method, fail)
    call_id = engine.submit("caption", picture(0), {"beams": 2, "max_tokens": 5})

    assert engine.error(call_id) == code
    assert_alike(engine.ask("caption", picture(1), {"beams": 2, "max_tokens": 5}), expected)
    assert engine.ask("caption", picture(0), {"beams": 2, "max_tokens": 5})
    assert engine.free_slots == 16
    assert call_id in caplog.text


def test_features_are_given_back_when_memory_runs_out(engine: Harness) -> None:
    engine.ask("caption", picture(0), {"max_tokens": 1})
    runner = engine.steps._runner

    def fail(*_: object) -> None:
        raise torch.OutOfMemoryError("no memory")

    runner.encode = fail  # type: ignore[assignment, method-assign]
    engine.error(engine.submit("caption", picture(1)))

    assert engine.steps._cache.nbytes == 0


def test_engine_whose_device_fails_gives_up_so_that_it_can_be_replaced(engine: Harness) -> None:
    def fail(*_: object) -> None:
        raise torch.AcceleratorError("device-side assert triggered")

    engine.steps._runner.decode = fail  # type: ignore[assignment, method-assign]
    call_id = engine.submit("caption", picture(0))

    assert engine.error(call_id) == "internal"
    until(lambda: engine.engine.status()["engine_age_ms"] > 700)
    with pytest.raises(TaskError) as caught:
        engine.submit("caption", picture(0))
    assert caught.value.code == "worker_unavailable"


@pytest.mark.parametrize("model", ["nothing-of-that-name", "/"])
def test_model_that_is_not_there_is_said_in_a_sentence(model: str, make_engine: MakeEngine) -> None:
    engine = make_engine(model=model)
    waiting = engine.submit("caption", picture(0))
    engine.engine.start()

    assert engine.error(waiting) == "model_unavailable"
    (failed,) = engine.of_type("failed")
    assert failed["error"]["code"] == "model_unavailable"
    assert "\n" not in failed["error"]["message"]
    with pytest.raises(TaskError) as caught:
        engine.submit("caption", picture(0))
    assert caught.value.code == "model_unavailable"


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
def test_device_that_is_not_there_is_said_in_a_sentence(make_engine: MakeEngine) -> None:
    engine = make_engine(device="cuda")
    engine.engine.start()
    engine.wait(lambda: engine.of_type("failed"))

    (failed,) = engine.of_type("failed")
    assert "CUDA" in failed["error"]["message"]


# Life.


def test_engine_that_idles_is_young(engine: Harness) -> None:
    ages = []
    for _ in range(15):
        time.sleep(0.1)
        ages.append(engine.engine.status()["engine_age_ms"])

    assert max(ages) < 2_000


def test_engine_that_is_stuck_grows_old(engine: Harness) -> None:
    call_id = engine.submit("sleep", picture(0))
    ages = []
    while not engine._answers(call_id):
        ages.append(engine.engine.status()["engine_age_ms"])
        time.sleep(0.01)

    assert max(ages) > 250


def test_stopping_answers_the_calls_that_are_left(engine: Harness) -> None:
    stopper = threading.Thread(target=engine.engine.stop)
    on_first_words(engine, stopper.start)

    running = engine.submit("caption", picture(0), LONG, stream=True)
    others = [engine.submit("caption", picture(number)) for number in range(3)]
    codes = {engine.answer(call_id).get("error", {}).get("code") for call_id in [running, *others]}
    stopper.join(30)

    assert "shutting_down" in codes
    assert codes <= {"shutting_down", None}
    with pytest.raises(TaskError) as caught:
        engine.submit("caption", picture(0))
    assert caught.value.code == "shutting_down"


def test_stopping_twice_is_fine(engine: Harness) -> None:
    engine.engine.stop()
    engine.engine.stop()


def test_every_call_of_a_busy_time_is_answered_once_and_nothing_is_left(
    make_engine: MakeEngine,
) -> None:
    engine = make_engine(max_batch=6, feature_cache_bytes=500_000).start()
    choices = asks()
    expected = [engine.ask(*ask) for ask in choices]
    picks = random.Random(3)
    calls: dict[str, int] = {}

    for _ in range(90):
        number = picks.randrange(len(choices))
        try:
            call_id = engine.submit(*choices[number], stream=picks.random() < 0.3)
        except queue.Full:
            time.sleep(0.05)
            continue
        calls[call_id] = number
        if picks.random() < 0.3:
            engine.engine.cancel(picks.choice(list(calls)))
        time.sleep(picks.random() * 0.01)

    for call_id, number in calls.items():
        answer = engine.answer(call_id)
        if answer["type"] == "done":
            assert_alike(answer["result"], expected[number])
        else:
            assert answer["error"]["code"] == "cancelled"
    until(lambda: not engine.steps._futures)
    assert engine.free_slots == 6
    assert engine.engine.status()["active"] == 0
    assert engine.steps._works == {}
    assert engine.steps._pictures == {}
