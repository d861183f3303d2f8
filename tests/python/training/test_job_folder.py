"""What the events of a job come to, and that none is lost or torn by those beside it."""

from __future__ import annotations

import errno
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from pixelllm.training.job_folder import (
    EVENTS,
    JOB,
    POSSIBLE,
    Events,
    JobFolder,
    JobFolderError,
    Standing,
    Status,
    append_line,
    events_in,
)
from tests.python.training.commands import ROOT
from tests.python.training.job_folders import JOB_ID, ask, become, events_of, make_job, new_attempt

FINAL = {"succeeded", "failed", "cancelled"}


def fold(*events: tuple[str, dict[str, object]]) -> Standing:
    standing = Standing()
    for type_, data in events:
        standing.add({"type": type_, "data": data})
    return standing


def status(name: str) -> tuple[str, dict[str, object]]:
    return "status", {"status": name}


def request(name: str) -> tuple[str, dict[str, object]]:
    return "request", {"request": name}


RUNNING = [status("queued"), status("running")]


def test_only_what_may_follow_does() -> None:
    for before, after in itertools.product(get_args(Status), repeat=2):
        standing = Standing(status=before)
        standing.add({"type": "status", "data": {"status": after}})

        assert standing.status == (after if after in POSSIBLE[before] else before)
    assert {status for status in get_args(Status) if not POSSIBLE[status]} == FINAL


def test_the_first_of_two_that_race_wins() -> None:
    assert fold(*RUNNING, status("cancelled"), status("succeeded")).status == "cancelled"
    assert fold(*RUNNING, status("succeeded"), status("cancelled")).status == "succeeded"


@pytest.mark.parametrize(
    ("events", "requested"),
    [
        ([request("pause")], "pause"),
        ([request("pause"), request("cancel")], "cancel"),
        ([request("cancel"), request("pause")], "cancel"),
        ([request("pause"), request("nonsense")], "pause"),
        ([request("pause"), status("running")], "pause"),  # another attempt goes on
        ([request("pause"), status("paused")], None),
        ([request("pause"), status("queued"), status("running")], None),
    ],
)
def test_a_request_counts_until_the_status_is_another(
    events: list[tuple[str, dict[str, object]]], requested: str | None
) -> None:
    assert fold(*RUNNING, *events).requested == requested


def test_only_a_running_job_can_be_asked() -> None:
    assert fold(status("queued"), request("pause"), status("running")).requested is None


def test_steps_that_were_told_are_known() -> None:
    standing = fold(
        *RUNNING,
        ("metrics", {"step": 10}),
        ("metrics", {"step": 20}),
        ("checkpoint", {"step": 15}),
        ("metrics", {"step": 5}),
    )

    assert (standing.reported, standing.saved) == (20, 15)


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"type": "status"},
        {"type": "status", "data": "paused"},
        {"type": "status", "data": {"status": "bored"}},
        {"type": "status", "data": {"status": ["paused"]}},
        {"type": "metrics", "data": {"step": "many"}},
    ],
)
def test_what_is_no_event_counts_for_nothing(event: dict[str, object]) -> None:
    standing = fold(*RUNNING)

    standing.add(event)

    assert standing == fold(*RUNNING)


def test_events_are_read_as_they_come(tmp_path: Path) -> None:
    folder = make_job(tmp_path / "job")
    events = JobFolder(folder, 1).events

    assert events.look().status == "queued"
    become(folder, "running")
    assert events.look().status == "running"
    ask(folder, "cancel")
    assert events.look().requested == "cancel"


def test_an_event_is_as_the_contract_says(tmp_path: Path) -> None:
    folder = make_job(tmp_path / "job")

    Events(folder / EVENTS).append("message", "look out", {"step": 3}, "warn")

    event = events_of(folder)[-1]
    assert event["at"].endswith("Z")
    assert {**event, "at": ""} == {
        "at": "",
        "level": "warn",
        "type": "message",
        "message": "look out",
        "data": {"step": 3},
    }


def test_a_line_that_was_cut_short_keeps_its_number_and_is_skipped(tmp_path: Path) -> None:
    folder = make_job(tmp_path / "job")
    path = folder / EVENTS
    with path.open("a", encoding="utf-8") as file:
        file.write('{"type": "status", "data": {"status": "canc')

    become(folder, "running")

    lines = path.read_bytes().splitlines()
    assert len(lines) == 3
    assert json.loads(lines[2])["data"]["status"] == "running"
    assert JobFolder(folder, 1).events.look().status == "running"


def test_a_line_that_is_being_written_is_read_when_it_is_whole(tmp_path: Path) -> None:
    folder = make_job(tmp_path / "job")
    events = JobFolder(folder, 1).events
    whole = b'{"type": "status", "data": {"status": "running"}}\n'

    with (folder / EVENTS).open("ab", buffering=0) as file:
        file.write(whole[:20])
        assert events.look().status == "queued"
        file.write(whole[20:])

    assert events.look().status == "running"


def test_a_line_that_falls_behind_one_cut_short_is_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / EVENTS
    path.touch()
    write = os.write

    def beside_another(handle: int, data: bytes) -> int:
        monkeypatch.setattr(os, "write", write)
        with path.open("ab", buffering=0) as other:
            other.write(b'{"cut')
        return write(handle, data)

    monkeypatch.setattr(os, "write", beside_another)
    append_line(path, b'{"whole": 1}')

    assert list(events_in(path.read_bytes())) == [{"whole": 1}]


def test_a_line_that_does_not_fit_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / EVENTS
    path.touch()
    write = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: write(handle, data[:5]))

    with pytest.raises(OSError, match="No space left") as caught:
        append_line(path, b'{"whole": 1}')

    assert caught.value.errno == errno.ENOSPC


APPENDER = """
import sys
from pathlib import Path
from pixelllm.training.job_folder import append_line
for number in range(150):
    append_line(Path(sys.argv[1]), b'{"by": %s, "n": %d, "rest": "%s"}' % (
        sys.argv[2].encode(), number, b"x" * (number * 37 % 5000)))
"""


def test_processes_that_append_at_once_lose_and_tear_nothing(tmp_path: Path) -> None:
    path = tmp_path / EVENTS
    path.touch()
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "python"), "OMP_NUM_THREADS": "1"}

    processes = [
        subprocess.Popen([sys.executable, "-c", APPENDER, str(path), str(number)], env=environment)
        for number in range(2)
    ]

    assert [process.wait(timeout=120) for process in processes] == [0, 0]
    events = list(events_in(path.read_bytes()))
    assert len(events) == 300
    for number in range(2):
        assert [e["n"] for e in events if e["by"] == number] == list(range(150))


def test_a_later_attempt_is_seen(tmp_path: Path) -> None:
    folder = make_job(tmp_path / "job")
    job = JobFolder(folder, 1)

    before = job.superseded
    assert new_attempt(folder) == 2

    assert (before, job.superseded) == (False, True)
    assert not JobFolder(folder, 2).superseded


def test_one_at_a_time_has_the_lock(tmp_path: Path) -> None:
    folder = make_job(tmp_path / "job")
    first, second = JobFolder(folder, 1), JobFolder(folder, 2)

    assert first.try_lock()
    assert first.try_lock()
    assert not second.try_lock()
    first.unlock()
    assert second.try_lock()
    assert not first.try_lock()
    second.unlock()


def test_the_record_is_read(tmp_path: Path) -> None:
    folder = make_job(tmp_path / "job", steps=7)

    assert JobFolder(folder, 1).record["id"] == JOB_ID
    assert JobFolder(folder, 1).record["steps"] == 7


@pytest.mark.parametrize("name", [JOB, EVENTS])
def test_a_folder_without_its_files_is_told(name: str, tmp_path: Path) -> None:
    folder = make_job(tmp_path / "job")
    (folder / name).unlink()

    with pytest.raises(JobFolderError, match=name):
        JobFolder(folder, 1).events.look()
