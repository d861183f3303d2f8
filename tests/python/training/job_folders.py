"""Folders of training jobs, as the gateway makes them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pixelllm.contract import TrainingJobRecord
from pixelllm.training.job_folder import ATTEMPTS, EVENTS, JOB, Events, attempt_name

JOB_ID: Final = "job_01k2x8p0h3v5w7y9a1c3e5g7j9"


def make_job(folder: Path, **asked: Any) -> Path:
    """A job that waits: its folder, with an attempt."""
    (folder / ATTEMPTS).mkdir(parents=True)
    record: dict[str, Any] = {
        "id": JOB_ID,
        "name": None,
        "recipe": "trace",
        "dataset": "ds_" + "0" * 32,
        "base_model": "tiny",
        "hyperparameters": {},
        "seed": 0,
        "metadata": {},
        "steps": 1,
        "model": "tiny-ft-3e5g7j9a",
        "created_at": "2026-11-24T12:00:00.000Z",
        **asked,
    }
    record_: TrainingJobRecord = record  # type: ignore[assignment]  # as the gateway sends it
    (folder / JOB).write_text(json.dumps(record_), "utf-8")
    (folder / EVENTS).touch()
    become(folder, "queued")
    new_attempt(folder)
    return folder


def new_attempt(folder: Path) -> int:
    """Give the job to a worker once more: the number of that attempt."""
    attempt = len(list((folder / ATTEMPTS).iterdir())) + 1
    (folder / ATTEMPTS / attempt_name(attempt)).touch(exist_ok=False)
    return attempt


def become(folder: Path, status: str, **data: object) -> None:
    """An event of another status."""
    Events(folder / EVENTS).append("status", f"is {status}", {"status": status, **data})


def ask(folder: Path, request: str) -> None:
    """Ask a running job."""
    Events(folder / EVENTS).append("request", f"asked to {request}", {"request": request})


def events_of(folder: Path, kind: str = "") -> list[Mapping[str, Any]]:
    """Its events, or those of a type."""
    lines = (folder / EVENTS).read_text("utf-8").splitlines()
    events = [json.loads(line) for line in lines]
    return [event for event in events if kind in ("", event["type"])]


def curve_of(folder: Path) -> list[dict[str, Any]]:
    """The steps and losses of its events of metrics."""
    found = [event["data"] for event in events_of(folder, "metrics")]
    return [{name: data[name] for name in ("step", "losses", "learning_rate")} for data in found]


def statuses_of(folder: Path) -> list[str]:
    """The statuses that it had, one after the other."""
    return [event["data"]["status"] for event in events_of(folder, "status")]
