"""A training job between the engine's steps: its turn, its end, and what its faults leave alone."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from pixelllm.contract import TrainingPlan, TrainOrder, TrainOutcome
from pixelllm.model.delta import SharedBase
from pixelllm.tasks.errors import TaskError
from pixelllm.worker import engine as engine_module
from pixelllm.worker import training
from pixelllm.worker.scheduler import Step
from pixelllm.worker.training import Pieces
from tests.python.worker.harness import Event, Harness, until
from tests.python.worker.samples import picture

MakeEngine = Callable[..., Harness]
LONG = {"prefix": "an object of"}  # with picture 0: more than 40 tokens and 10 words
ORDER: dict[str, Any] = {
    "job": "job_01k2x8p0h3v5w7y9a1c3e5g7j9",
    "run": "unused",
    "attempt": 1,
    "dataset": "unused",
    "base_model": "seeded",
    "base_folder": None,
    "model": {"id": "seeded-ft", "folder": "unused"},
}


class Rest:
    """A pause of a job."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds


class FakeJob:
    """A job of so many pieces.

    piece: is called in each, with its number; it may raise.
    """

    def __init__(
        self,
        pieces: int | None = None,
        piece: Callable[[int], object] = lambda _: None,
        outcome: TrainOutcome = "succeeded",
    ) -> None:
        self.count = pieces
        self.piece = piece
        self.outcome = outcome
        self.done = 0
        self.stopping = False
        self.closed = 0
        self.order: TrainOrder | None = None
        self.base: SharedBase | None = None

    def make(self, order: TrainOrder, base: SharedBase, _: torch.device) -> "FakeJob":
        self.order, self.base = order, base
        return self

    def work(self) -> Pieces:
        while self.count is None or self.done < self.count:
            said = self.piece(self.done)
            self.done += 1
            yield said if isinstance(said, Rest) else None
            if self.stopping:
                return "stopped"
        return self.outcome

    def stop(self) -> None:
        self.stopping = True

    def close(self) -> None:
        self.closed += 1


def started(make_engine: MakeEngine, job: FakeJob, **settings: object) -> Harness:
    return make_engine(job.make, **settings).start()


def ended(engine: Harness, order: str) -> tuple[str, str]:
    event = engine.ended(order)
    return event["type"], event.get("outcome") or event["error"]["code"]


def steps_taken(engine: Harness, act: Callable[[], None] = lambda: None) -> list[Step]:
    """The steps that the engine takes from here on; `act` is called before each."""
    steps, taken = engine.steps, list[Step]()
    real = steps.perform

    def perform(step: Step) -> None:
        act()
        taken.append(step)
        real(step)

    steps.perform = perform  # type: ignore[method-assign]
    return taken


# Its work.


@pytest.mark.parametrize("outcome", ["succeeded", "failed", "paused", "cancelled", "superseded"])
def test_job_is_worked_on_to_its_end(outcome: TrainOutcome, make_engine: MakeEngine) -> None:
    job = FakeJob(5, outcome=outcome)
    engine = started(make_engine, job)

    order = engine.order("train", **ORDER)

    assert ended(engine, order) == ("trained", outcome)
    assert (job.done, job.closed) == (5, 1)
    assert job.order == {**ORDER, "kind": "train", "id": order}


def test_job_gets_the_weights_that_answer(make_engine: MakeEngine, checkpoint_folder: Path) -> None:
    job = FakeJob(1)
    engine = started(make_engine, job)

    engine.ended(engine.order("train", **ORDER))

    assert job.base is not None
    assert job.base.folder == checkpoint_folder
    served = engine.steps._runner._model.state_dict()
    assert all(job.base.tensors[name].data_ptr() == served[name].data_ptr() for name in served)


def test_piece_can_learn_from_the_weights_that_answer(make_engine: MakeEngine) -> None:
    gradients: list[torch.Tensor] = []

    def learn(_: int) -> None:
        assert job.base is not None
        frozen = job.base.tensors["point_head.layers.0.weight"]
        weight = torch.ones(frozen.shape[1], requires_grad=True)
        gradients.extend(torch.autograd.grad((frozen @ weight).sum(), weight))

    job = FakeJob(2, learn)
    engine = started(make_engine, job)

    assert ended(engine, engine.order("train", **ORDER)) == ("trained", "succeeded")
    assert [bool(gradient.any()) for gradient in gradients] == [True, True]
    assert engine.ask("caption", picture(0), LONG)["words"]


def test_pause_of_a_job_lets_the_engine_rest(make_engine: MakeEngine) -> None:
    looks: list[int] = []
    job = FakeJob(3, lambda _: Rest(0.3))
    engine = started(make_engine, job)
    real = engine.engine._lanes.next_step
    engine.engine._lanes.next_step = lambda: looks.append(1) or real()  # type: ignore

    engine.ended(engine.order("train", **ORDER))

    assert len(looks) < 20


# Its turn.


def test_no_piece_is_done_while_there_are_calls(
    make_engine: MakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "SHARE_S", 600.0)
    job = FakeJob()
    engine = started(make_engine, job)
    order = engine.order("train", **ORDER)
    until(lambda: job.done > 3)
    pieces: list[int] = []
    taken = steps_taken(engine, lambda: pieces.append(job.done))

    engine.ask("caption", picture(0), LONG)

    assert len(taken) > 40
    assert len(set(pieces)) == 1
    until(lambda: job.done > pieces[0] + 3)
    engine.engine.cancel(order)
    assert ended(engine, order) == ("trained", "stopped")


def test_pieces_are_done_under_load_too(
    make_engine: MakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = FakeJob()
    engine = started(make_engine, job)
    monkeypatch.setattr(training, "SHARE_S", 0.002)  # less than two steps take
    order = engine.order("train", **ORDER)
    until(lambda: job.done > 3)
    pieces: list[int] = []
    taken = steps_taken(engine, lambda: pieces.append(job.done))

    engine.ask("caption", picture(0), LONG)

    assert len(taken) > 40
    assert len(set(pieces)) > 1
    engine.engine.cancel(order)
    engine.ended(order)


def test_engine_that_trains_is_young(make_engine: MakeEngine) -> None:
    ages: list[float] = []
    job = FakeJob(300, lambda _: ages.append(float(engine.engine.status()["engine_age_ms"])))
    engine = started(make_engine, job)

    engine.ended(engine.order("train", **ORDER))

    assert len(ages) == 300
    assert max(ages) < 2000


# Recipes.

PLAN: TrainingPlan = {"recipe": "trace", "base_folder": None, "hyperparameters": {}, "seed": 0}


def test_recipe_is_checked_against_the_model_of_the_settings(
    make_engine: MakeEngine, checkpoint_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[object, Path]] = []

    def check(plan: object, root: Path) -> int:
        asked.append((plan, root))
        return 7

    monkeypatch.setattr(engine_module, "check_plan", check)

    assert make_engine().engine.check(PLAN) == 7
    assert asked == [(PLAN, checkpoint_folder)]


def test_recipe_for_a_model_that_is_not_there_is_refused(make_engine: MakeEngine) -> None:
    with pytest.raises(TaskError) as caught:
        make_engine(model="nothing-of-that-name").engine.check(PLAN)

    assert caught.value.code == "model_unavailable"


# Its end.


def test_one_job_at_a_time(make_engine: MakeEngine) -> None:
    job = FakeJob()
    engine = started(make_engine, job)
    first = engine.order("train", **ORDER)

    with pytest.raises(TaskError) as caught:
        engine.order("train", **ORDER)

    assert caught.value.code == "queue_full"
    engine.engine.cancel(first)
    assert ended(engine, first) == ("trained", "stopped")
    job.count = job.done + 2
    job.stopping = False
    assert ended(engine, engine.order("train", **ORDER)) == ("trained", "succeeded")


def test_cancelled_job_ends_after_its_piece(make_engine: MakeEngine) -> None:
    def cancel(number: int) -> None:
        if number == 2:
            engine.engine.cancel("the order")

    job = FakeJob(piece=cancel)
    engine = started(make_engine, job)

    engine.order("train", "the order", **ORDER)

    assert ended(engine, "the order") == ("trained", "stopped")
    assert (job.done, job.closed) == (3, 1)


def test_job_that_rests_is_cancelled_at_once(make_engine: MakeEngine) -> None:
    job = FakeJob(piece=lambda _: Rest(600))
    engine = started(make_engine, job)
    order = engine.order("train", **ORDER)
    until(lambda: job.done)

    engine.engine.cancel(order)

    assert ended(engine, order) == ("trained", "stopped")


def test_job_that_is_cancelled_before_it_is_made_does_nothing(make_engine: MakeEngine) -> None:
    gate = threading.Event()
    job = FakeJob()

    def make(*arguments: Any) -> FakeJob:
        assert gate.wait(60)
        return job.make(*arguments)

    engine = make_engine(make).start()
    order = engine.order("train", **ORDER)
    engine.engine.cancel(order)
    gate.set()

    assert ended(engine, order) == ("trained", "stopped")
    assert (job.done, job.closed) == (0, 1)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (torch.OutOfMemoryError("no memory"), "out_of_memory"),
        (MemoryError(), "out_of_memory"),
        (TaskError("dataset_not_found", "it is gone"), "dataset_not_found"),
        (RuntimeError("a defect"), "internal"),
    ],
)
def test_job_that_fails_leaves_the_calls_alone(
    error: Exception, code: str, make_engine: MakeEngine
) -> None:
    def fail(number: int) -> None:
        if number == 1:
            raise error

    job = FakeJob(piece=fail)
    engine = started(make_engine, job)
    expected = engine.ask("caption", picture(0), LONG)
    running = engine.submit("caption", picture(0), LONG)

    assert ended(engine, engine.order("train", **ORDER)) == ("error", code)
    assert job.closed == 1
    assert engine.result(running) == expected
    assert engine.ask("caption", picture(0), LONG) == expected


def test_job_that_cannot_be_made_fails(make_engine: MakeEngine) -> None:
    def make(*_: object) -> FakeJob:
        raise TaskError("invalid_request", "there is no such recipe")

    engine = make_engine(make).start()

    assert ended(engine, engine.order("train", **ORDER)) == ("error", "invalid_request")
    assert ended(engine, engine.order("train", **ORDER)) == ("error", "invalid_request")


def test_defect_in_the_end_of_a_job_does_not_keep_the_next_from_coming(
    make_engine: MakeEngine,
) -> None:
    class Clumsy(FakeJob):
        def close(self) -> None:
            super().close()
            raise OSError("a file is gone")

    engine = started(make_engine, Clumsy(1))

    assert ended(engine, engine.order("train", **ORDER)) == ("trained", "succeeded")
    assert ended(engine, engine.order("train", **ORDER)) == ("trained", "succeeded")


def test_device_that_fails_under_a_job_ends_the_engine(make_engine: MakeEngine) -> None:
    def fail(_: int) -> None:
        raise torch.AcceleratorError("device-side assert triggered")

    engine = started(make_engine, FakeJob(piece=fail))

    assert ended(engine, engine.order("train", **ORDER)) == ("error", "internal")
    until(lambda: not engine.engine._thread.is_alive())
    with pytest.raises(TaskError) as caught:
        engine.submit("caption", picture(0))
    assert caught.value.code == "worker_unavailable"


def test_stopping_the_engine_stops_the_job_after_its_piece(make_engine: MakeEngine) -> None:
    job = FakeJob()
    engine = started(make_engine, job)
    order = engine.order("train", **ORDER)
    until(lambda: job.done > 3)

    engine.engine.stop(30)

    assert ended(engine, order) == ("trained", "stopped")
    assert job.closed == 1


def test_job_that_does_not_stop_is_given_up_with_the_engine(make_engine: MakeEngine) -> None:
    class Stubborn(FakeJob):
        def stop(self) -> None: ...

    job = Stubborn()
    engine = started(make_engine, job)
    order = engine.order("train", **ORDER)
    until(lambda: job.done > 3)

    engine.engine.stop(30)

    assert ended(engine, order) == ("error", "shutting_down")
    assert job.closed == 1


def test_calls_are_answered_before_a_job_has_stopped(make_engine: MakeEngine) -> None:
    gate = threading.Event()
    heard: list[str] = []

    def last(number: int) -> None:
        if number == 0:
            stopper.start()
            assert gate.wait(60)

    def hear(event: Event) -> None:
        heard.append(event["type"])

    job = FakeJob(piece=last)
    engine = started(make_engine, job)
    stopper = threading.Thread(target=engine.engine.stop, args=(30,))
    order = engine.order("train", **ORDER)
    until(lambda: engine.engine._closed is not None)
    engine.on_event = hear
    gate.set()
    stopper.join(60)

    assert ended(engine, order) == ("trained", "stopped")
    assert heard == ["trained"]
