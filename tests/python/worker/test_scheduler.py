"""The order of work: admission, turns, slots, deadlines."""

import queue
import threading
import time
from collections.abc import Sequence

import pytest

from pixelllm.tasks.errors import TaskError
from pixelllm.worker.calls import Call, ImageBytes, Stage
from pixelllm.worker.scheduler import Kind, Limits, Scheduler, Step

LIMITS = Limits(queue=5, slots=4, encode=2, loading=2)


def call_of(name: str, *, image: str | None = None, width: int = 1, ttl_s: float = 60) -> Call:
    image_bytes = ImageBytes(image or f"image of {name}", 0, 1)
    deadline = time.monotonic() + ttl_s
    return Call(name, "caption", {}, image_bytes, False, deadline, width=width)


def scheduler_with(*calls: Call, stage: Stage = Stage.QUEUED, limits: Limits = LIMITS) -> Scheduler:
    scheduler = Scheduler(limits)
    for call in calls:
        scheduler.submit(call)
        call.stage = stage
    return scheduler


def names(step: Step | None) -> Sequence[str]:
    assert step is not None
    return [call.id for call in step.calls]


def kinds(scheduler: Scheduler, count: int) -> list[Kind | None]:
    steps = [scheduler.next_step() for _ in range(count)]
    return [None if step is None else step.kind for step in steps]


def test_nothing_to_do_without_calls() -> None:
    assert Scheduler(LIMITS).next_step() is None


def test_calls_are_admitted_in_the_order_of_arrival() -> None:
    a, b = call_of("a"), call_of("b")
    scheduler = scheduler_with(a, b)

    first = scheduler.next_step()
    scheduler.enter(a, Stage.WAITING)
    second = scheduler.next_step()

    assert (first, second) == (Step(Kind.ADMIT, (a,)), Step(Kind.ADMIT, (b,)))


def test_queue_takes_no_more_than_its_limit() -> None:
    scheduler = scheduler_with(*(call_of(str(i)) for i in range(LIMITS.queue)))

    with pytest.raises(queue.Full):
        scheduler.submit(call_of("one too many"))

    assert scheduler.counts() == (LIMITS.queue, 0)


def test_admitted_calls_make_room_in_the_queue() -> None:
    calls = [call_of(str(i)) for i in range(LIMITS.queue)]
    scheduler = scheduler_with(*calls)

    scheduler.enter(calls[0], Stage.ENCODING)
    scheduler.submit(call_of("next"))

    assert scheduler.counts() == (LIMITS.queue, 1)


def test_two_running_calls_cannot_have_one_id() -> None:
    scheduler = scheduler_with(call_of("a"))

    with pytest.raises(TaskError, match="'a' is running"):
        scheduler.submit(call_of("a"))


def test_closed_scheduler_refuses_calls_with_the_first_reason() -> None:
    scheduler = Scheduler(LIMITS)

    scheduler.close(TaskError("model_unavailable", "no model"))
    scheduler.close(TaskError("shutting_down", "bye"))

    with pytest.raises(TaskError, match="no model"):
        scheduler.submit(call_of("a"))


def test_only_so_many_pictures_are_decoded_at_a_time() -> None:
    loading = [call_of("a"), call_of("b")]
    scheduler = scheduler_with(*loading)
    for call in loading:
        scheduler.enter(call, Stage.LOADING)
    scheduler.submit(call_of("c"))

    assert scheduler.next_step() is None


def test_calls_are_not_admitted_far_ahead_of_the_slots() -> None:
    waiting = [call_of(str(i), width=4) for i in range(8)]
    scheduler = scheduler_with(*waiting, stage=Stage.WAITING, limits=Limits(queue=20, slots=4))
    scheduler.submit(call_of("late"))

    step = scheduler.next_step()

    assert step is not None
    assert step.kind is Kind.PREFILL


def test_calls_for_one_picture_wait_for_it_together() -> None:
    a, b, other = call_of("a", image="x"), call_of("b", image="x"), call_of("other")
    scheduler = scheduler_with(a, b, other)
    scheduler.image_loading("x")
    scheduler.await_image(a)
    scheduler.await_image(b)

    scheduler.image_loaded("x")

    step = scheduler.next_step()
    assert step == Step(Kind.COLLECT, (a, b), ("x",))
    scheduler.image_ready("x")
    assert (a.stage, b.stage, other.stage) == (Stage.PLANNING, Stage.PLANNING, Stage.QUEUED)


def test_call_for_a_decoded_picture_need_not_wait() -> None:
    a, b = call_of("a", image="x"), call_of("b", image="x")
    scheduler = scheduler_with(a, b)
    scheduler.image_loading("x")
    scheduler.await_image(a)
    scheduler.image_loaded("x")
    scheduler.image_ready("x")

    scheduler.await_image(b)

    assert b.stage is Stage.PLANNING


def test_picture_is_unwanted_once_its_calls_are_gone() -> None:
    a, b = call_of("a", image="x"), call_of("b", image="x")
    scheduler = scheduler_with(a, b)
    scheduler.image_loading("x")
    for call in (a, b):
        scheduler.await_image(call)

    scheduler.remove(a)
    before = scheduler.unwanted_images()
    scheduler.remove(b)

    assert before == []
    assert scheduler.unwanted_images() == ["x"]


def test_picture_that_is_forgotten_is_not_collected_late() -> None:
    scheduler = Scheduler(LIMITS)
    scheduler.image_loading("x")
    scheduler.image_gone("x")

    scheduler.image_loaded("x")

    assert scheduler.next_step() is None


def test_encode_batch_holds_each_picture_once_and_all_its_calls() -> None:
    calls = [call_of("a", image="x"), call_of("b", image="y"), call_of("c", image="x")]
    scheduler = scheduler_with(*calls, call_of("d", image="z"), stage=Stage.ENCODING)

    step = scheduler.next_step()

    assert step is not None
    assert (step.kind, step.images) == (Kind.ENCODE, ("x", "y"))
    assert names(step) == ["a", "b", "c"]


def test_calls_get_slots_of_their_own() -> None:
    calls = [call_of("a", width=2), call_of("b")]
    scheduler = scheduler_with(*calls, stage=Stage.WAITING)

    step = scheduler.next_step()

    assert names(step) == ["a", "b"]
    slots = [slot for call in calls for slot in call.slots]
    assert len(set(slots)) == len(slots) == 3


def test_wide_call_is_not_passed_by_narrow_ones() -> None:
    running, wide, narrow = call_of("running", width=2), call_of("wide", width=3), call_of("narrow")
    scheduler = scheduler_with(running, wide, narrow, stage=Stage.WAITING)

    first = scheduler.next_step()
    scheduler.enter(running, Stage.WRITING)
    second = scheduler.next_step()

    assert names(first) == ["running"]
    assert second is not None
    assert second.kind is Kind.DECODE
    assert (wide.slots, narrow.slots) == ((), ())


@pytest.mark.parametrize("how", ["finishes", "is removed"])
def test_slots_are_free_at_once_when_a_call(how: str) -> None:
    call, following = call_of("a", width=4), call_of("b", width=4)
    scheduler = scheduler_with(call, following, stage=Stage.WAITING)
    scheduler.next_step()
    scheduler.enter(call, Stage.WRITING)

    if how == "finishes":
        scheduler.enter(call, Stage.READING)
    else:
        scheduler.remove(call)
    scheduler.next_step() if how == "finishes" else None  # the READ, whose turn is first
    step = scheduler.next_step()

    assert call.slots == ()
    assert step == Step(Kind.PREFILL, (following,))
    assert sorted(following.slots) == [0, 1, 2, 3]


def test_kinds_of_batches_take_turns() -> None:
    writing, reading = call_of("w"), call_of("r")
    encoding = call_of("e")
    scheduler = scheduler_with(writing, stage=Stage.WRITING)
    for call, stage in ((reading, Stage.READING), (encoding, Stage.ENCODING)):
        scheduler.submit(call)
        call.stage = stage

    order = kinds(scheduler, 6)

    assert sorted(k.name for k in order[:3] if k) == ["DECODE", "ENCODE", "READ"]
    assert order[:3] == order[3:]


def test_steps_of_one_call_come_before_batches() -> None:
    writing, finishing = call_of("w"), call_of("f")
    scheduler = scheduler_with(writing, stage=Stage.WRITING)
    scheduler.submit(finishing)
    scheduler.submit(call_of("new"))
    finishing.stage = Stage.FINISHING

    first = scheduler.next_step()
    scheduler.remove(finishing)

    assert first == Step(Kind.FINISH, (finishing,))
    assert kinds(scheduler, 1) == [Kind.ADMIT]


def test_sweep_removes_what_was_cancelled_and_what_has_expired() -> None:
    kept, cancelled, late = call_of("kept"), call_of("cancelled"), call_of("late", ttl_s=5)
    scheduler = scheduler_with(kept, cancelled, late)
    scheduler.cancel("cancelled")
    scheduler.cancel("unknown")

    gone = scheduler.sweep(time.monotonic() + 6)

    assert gone == [cancelled, late]
    assert scheduler.calls() == [kept]


def test_wait_ends_when_a_call_arrives() -> None:
    scheduler = Scheduler(LIMITS)
    threading.Timer(0.05, lambda: scheduler.submit(call_of("a"))).start()
    begin = time.monotonic()

    scheduler.wait(30)

    assert time.monotonic() - begin < 10


def test_wait_ends_at_the_next_deadline() -> None:
    scheduler = scheduler_with(call_of("a", ttl_s=0.05))
    scheduler.wait(0)  # takes the news of the call
    begin = time.monotonic()

    scheduler.wait(30)

    assert 0.01 < time.monotonic() - begin < 10


def test_news_that_came_before_the_wait_is_not_missed() -> None:
    scheduler = Scheduler(LIMITS)
    scheduler.submit(call_of("a"))
    begin = time.monotonic()

    scheduler.wait(30)

    assert time.monotonic() - begin < 10
