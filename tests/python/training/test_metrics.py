"""A run's numbers: written line by line, as TensorBoard's events, and refused with a reason."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from pixelllm.training.metrics import JsonLines, Logs, MetricsError


def lines(path: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_each_report_is_a_line(tmp_path: Path) -> None:
    log = JsonLines(tmp_path / "metrics.jsonl", first_step=0)

    log.write(1, {"total": 0.1 + 0.2})
    log.write(2, {"total": 1e-30})
    log.close()

    assert lines(log.path) == [{"step": 1, "total": 0.1 + 0.2}, {"step": 2, "total": 1e-30}]


def test_a_resumed_run_writes_the_steps_again_that_it_does_again(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1}\n{"step": 2}\n{"step": 3}\n{"ste', "utf-8")

    log = JsonLines(path, first_step=2)
    log.write(3, {"total": 1.0})

    assert lines(path) == [{"step": 1}, {"step": 2}, {"step": 3, "total": 1.0}]


def test_tensorboard_reads_what_was_written(tmp_path: Path) -> None:
    # Not at the top: an extra that is not everywhere, and seconds to import.
    accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator", reason="tensorboard is an extra"
    )

    for first_step in (0, 1):  # the second is a run that goes on from step 1
        logs = Logs.open(["tensorboard"], tmp_path, first_step, {})
        for step in (first_step + 1, first_step + 2):
            logs.write(step, {"total": float(step + 10 * first_step)})
        logs.close()
    events = accumulator.EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()

    curve = [(event.step, event.value) for event in events.Scalars("total")]
    assert curve == [(1, 1.0), (2, 12.0), (3, 13.0)]
    assert [line["step"] for line in lines(tmp_path / "metrics.jsonl")] == [1, 2, 3]


@pytest.mark.parametrize(("name", "title"), [("wandb", "W&B"), ("mlflow", "MLflow")])
def test_a_log_that_is_not_installed_is_asked_for(tmp_path: Path, name: str, title: str) -> None:
    if find_spec(name):
        pytest.skip(f"{name} is installed here")

    with pytest.raises(MetricsError, match=f"{title} is not installed.*pip install {name}"):
        Logs.open([name], tmp_path, 0, {})


def test_an_unknown_log_is_answered_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(MetricsError, match="tensorboard, wandb, mlflow"):
        Logs.open(["stdout"], tmp_path, 0, {})
