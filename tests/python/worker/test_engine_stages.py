"""Calls of several stages at once, on a real model: detections, texts, masks, in shared batches."""

import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from pixelllm.contract import Region
from pixelllm.tasks.masks import decode_mask
from tests.python.alike import assert_alike
from tests.python.tasks.pictures import gradient, png
from tests.python.worker.harness import Harness, until
from tests.python.worker.samples import Ask, picture

MakeEngine = Callable[..., Harness]
ALL = {"min_score": 0.0}  # a model that was never trained is sure of nothing
MANY = {**ALL, "nms_iou": 1.0, "max_regions": 10}
MASKS = {**MANY, "masks": True}
LONG = {"prefix": "an object of"}
BOX = {"type": "box", "box": [5, 5, 50, 40]}


@pytest.fixture
def make_whole(make_engine: MakeEngine, whole_folder: Path) -> MakeEngine:
    """Makes started engines of a model with all parts."""

    def make(**settings: object) -> Harness:
        return make_engine(model=str(whole_folder), **settings).start()

    return make


@pytest.fixture
def engine(make_whole: MakeEngine) -> Harness:
    return make_whole()


def asks() -> list[Ask]:
    """Requests of every task, in one stage and in several."""
    return [
        ("caption", picture(0), {}),
        ("caption", picture(1), {"ground": "mask", "max_tokens": 20}),
        ("caption", picture(4), {"ground": "mask", "beams": 3, "max_tokens": 12}),
        ("describe", picture(2), {"location": BOX, "ground": "box"}),
        ("locate", picture(0), {"phrase": "the lake"}),
        ("segment", picture(0), {"phrase": "the lake"}),
        ("segment", picture(3), {"phrase": "a blue building on the left of the clock"}),
        ("dense_caption", picture(0), ALL),
        ("dense_caption", picture(5), {**ALL, "words": True, "masks": True}),
        ("dense_caption", picture(2), {**MANY, "max_regions": 20}),
        ("dense_caption", picture(1), {"min_score": 1.0}),
    ]


def counted(harness: Harness, method: str) -> list[int]:
    """The batch sizes with which a method of the runner is called from here on."""
    return on_call(harness, method, lambda: None)


def on_call(harness: Harness, method: str, act: Callable[[], object]) -> list[int]:
    """Act inside the step that calls a method of the runner; the batch sizes of all its calls."""
    sizes: list[int] = []
    runner = harness.steps._runner
    real: Callable[..., object] = getattr(runner, method)

    def call(rows: Sequence[object], *rest: object) -> object:
        sizes.append(len(rows))
        act()
        return real(rows, *rest)

    setattr(runner, method, call)
    return sizes


def regions_of(result: Mapping[str, Any]) -> list[Region]:
    regions: list[Region] = result["regions"]
    return regions


# Answers.


def test_ready_lists_what_the_model_can_do(engine: Harness) -> None:
    (ready,) = engine.of_type("ready")

    (model,) = ready["models"]
    assert model["tasks"] == ["caption", "describe", "locate", "segment", "dense_caption"]


def test_calls_answered_together_are_answered_as_alone(engine: Harness) -> None:
    alone = [engine.ask(*ask) for ask in asks()]
    batches = {name: counted(engine, name) for name in ("detect", "decode", "segment")}

    together = [engine.submit(*ask) for ask in asks()]

    for call_id, expected in zip(together, alone, strict=True):
        assert_alike(engine.result(call_id), expected)
    assert max(batches["detect"]) > 1
    assert max(batches["decode"]) > 8
    assert max(batches["segment"]) > 4


def test_segment_finds_the_box_of_locate(engine: Harness) -> None:
    request = {"phrase": "the lake"}

    located = engine.ask("locate", picture(0), request)
    segmented = engine.ask("segment", picture(0), request)

    assert {name: segmented[name] for name in located} == located
    assert 0 <= segmented["mask_score"] <= 1


@pytest.mark.parametrize(
    ("height", "width"),
    [(8, 8), (8, 256), (256, 8), (64, 64), (1024, 1024), (100, 300), (300, 100)],
)
def test_places_lie_in_images_of_all_sizes(height: int, width: int, engine: Harness) -> None:
    data = png(gradient(height, width))

    segmented = engine.ask("segment", data, {"phrase": "the lake"})
    dense = engine.ask("dense_caption", data, MASKS)
    grounded = engine.ask("caption", data, {"ground": "mask", "max_tokens": 20})

    for one in [segmented, *dense["regions"], *grounded["phrases"]]:
        x_min, y_min, x_max, y_max = one["box"]
        assert 0 <= x_min <= x_max <= width
        assert 0 <= y_min <= y_max <= height
        assert 0 <= one["score"] <= 1
        assert decode_mask(one["mask"]).shape == (height, width)
    assert dense["regions"]


def test_turned_picture_is_segmented_in_the_pixels_that_a_person_sees(engine: Harness) -> None:
    result = engine.ask("segment", picture(2), {"phrase": "the lake"})  # 107 x 210 when upright

    assert result["mask"]["size"] == [107, 210]


@pytest.mark.parametrize("request_", [LONG, {**LONG, "beams": 2, "max_tokens": 30}])
@pytest.mark.parametrize("ground", ["box", "mask"])
def test_streamed_words_come_before_the_phrases_and_are_those_of_the_result(
    request_: Mapping[str, object], ground: str, engine: Harness
) -> None:
    call_id = engine.submit("caption", picture(0), {**request_, "ground": ground}, stream=True)

    result = engine.result(call_id)

    assert engine.streamed(call_id) == result["words"]
    assert result["phrases"]
    plain = engine.ask("caption", picture(0), request_)
    assert {name: result[name] for name in plain} == plain


@pytest.mark.parametrize(
    ("task", "request_"),
    [
        ("segment", {"phrase": "a"}),
        ("dense_caption", {}),
        ("caption", {"ground": "mask"}),
        ("describe", {"ground": "mask", "location": BOX}),
    ],
)
def test_model_without_the_parts_refuses_and_goes_on(
    task: str, request_: Mapping[str, object], make_engine: MakeEngine
) -> None:
    engine = make_engine().start()

    answer = engine.answer(engine.submit(task, picture(0), request_))

    assert answer["error"]["code"] == "task_unsupported"
    assert "the loaded model has no" in answer["error"]["message"]
    assert engine.ask("caption", picture(0), {"ground": "box"})["phrases"]


# Regions and slots.


def test_regions_of_an_image_are_written_about_in_one_batch(engine: Harness) -> None:
    prefills, decodes = counted(engine, "prefill"), counted(engine, "decode")
    detects, segments = counted(engine, "detect"), counted(engine, "segment")

    regions = regions_of(engine.ask("dense_caption", picture(0), {**MASKS, "max_regions": 16}))

    count = len(regions)
    assert count > 4
    assert prefills == [count]
    assert decodes[0] == count
    assert (detects, segments) == ([1], [count])


def test_more_regions_than_slots_are_written_about_as_slots_become_free(
    make_whole: MakeEngine,
) -> None:
    expected = make_whole().ask("dense_caption", picture(0), MASKS)
    few = make_whole(max_batch=4)
    prefills, decodes = counted(few, "prefill"), counted(few, "decode")
    segments = counted(few, "segment")

    result = few.ask("dense_caption", picture(0), MASKS)

    assert len(regions_of(result)) > 8
    assert_alike(result, expected)
    assert prefills[0] == 4
    assert sum(prefills) == len(regions_of(result))
    assert max(decodes) == 4
    assert segments[:-1] == [4] * (len(segments) - 1), "no place in a batch is left empty"


def test_image_without_regions_takes_no_step_of_the_language_model(engine: Harness) -> None:
    prefills, segments = counted(engine, "prefill"), counted(engine, "segment")

    result = engine.ask("dense_caption", picture(0), {"min_score": 1.0, "masks": True})

    assert result == {"regions": []}
    assert (prefills, segments) == ([], [])


def test_call_joins_while_regions_are_written_about(make_whole: MakeEngine) -> None:
    engine = make_whole(max_batch=4)
    dense = engine.ask("dense_caption", picture(0), MANY)
    caption = engine.ask("caption", picture(1), {"max_tokens": 9})
    joined: list[str] = []
    order: list[str] = []

    def join() -> None:
        if not joined:
            joined.append(engine.submit("caption", picture(1), {"max_tokens": 9}))

    on_call(engine, "decode", join)
    engine.on_event = lambda event: order.append(event.get("id", ""))
    running = engine.submit("dense_caption", picture(0), MANY)

    assert_alike(engine.result(running), dense)
    assert_alike(engine.result(joined[0]), caption)
    assert order == [joined[0], running], "the short call did not wait for the long one"


def test_steps_of_a_call_count_once_however_many_texts_it_writes(engine: Harness) -> None:
    decodes = counted(engine, "decode")

    answer = engine.answer(engine.submit("dense_caption", picture(0), ALL))

    assert answer["timing"]["steps"] == len(decodes)
    assert answer["timing"]["decode_ms"] > 0


# Cancelling, deadlines and failures, in every stage.


STAGES = ("detect", "prefill", "decode", "segment")


@pytest.mark.parametrize("method", STAGES)
def test_call_is_cancelled_within_one_step_of_any_kind(method: str, make_whole: MakeEngine) -> None:
    engine = make_whole(max_batch=4)
    expected = engine.ask("dense_caption", picture(0), MASKS)
    later = {name: counted(engine, name) for name in STAGES[STAGES.index(method) + 1 :]}
    sizes = on_call(engine, method, lambda: engine.engine.cancel("victim"))
    engine.submit("dense_caption", picture(0), MASKS, call_id="victim")

    assert engine.error("victim") == "cancelled"
    assert len(sizes) == 1
    assert all(count == [] for count in later.values())
    assert engine.free_slots == 4
    assert engine.engine.status()["active"] == 0
    assert engine.steps._works == {}
    assert_alike(engine.ask("dense_caption", picture(0), MASKS), expected)


@pytest.mark.parametrize("method", ["read", "segment"])
def test_segment_is_cancelled_within_one_step_of_any_kind(method: str, engine: Harness) -> None:
    sizes = on_call(engine, method, lambda: engine.engine.cancel("victim"))
    engine.submit("segment", picture(0), {"phrase": "the lake"}, call_id="victim")

    assert engine.error("victim") == "cancelled"
    assert sizes == [1]


@pytest.mark.parametrize("method", STAGES)
def test_call_whose_deadline_passes_in_a_step_takes_no_further_one(
    method: str, make_whole: MakeEngine
) -> None:
    engine = make_whole(max_batch=4)

    def let_time_pass() -> None:
        for call in engine.scheduler.calls():
            call.deadline = time.monotonic()

    sizes = on_call(engine, method, let_time_pass)
    call_id = engine.submit("dense_caption", picture(0), MASKS)

    assert engine.error(call_id) == "deadline_exceeded"
    assert len(sizes) == 1
    assert engine.free_slots == 4


def test_slots_of_cancelled_regions_are_taken_by_a_call_that_waits(make_whole: MakeEngine) -> None:
    engine = make_whole(max_batch=2)
    expected = engine.ask("caption", picture(1), {"max_tokens": 9})
    waiting: list[str] = []

    def act() -> None:
        if not waiting:
            waiting.append(engine.submit("caption", picture(1), {"max_tokens": 9}))
            engine.engine.cancel("victim")

    on_call(engine, "decode", act)
    engine.submit("dense_caption", picture(0), MANY, call_id="victim")

    assert engine.error("victim") == "cancelled"
    assert_alike(engine.result(waiting[0]), expected)


@pytest.mark.parametrize(
    ("method", "error", "code"),
    [
        ("detect", RuntimeError("a kernel failed"), "internal"),
        ("segment", RuntimeError("a kernel failed"), "internal"),
        ("detect", torch.OutOfMemoryError("no memory"), "out_of_memory"),
        ("segment", torch.OutOfMemoryError("no memory"), "out_of_memory"),
        ("prefill", torch.OutOfMemoryError("no memory"), "out_of_memory"),
    ],
)
def test_batch_that_fails_is_answered_and_the_engine_goes_on(
    method: str, error: Exception, code: str, engine: Harness
) -> None:
    expected = engine.ask("dense_caption", picture(0), MASKS)
    runner = engine.steps._runner
    real = getattr(runner, method)

    def fail(*_: object) -> None:
        setattr(runner, method, real)
        raise error

    setattr(runner, method, fail)

    assert engine.error(engine.submit("dense_caption", picture(0), MASKS)) == code
    assert_alike(engine.ask("dense_caption", picture(0), MASKS), expected)
    assert engine.free_slots == 16


def test_logits_of_one_region_that_are_no_numbers_fail_its_call_alone(engine: Harness) -> None:
    sound = engine.ask("caption", picture(1), LONG)
    dense = engine.ask("dense_caption", picture(5), ALL)
    model = engine.steps._runner._model
    real = model.decode_step

    def slots_of_one_region() -> set[int]:
        calls = [call for call in engine.scheduler.calls() if call.id == "broken"]
        return {slot for call in calls for piece in call.pieces[1:2] for slot in piece.slots}

    def decode_step(tokens: Any, positions: Any, slots: torch.Tensor, cache: Any) -> Any:
        logits, hidden = real(tokens, positions, slots, cache)
        broken = slots_of_one_region()
        logits[[slot in broken for slot in slots.tolist()]] = torch.nan
        return logits, hidden

    model.decode_step = decode_step  # type: ignore[method-assign]
    engine.submit("dense_caption", picture(0), ALL, call_id="broken")
    others = [
        engine.submit("caption", picture(1), LONG),
        engine.submit("dense_caption", picture(5), ALL),
    ]

    assert engine.error("broken") == "internal"
    assert_alike(engine.result(others[0]), sound)
    assert_alike(engine.result(others[1]), dense)
    assert engine.free_slots == 16


def test_map_that_is_no_number_fails_its_call_alone(engine: Harness) -> None:
    request = {"phrase": "the lake"}
    expected = engine.ask("segment", picture(1), request)
    engine.ask("locate", picture(0), request)
    *_, used_last = engine.steps._cache._entries.values()
    with torch.inference_mode():
        used_last.features.sam[:] = torch.nan

    broken = engine.submit("segment", picture(0), request)
    sound = engine.submit("segment", picture(1), request)

    assert engine.error(broken) == "internal"
    assert_alike(engine.result(sound), expected)


def test_every_call_of_a_busy_time_is_answered_once_and_nothing_is_left(
    make_whole: MakeEngine,
) -> None:
    engine = make_whole(max_batch=6, feature_cache_bytes=500_000, max_queue=1000)
    choices = asks()
    expected = [engine.ask(*ask) for ask in choices]
    picks = random.Random(4)
    calls: dict[str, int] = {}

    for _ in range(60):
        number = picks.randrange(len(choices))
        calls[engine.submit(*choices[number])] = number
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


def test_stopping_answers_a_call_in_the_middle_of_its_stages(engine: Harness) -> None:
    stopper = threading.Thread(target=engine.engine.stop)
    on_call(engine, "detect", stopper.start)

    call_id = engine.submit("dense_caption", picture(0), MASKS)

    assert engine.error(call_id) == "shutting_down"
    stopper.join(30)
