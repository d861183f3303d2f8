"""The order of work: admission, turns, slots, deadlines."""

import math
import queue
import time
from collections.abc import Sequence

import pytest

from pixelllm.tasks.errors import TaskError
from pixelllm.worker.bell import Bell
from pixelllm.worker.calls import Call, ImageBytes, Need, Piece, Stage
from pixelllm.worker.scheduler import Kind, Limits, Scheduler, Step

LIMITS = Limits(queue=5, slots=4, encode=2, loading=2)


def call_of(name: str, *, image: str | None = None, ttl_s: float = 60) -> Call:
    image_bytes = ImageBytes(image or f"image of {name}", 0, 1)
    deadline = time.monotonic() + ttl_s
    return Call(name, "tiny", "caption", {}, image_bytes, False, deadline)


def needing(name: str, need: Need, *, pieces: int = 1, width: int = 1) -> Call:
    """A call whose pieces all need the same."""
    call = call_of(name)
    call.pieces = [Piece(call, number, need, width) for number in range(pieces)]
    call.stage = Stage.COMPUTING
    return call


def scheduler_with(*calls: Call, stage: Stage | None = None, limits: Limits = LIMITS) -> Scheduler:
    scheduler = Scheduler(limits, Bell())
    for call in calls:
        scheduler.submit(call)
        call.stage = stage or call.stage
    return scheduler


def begin(scheduler: Scheduler, step: Step | None) -> list[str]:
    """Let the texts of a PREFILL step be written; the calls they belong to, text by text."""
    assert step is not None
    assert step.kind is Kind.PREFILL
    for piece in step.pieces:
        scheduler.need(piece, Need.TOKENS)
    return [piece.call.id for piece in step.pieces]


def prefill(scheduler: Scheduler) -> list[str]:
    """Begin the texts that are next; none where there is no slot."""
    step = scheduler._prefill()
    return [] if step is None else begin(scheduler, step)


def finish_one(scheduler: Scheduler, call: Call) -> None:
    """Let the text of a call end that was begun first."""
    scheduler.done(call.needing(Need.TOKENS)[0])


def names(step: Step | None) -> Sequence[str]:
    assert step is not None
    return [call.id for call in step.calls]


def kinds(scheduler: Scheduler, count: int) -> list[Kind | None]:
    steps = [scheduler.next_step() for _ in range(count)]
    return [None if step is None else step.kind for step in steps]


def test_nothing_to_do_without_calls() -> None:
    assert Scheduler(LIMITS, Bell()).next_step() is None


def test_calls_are_admitted_in_the_order_of_arrival() -> None:
    a, b = call_of("a"), call_of("b")
    scheduler = scheduler_with(a, b)

    first = scheduler.next_step()
    scheduler.enter(a, Stage.ENCODING)
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
    scheduler = Scheduler(LIMITS, Bell())

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
    waiting = [needing(str(i), Need.SLOTS, width=4) for i in range(8)]
    scheduler = scheduler_with(*waiting, limits=Limits(queue=20, slots=4))
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
    scheduler = Scheduler(LIMITS, Bell())
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


def test_texts_get_slots_of_their_own() -> None:
    calls = [needing("a", Need.SLOTS, width=2), needing("b", Need.SLOTS)]
    scheduler = scheduler_with(*calls)

    step = scheduler.next_step()

    assert names(step) == ["a", "b"]
    slots = [slot for call in calls for piece in call.pieces for slot in piece.slots]
    assert len(set(slots)) == len(slots) == 3


def test_wide_text_is_not_passed_by_narrow_ones() -> None:
    running = needing("running", Need.SLOTS, width=2)
    wide, narrow = needing("wide", Need.SLOTS, width=3), needing("narrow", Need.SLOTS)
    scheduler = scheduler_with(running, wide, narrow)

    first = begin(scheduler, scheduler.next_step())
    second = scheduler.next_step()

    assert first == ["running"]
    assert second is not None
    assert second.kind is Kind.DECODE
    assert (wide.pieces[0].slots, narrow.pieces[0].slots) == ((), ())


@pytest.mark.parametrize("how", ["finishes", "is to be read", "is removed"])
def test_slots_are_free_at_once_when_a_text(how: str) -> None:
    call, following = needing("a", Need.SLOTS, width=4), needing("b", Need.SLOTS, width=4)
    scheduler = scheduler_with(call, following)
    begin(scheduler, scheduler.next_step())
    (piece,) = call.pieces

    if how == "finishes":
        scheduler.done(piece)
    elif how == "is to be read":
        scheduler.need(piece, Need.READING)
    else:
        scheduler.remove(call)

    assert piece.slots == ()
    assert prefill(scheduler) == ["b"]
    assert sorted(following.pieces[0].slots) == [0, 1, 2, 3]


def test_call_goes_on_when_its_last_piece_is_there() -> None:
    call = needing("a", Need.MASK, pieces=2)
    scheduler = scheduler_with(call)
    first, second = call.pieces

    scheduler.done(second)
    before = call.stage
    scheduler.done(first)

    assert (before, call.stage) == (Stage.COMPUTING, Stage.PROCEEDING)
    assert scheduler.next_step() == Step(Kind.PROCEED, (call,))


def test_kinds_of_batches_take_turns() -> None:
    calls = [needing(need.name, need) for need in Need if need is not Need.SLOTS]
    encoding = call_of("e")
    scheduler = scheduler_with(*calls)
    scheduler.submit(encoding)
    encoding.stage = Stage.ENCODING

    order = kinds(scheduler, 10)

    assert sorted(k.name for k in order[:5] if k) == [
        "DECODE",
        "DETECT",
        "ENCODE",
        "READ",
        "SEGMENT",
    ]
    assert order[:5] == order[5:]


def test_steps_of_one_call_come_before_batches() -> None:
    writing, proceeding = needing("w", Need.TOKENS), call_of("p")
    scheduler = scheduler_with(writing)
    scheduler.submit(proceeding)
    scheduler.submit(call_of("new"))
    proceeding.stage = Stage.PROCEEDING

    first = scheduler.next_step()
    scheduler.remove(proceeding)

    assert first == Step(Kind.PROCEED, (proceeding,))
    assert kinds(scheduler, 1) == [Kind.ADMIT]


# Calls with many pieces.


def test_call_that_is_alone_takes_all_slots_at_once() -> None:
    dense = needing("dense", Need.SLOTS, pieces=10)
    scheduler = scheduler_with(dense)

    step = scheduler.next_step()

    assert begin(scheduler, step) == ["dense"] * LIMITS.slots
    assert step is not None
    assert [piece.number for piece in step.pieces] == list(range(LIMITS.slots))
    assert names(step) == ["dense"], "a step names a call once"


def test_texts_of_a_call_join_as_others_end() -> None:
    dense = needing("dense", Need.SLOTS, pieces=6)
    scheduler = scheduler_with(dense)
    prefill(scheduler)

    finish_one(scheduler, dense)
    finish_one(scheduler, dense)

    assert prefill(scheduler) == ["dense"] * 2
    assert len(dense.needing(Need.TOKENS)) == LIMITS.slots
    step = scheduler._decode()
    assert step is not None
    assert len(step.pieces) == LIMITS.slots


def test_call_with_many_texts_leaves_room_for_those_that_came_with_it() -> None:
    dense, single = needing("dense", Need.SLOTS, pieces=10), needing("single", Need.SLOTS)
    scheduler = scheduler_with(dense, single)

    assert prefill(scheduler) == ["dense", "dense", "single", "dense"]


def test_call_that_comes_late_waits_for_a_part_of_a_call_with_many_texts() -> None:
    dense = needing("dense", Need.SLOTS, pieces=50)
    scheduler = scheduler_with(dense)
    prefill(scheduler)
    late = needing("late", Need.SLOTS)
    scheduler.submit(late)

    begun: list[str] = []
    while "late" not in begun:
        finish_one(scheduler, dense)
        begun += prefill(scheduler)

    assert len(begun) <= LIMITS.share + 1


def test_call_with_many_texts_gets_its_part_however_many_others_come() -> None:
    limits = Limits(queue=1000, slots=4)
    dense = needing("dense", Need.SLOTS, pieces=50)
    scheduler = scheduler_with(dense, limits=limits)
    prefill(scheduler)
    running: list[Call] = []
    begun: list[str] = []

    for number in range(60):  # always three that wait, and one slot that becomes free
        while sum(1 for call in scheduler.calls() if call.needing(Need.SLOTS)) < 4:
            call = needing(f"{number}-{len(scheduler.calls())}", Need.SLOTS)
            scheduler.submit(call)
            running.append(call)
        writing = [call for call in running if call.needing(Need.TOKENS)] or [dense]
        finish_one(scheduler, writing[0])
        scheduler.remove(writing[0]) if writing[0] is not dense else None
        begun += prefill(scheduler)

    assert begun.count("dense") >= len(begun) / 3


def test_two_calls_with_many_texts_share_the_slots() -> None:
    a, b = needing("a", Need.SLOTS, pieces=10), needing("b", Need.SLOTS, pieces=10)
    scheduler = scheduler_with(a, b)

    assert prefill(scheduler) == ["a", "a", "b", "b"]


def test_wide_text_gets_its_slots_beside_a_call_with_many() -> None:
    dense, wide = needing("dense", Need.SLOTS, pieces=50), needing("wide", Need.SLOTS, width=4)
    scheduler = scheduler_with(dense, wide)
    begun = prefill(scheduler)

    while "wide" not in begun:
        finish_one(scheduler, dense)
        begun += prefill(scheduler)

    assert begun == ["dense", "dense", "wide"]


@pytest.mark.parametrize("need", [Need.MASK, Need.READING])
def test_batches_of_other_pieces_are_shared_in_the_same_way(need: Need) -> None:
    dense, single = needing("dense", need, pieces=50), needing("single", need)
    scheduler = scheduler_with(dense, single)

    step = scheduler.next_step()

    assert step is not None
    assert [piece.call.id for piece in step.pieces] == ["dense", "dense", "single", "dense"]


def test_masks_of_one_call_take_as_few_steps_as_batches_allow() -> None:
    dense = needing("dense", Need.MASK, pieces=10)
    scheduler = scheduler_with(dense)
    sizes = []

    while (step := scheduler.next_step()) is not None and step.kind is Kind.SEGMENT:
        sizes.append(len(step.pieces))
        for piece in step.pieces:
            scheduler.done(piece)

    assert sizes == [4, 4, 2]


def test_images_are_looked_through_in_small_batches() -> None:
    calls = [needing(str(i), Need.DETECTION) for i in range(3)]
    scheduler = scheduler_with(*calls)

    assert names(scheduler.next_step()) == ["0", "1"]


def test_slots_of_a_call_with_many_texts_are_free_when_it_is_removed() -> None:
    dense = needing("dense", Need.SLOTS, pieces=10)
    scheduler = scheduler_with(dense)
    prefill(scheduler)

    scheduler.remove(dense)

    assert sorted(scheduler._free) == [0, 1, 2, 3]
    assert scheduler.next_step() is None


def test_sweep_removes_what_was_cancelled_and_what_has_expired() -> None:
    kept, cancelled, late = call_of("kept"), call_of("cancelled"), call_of("late", ttl_s=5)
    scheduler = scheduler_with(kept, cancelled, late)
    scheduler.cancel("cancelled")
    scheduler.cancel("unknown")

    gone = scheduler.sweep(time.monotonic() + 6)

    assert gone == [cancelled, late]
    assert scheduler.calls() == [kept]


def test_next_deadline_is_that_of_the_call_which_expires_first() -> None:
    soon, late = call_of("soon", ttl_s=5), call_of("late")

    assert scheduler_with(late, soon).next_deadline() == soon.deadline
    assert Scheduler(LIMITS, Bell()).next_deadline() == math.inf


@pytest.mark.parametrize("act", ["submit", "cancel", "close", "image_loaded"])
def test_bell_is_rung_when_there_is_something_new_to_do(act: str) -> None:
    bell = Bell()
    scheduler = Scheduler(LIMITS, bell)
    scheduler.submit(call_of("a"))
    scheduler.image_loading("image of a")
    bell.wait(0)  # takes the news of the call
    rung: list[str] = []
    bell.ring = lambda: rung.append(act)  # type: ignore[method-assign]

    {
        "submit": lambda: scheduler.submit(call_of("b")),
        "cancel": lambda: scheduler.cancel("a"),
        "close": lambda: scheduler.close(TaskError("shutting_down", "closed")),
        "image_loaded": lambda: scheduler.image_loaded("image of a"),
    }[act]()

    assert rung == [act]
