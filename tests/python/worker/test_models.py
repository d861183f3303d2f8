"""Several models in one engine: who answers, what they share, how they come and go."""

import shutil
import threading
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch

from pixelllm.contract import ModelSource
from pixelllm.model.checkpoint import CheckpointError
from pixelllm.tasks.errors import TaskError
from pixelllm.worker import loading, models
from pixelllm.worker.lanes import Lane
from pixelllm.worker.scheduler import Kind, Step
from tests.python.alike import assert_alike
from tests.python.worker.harness import Event, Harness, until
from tests.python.worker.samples import picture
from tests.python.worker.trained import ENCODER, write_trained

MakeEngine = Callable[..., Harness]
LONG = {"prefix": "an object of"}  # with picture 0: more than 40 tokens and 10 words


@pytest.fixture(scope="module")
def trained(checkpoint_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> ModelSource:
    """A model that places words elsewhere than its base."""
    return write_trained(tmp_path_factory.mktemp("models") / "seeded-ft", checkpoint_folder)


@pytest.fixture(scope="module")
def seeing(checkpoint_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> ModelSource:
    """A model whose image encoder has learned."""
    folder = tmp_path_factory.mktemp("models") / "seeded-see"
    return write_trained(folder, checkpoint_folder, ENCODER)


@pytest.fixture
def engine(make_engine: MakeEngine, trained: ModelSource) -> Harness:
    """An engine with two models."""
    return make_engine(models=[trained]).start()


def lane_of(engine: Harness, name: str) -> Lane:
    lane = engine.engine._lanes.find(name)
    assert lane is not None
    return lane


def weights_of(engine: Harness, name: str) -> dict[str, torch.Tensor]:
    return lane_of(engine, name).steps._runner._model.state_dict()


def recorded(engine: Harness, *names: str) -> list[tuple[str, Kind]]:
    """The models whose steps run from here on, and of which kind these are, in order."""
    order: list[tuple[str, Kind]] = []
    for name in names:
        steps = lane_of(engine, name).steps

        def perform(
            step: Step, name: str = name, real: Callable[[Step], None] = steps.perform
        ) -> None:
            order.append((name, step.kind))
            real(step)

        steps.perform = perform  # type: ignore[method-assign]
    return order


def encodings(engine: Harness, name: str) -> list[int]:
    """The batch sizes with which a model encodes images from here on."""
    sizes: list[int] = []
    runner = lane_of(engine, name).steps._runner
    real = runner.encode

    def encode(pictures: Any) -> Any:
        sizes.append(len(pictures))
        return real(pictures)

    runner.encode = encode  # type: ignore[method-assign]
    return sizes


def held_reading(monkeypatch: pytest.MonkeyPatch) -> tuple[threading.Event, threading.Event]:
    """Hold up whoever reads a model: an event that tells of it, and one that lets it go on."""
    begun, gate = threading.Event(), threading.Event()
    real = loading.load_trained

    def load(*arguments: Any) -> Any:
        begun.set()
        assert gate.wait(60)
        return real(*arguments)

    monkeypatch.setattr(models, "load_trained", load)
    return begun, gate


# Who answers.


def test_ready_lists_the_model_of_the_settings_first(engine: Harness, trained: ModelSource) -> None:
    (ready,) = engine.of_type("ready")

    assert [model["id"] for model in ready["models"]] == ["seeded", "seeded-ft"]
    assert ready["models"][1]["description"] == "It learned as seeded-ft."


@pytest.mark.parametrize("damage", ["missing", "of another base"])
def test_model_that_cannot_be_loaded_is_left_out(
    damage: str,
    make_engine: MakeEngine,
    trained: ModelSource,
    checkpoint_folder: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    bad: ModelSource = {"id": "bad", "folder": str(tmp_path / "bad")}
    if damage == "of another base":
        shutil.copytree(checkpoint_folder, tmp_path / "other")
        bad = write_trained(tmp_path / "bad", tmp_path / "other")

    engine = make_engine(models=[bad, trained]).start()

    (ready,) = engine.of_type("ready")
    assert [model["id"] for model in ready["models"]] == ["seeded", "seeded-ft"]
    assert "the model bad is left out" in caplog.text
    assert engine.ask("caption", picture(0), {"max_tokens": 3}, "seeded-ft")["words"]


def test_the_model_that_is_named_answers(
    engine: Harness, make_engine: MakeEngine, trained: ModelSource
) -> None:
    alone = make_engine().start()

    base, other = (engine.ask("caption", picture(0), LONG, model) for model in (None, "seeded-ft"))

    assert_alike(base, alone.ask("caption", picture(0), LONG))
    assert other["caption"] == base["caption"]
    assert other["words"][0]["box"] != base["words"][0]["box"]


def test_models_that_answer_at_once_do_not_disturb_each_other(engine: Harness) -> None:
    asked = [(number % 3, ("seeded", "seeded-ft")[number % 2]) for number in range(12)]
    expected = [engine.ask("caption", picture(image), LONG, model) for image, model in asked]

    calls = [engine.submit("caption", picture(image), LONG, model=model) for image, model in asked]

    for call_id, result in zip(calls, expected, strict=True):
        assert_alike(engine.result(call_id), result)


def test_unknown_model_is_refused(engine: Harness) -> None:
    with pytest.raises(TaskError, match="'nobody' is not loaded") as caught:
        engine.submit("caption", picture(0), model="nobody")

    assert caught.value.code == "model_not_found"


def test_call_whose_id_another_model_works_on_is_refused(engine: Harness) -> None:
    running = engine.submit("caption", picture(0), LONG, call_id="same")

    with pytest.raises(TaskError, match="'same' is running"):
        engine.submit("caption", picture(0), call_id="same", model="seeded-ft")

    assert engine.result(running)["caption"]


def test_models_take_steps_in_turn(engine: Harness) -> None:
    for model in ("seeded", "seeded-ft"):
        engine.ask("caption", picture(0), LONG, model)
    order = recorded(engine, "seeded", "seeded-ft")

    many = [engine.submit("caption", picture(0), LONG) for _ in range(6)]
    few = engine.submit("caption", picture(0), LONG, model="seeded-ft")
    engine.result(few)
    at_end = list(order)
    for call_id in many:
        engine.result(call_id)

    writing = [name for name, _ in at_end[at_end.index(("seeded-ft", Kind.DECODE)) :]]
    assert writing.count("seeded-ft") >= 40
    assert all(one != next_one for one, next_one in pairwise(writing))


def test_call_of_another_model_expires_and_is_cancelled(engine: Harness) -> None:
    late = engine.submit("caption", picture(0), ttl_ms=0, model="seeded-ft")
    dropped = engine.submit("caption", picture(1), LONG, model="seeded-ft")
    engine.engine.cancel(dropped)

    assert engine.error(late) == "deadline_exceeded"
    assert engine.error(dropped) == "cancelled"


def test_each_model_has_a_queue_of_its_own(make_engine: MakeEngine, trained: ModelSource) -> None:
    engine = make_engine(models=[trained], max_queue=1, max_batch=1).start()
    held, gate = threading.Event(), threading.Event()

    def hold_up(_: Event) -> None:
        held.set()
        assert gate.wait(60)

    engine.on_event = hold_up
    engine.submit("caption", picture(0), {"max_tokens": 2})
    assert held.wait(60)

    calls = [engine.submit("caption", picture(0), model=name) for name in ("seeded", "seeded-ft")]

    assert engine.engine.status()["queued"] == 2
    gate.set()
    assert all(engine.result(call_id) for call_id in calls)


# What they share.


def test_models_share_the_memory_of_what_was_not_learned(engine: Harness) -> None:
    base, other = weights_of(engine, "seeded"), weights_of(engine, "seeded-ft")

    shared = {name for name in base if base[name].data_ptr() == other[name].data_ptr()}

    assert shared == {name for name in base if not name.startswith("point_head.")}


def test_models_with_the_same_encoders_share_features(engine: Harness) -> None:
    sizes = [encodings(engine, name) for name in ("seeded", "seeded-ft")]

    engine.ask("caption", picture(0), {"max_tokens": 2})
    engine.ask("caption", picture(0), {"max_tokens": 2}, "seeded-ft")
    engine.ask("caption", picture(1), {"max_tokens": 2}, "seeded-ft")
    engine.ask("caption", picture(1), {"max_tokens": 2})

    assert sizes == [[1], [1]]
    assert len(engine.files.reads) == 2


def test_model_whose_encoder_has_learned_has_features_of_its_own(
    make_engine: MakeEngine, seeing: ModelSource
) -> None:
    engine = make_engine(models=[seeing]).start()
    sizes = [encodings(engine, name) for name in ("seeded", "seeded-see")]

    results = [
        engine.ask("caption", picture(0), LONG, name)
        for name in ("seeded", "seeded-see", "seeded", "seeded-see")
    ]

    assert sizes == [[1], [1]]
    assert results[:2] == results[2:]
    assert results[0] != results[1]


def test_features_of_all_models_have_one_budget(
    make_engine: MakeEngine, seeing: ModelSource
) -> None:
    engine = make_engine().start()
    engine.ask("caption", picture(0), {"max_tokens": 1})
    one = engine.steps._cache.nbytes
    engine = make_engine(models=[seeing], feature_cache_bytes=2 * one + 1).start()
    sizes = encodings(engine, "seeded")

    for number, name in enumerate(("seeded", "seeded-see", "seeded-see", "seeded")):
        engine.ask("caption", picture(number % 3), {"max_tokens": 1}, name)
        assert engine.steps._cache.nbytes <= 2 * one + 1

    assert sizes == [1, 1]


# How they come and go.


def test_model_is_loaded_while_calls_go_on(
    make_engine: MakeEngine, trained: ModelSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = make_engine().start()
    begun, gate = held_reading(monkeypatch)

    order = engine.order("load", model=trained)
    assert begun.wait(60)
    answered = engine.ask("caption", picture(0), LONG)
    waits = not engine._answers(order)
    gate.set()

    loaded = engine.ended(order)
    assert answered["words"]
    assert waits
    assert (loaded["type"], loaded["model"]["id"]) == ("loaded", "seeded-ft")
    assert engine.ask("caption", picture(0), LONG, "seeded-ft")["words"]


def test_loading_again_is_fine(engine: Harness, trained: ModelSource) -> None:
    before = lane_of(engine, "seeded-ft")

    orders = [engine.order("load", model=trained) for _ in range(2)]

    assert {engine.ended(order)["type"] for order in orders} == {"loaded"}
    assert lane_of(engine, "seeded-ft") is before


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (CheckpointError("it is broken"), "model_unavailable"),
        (torch.OutOfMemoryError("no memory"), "out_of_memory"),
        (OSError("the disk is gone"), "internal"),
    ],
)
def test_model_that_cannot_be_loaded_ends_its_order_alone(
    error: Exception,
    code: str,
    make_engine: MakeEngine,
    trained: ModelSource,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = make_engine().start()

    def fail(*_: object) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(models, "load_trained", fail)
        assert engine.error(engine.order("load", model=trained)) == code

    assert engine.ended(engine.order("load", model=trained))["type"] == "loaded"
    assert engine.ask("caption", picture(0), LONG)["words"]


def test_folder_of_another_model_is_refused(engine: Harness, trained: ModelSource) -> None:
    failed = engine.ended(engine.order("load", model={**trained, "id": "somebody"}))

    assert failed["error"]["code"] == "model_unavailable"
    assert "holds the model seeded-ft and not somebody" in failed["error"]["message"]


def test_unloading_waits_for_the_calls_that_run(engine: Harness) -> None:
    expected = engine.ask("caption", picture(0), LONG, "seeded-ft")
    orders: list[str] = []
    refused: list[str] = []

    def unload_at_first_words(event: Event) -> None:
        if event["type"] == "words" and not orders:
            orders.append(engine.order("unload", model="seeded-ft"))

    engine.on_event = unload_at_first_words
    running = engine.submit("caption", picture(0), LONG, stream=True, model="seeded-ft")
    until(lambda: orders and lane_of(engine, "seeded-ft").leaving)
    try:
        engine.submit("caption", picture(0), model="seeded-ft")
    except TaskError as error:
        refused.append(error.code)

    assert_alike(engine.result(running), expected)
    assert engine.ended(orders[0])["type"] == "unloaded"
    assert refused == ["model_not_found"]
    kinds = [event["type"] for event in engine.events]
    assert kinds.index("unloaded") > len(kinds) - 1 - kinds[::-1].index("done")
    assert engine.engine._lanes.find("seeded-ft") is None


def test_model_comes_back_after_it_was_unloaded(engine: Harness, trained: ModelSource) -> None:
    before = engine.ask("caption", picture(0), LONG, "seeded-ft")

    for order in (
        engine.order("unload", model="seeded-ft"),
        engine.order("load", model=trained),
    ):
        assert engine.ended(order)["type"] in {"unloaded", "loaded"}

    assert_alike(engine.ask("caption", picture(0), LONG, "seeded-ft"), before)


def test_orders_about_a_model_are_followed_in_the_order_of_arrival(
    make_engine: MakeEngine, trained: ModelSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = make_engine().start()
    begun, gate = held_reading(monkeypatch)
    engine.order("load", model=trained)
    assert begun.wait(60)

    unload = engine.order("unload", model="seeded-ft")
    gate.set()
    engine.ended(unload)

    kinds = [event["type"] for event in engine.events]
    assert kinds == ["ready", "loaded", "unloaded"]
    assert engine.engine._lanes.find("seeded-ft") is None


def test_features_of_a_model_go_with_it(make_engine: MakeEngine, seeing: ModelSource) -> None:
    engine = make_engine(models=[seeing]).start()
    engine.ask("caption", picture(0), {"max_tokens": 1})
    kept = engine.steps._cache.nbytes
    engine.ask("caption", picture(0), {"max_tokens": 1}, "seeded-see")

    engine.ended(engine.order("unload", model="seeded-see"))

    assert engine.steps._cache.nbytes == kept


def test_model_that_is_not_loaded_counts_as_unloaded(engine: Harness) -> None:
    assert engine.ended(engine.order("unload", model="nobody"))["type"] == "unloaded"


def test_model_of_the_settings_stays(engine: Harness) -> None:
    with pytest.raises(TaskError, match="cannot be unloaded") as caught:
        engine.order("unload", model="seeded")

    assert caught.value.code == "invalid_request"


def test_loading_that_is_cancelled_loads_nothing(
    make_engine: MakeEngine, trained: ModelSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = make_engine().start()
    begun, gate = held_reading(monkeypatch)
    order = engine.order("load", model=trained)
    assert begun.wait(60)

    engine.engine.cancel(order)

    assert engine.error(order) == "cancelled"
    gate.set()
    assert engine.engine._lanes.find("seeded-ft") is None


def test_model_stays_whose_unloading_is_cancelled(engine: Harness) -> None:
    orders: list[str] = []

    def order_and_cancel(event: Event) -> None:
        if event["type"] == "words" and not orders:
            orders.append(engine.order("unload", model="seeded-ft"))
            engine.engine.cancel(orders[0])

    engine.on_event = order_and_cancel
    engine.result(engine.submit("caption", picture(0), LONG, stream=True, model="seeded-ft"))

    assert engine.error(orders[0]) == "cancelled"
    assert engine.ask("caption", picture(0), LONG, "seeded-ft")["words"]


def test_order_that_comes_while_the_model_is_loaded_is_refused(
    make_engine: MakeEngine, trained: ModelSource
) -> None:
    with pytest.raises(TaskError) as caught:
        make_engine().order("load", model=trained)

    assert caught.value.code == "worker_unavailable"


@pytest.mark.parametrize(
    "message", [{}, {"kind": "load", "id": "a"}, {"kind": "sing", "id": "a", "model": "b"}]
)
def test_malformed_order_is_refused(message: dict[str, object], engine: Harness) -> None:
    with pytest.raises(TaskError, match="malformed"):
        engine.engine.order(message)


def test_stopping_ends_the_orders_that_are_left(
    make_engine: MakeEngine, trained: ModelSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = make_engine().start()
    begun, gate = held_reading(monkeypatch)
    order = engine.order("load", model=trained)
    assert begun.wait(60)

    engine.engine.stop(10)
    gate.set()

    assert engine.error(order) == "shutting_down"
    with pytest.raises(TaskError) as caught:
        engine.order("load", model=trained)
    assert caught.value.code == "shutting_down"
