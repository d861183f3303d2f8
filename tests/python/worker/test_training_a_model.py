"""A real training job in a real engine: answers go on beside it, and then its model answers too."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pixelllm.data.write_plain import write_plain
from pixelllm.training.job import TrainingJob
from tests.python.training.job_folders import statuses_of
from tests.python.training.jobs import CPU, drive, model_of, new_job, order_of, tiny_base
from tests.python.worker.harness import Harness
from tests.python.worker.samples import picture

MakeEngine = Callable[..., Harness]
SETTINGS = {"steps": 3, "schedule.report_every": 1, "optimiser.learning_rate": 0.003}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dataset") / "plain"
    write_plain(folder, scenes=4, seed=3, new_things=True)
    return folder


def test_a_job_is_done_beside_answers_and_its_model_is_served(
    make_engine: MakeEngine, dataset: Path, tmp_path: Path
) -> None:
    run = new_job(tmp_path / "run", **SETTINGS)
    alone = new_job(tmp_path / "alone", **SETTINGS)
    engine = make_engine(model="tiny").start()
    before = engine.ask("caption", picture(0))
    order = engine.order("train", order_of(run, dataset)["id"], **told(run, dataset))

    beside = [engine.ask("caption", picture(0)) for _ in range(4)]

    assert engine.ended(order)["outcome"] == "succeeded"
    source = {"id": "tiny-ft-3e5g7j9a", "folder": str(model_of(run))}
    assert engine.ended(engine.order("load", model=source))["type"] == "loaded"
    after = engine.ask("caption", picture(0), model=source["id"])
    assert beside == [before] * 4
    assert after != before
    assert engine.ask("caption", picture(0)) == before
    assert drive(TrainingJob(order_of(alone, dataset), tiny_base(), CPU)) == "succeeded"
    assert delta_of(run) == delta_of(alone)


def test_a_job_that_fails_leaves_the_engine_answering(
    make_engine: MakeEngine, tmp_path: Path
) -> None:
    run = new_job(tmp_path / "run", **SETTINGS)
    engine = make_engine(model="tiny").start()

    order = engine.order("train", "order", **told(run, tmp_path / "nowhere"))

    assert engine.ended(order)["outcome"] == "failed"
    assert statuses_of(run) == ["queued", "running", "failed"]
    assert engine.ask("caption", picture(0))["words"]


def told(run: Path, dataset: Path) -> dict[str, object]:
    """What an order says beside its kind and its id."""
    order = order_of(run, dataset)
    return {name: value for name, value in order.items() if name not in ("kind", "id")}


def delta_of(run: Path) -> bytes:
    return (model_of(run) / "delta.safetensors").read_bytes()
