"""The folder of a training job: what the gateway and the worker tell each other about it.

    job.json        what was asked for (`TrainingJobRecord`); never changes
    events.jsonl    what happened, a line each (`TrainingEventRecord`); only ever appended to
    attempts/       000001, ...: one for each time that a worker was given the job
    lock            held by the process that works on it
    checkpoints/    see checkpoints.py
    metrics.jsonl   a line for each report

Both sides append events. A job's status is what its events come to, read in order (`Standing`): one
that is not possible where it stands counts for nothing, so of two that race the first wins, for
every reader alike. Whoever gives the job to a worker first makes the next number in `attempts/`: an
earlier attempt that sees it stops and writes nothing more. The lock keeps two of them from working
at once, also where the earlier one has been frozen for a while; the kernel takes it back from a
process that dies.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from pixelllm.contract import TrainingEventRecord, TrainingJobRecord

JOB, EVENTS, ATTEMPTS, LOCK = "job.json", "events.jsonl", "attempts", "lock"

Status: TypeAlias = Literal[
    "validating_files", "queued", "running", "paused", "succeeded", "failed", "cancelled"
]
Request: TypeAlias = Literal["pause", "cancel"]
Kind: TypeAlias = Literal["status", "request", "metrics", "checkpoint", "message"]
Level: TypeAlias = Literal["info", "warn", "error"]

# From each status to those that may follow it; None before the first event.
POSSIBLE: Final[Mapping[Status | None, frozenset[Status]]] = {
    None: frozenset({"validating_files", "queued"}),
    "validating_files": frozenset({"queued", "failed", "cancelled"}),
    "queued": frozenset({"running", "paused", "failed", "cancelled"}),
    "running": frozenset({"running", "queued", "paused", "succeeded", "failed", "cancelled"}),
    "paused": frozenset({"queued", "cancelled"}),
    "succeeded": frozenset(),
    "failed": frozenset(),
    "cancelled": frozenset(),
}


class JobFolderError(Exception):
    """The folder of a job is not as it should be; the message says what is wrong."""


@dataclass
class Standing:
    """What the events of a job come to.

    requested: what the running job was asked for; to cancel outweighs to pause. It counts until the
        status is another one.
    reported, saved: the last step with an event of metrics, and of a checkpoint; 0 where there is
        none.
    """

    status: Status | None = None
    requested: Request | None = None
    reported: int = 0
    saved: int = 0

    def add(self, event: Mapping[str, Any]) -> None:
        """Take in the next event; what is none, or is not possible now, counts for nothing."""
        data = event.get("data")
        if not isinstance(data, dict):
            return
        match event.get("type"):
            case "status":
                self._become(data.get("status"))
            case "request" if self.status == "running" and self.requested != "cancel":
                asked = data.get("request")
                self.requested = asked if asked in ("pause", "cancel") else self.requested
            case "metrics":
                self.reported = _later(self.reported, data)
            case "checkpoint":
                self.saved = _later(self.saved, data)

    def _become(self, status: object) -> None:
        if not isinstance(status, str) or status not in POSSIBLE[self.status]:
            return
        if status != self.status:
            self.requested = None
        self.status = status


def _later(step: int, data: Mapping[str, Any]) -> int:
    found = data.get("step")
    return max(step, found) if isinstance(found, int) else step


@dataclass
class Events:
    """The events of a job: appended to by several processes, and read as they come."""

    path: Path
    standing: Standing = field(default_factory=Standing)
    _read: int = 0  # bytes of whole lines that the standing knows

    def look(self) -> Standing:
        """The standing after all that has been appended.

        Raises:
            JobFolderError: there are no events.
        """
        try:
            if self.path.stat().st_size > self._read:
                with self.path.open("rb") as file:
                    file.seek(self._read)
                    self._take(file.read())
        except FileNotFoundError:
            raise JobFolderError(f"{self.path} is missing") from None
        return self.standing

    def _take(self, data: bytes) -> None:
        whole = data[: data.rfind(b"\n") + 1]  # a line that is being written is for the next time
        for event in events_in(whole):
            self.standing.add(event)
        self._read += len(whole)

    def append(
        self, kind: Kind, message: str, data: Mapping[str, object], level: Level = "info"
    ) -> Standing:
        """Append an event and bring it to the disk; the standing after it.

        Raises:
            OSError: it could not be written; part of it may be there, which all readers skip.
        """
        event = TrainingEventRecord(
            at=moment(), level=level, type=kind, message=message, data=dict(data)
        )
        append_line(self.path, json.dumps(event, allow_nan=False).encode())
        return self.look()


def events_in(data: bytes) -> Iterator[dict[str, Any]]:
    """The events among whole lines; a line that was cut short is none."""
    for line in data.splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict):
            yield event


def append_line(path: Path, line: bytes) -> None:
    """Append a line that other processes may append to as well, and bring it to the disk.

    A line is one write, so that no other falls into it. One that a full disk or a kill has cut
    short is ended first; where that happens right before the write, the line is written again. One
    that another process is just writing may look as if it were cut short: an empty line comes of
    that, which readers skip as well.

    Raises:
        OSError: it could not be written as a whole.
    """
    handle = os.open(path, os.O_RDWR | os.O_APPEND)
    try:
        while not _appended(handle, line + b"\n"):
            pass
        os.fsync(handle)
    finally:
        os.close(handle)


def _appended(handle: int, line: bytes) -> bool:
    """Append a line; whether it stands alone."""
    size = os.fstat(handle).st_size
    if size and os.pread(handle, 1, size - 1) != b"\n":
        _write(handle, b"\n")
    _write(handle, line)
    start = os.lseek(handle, 0, os.SEEK_CUR) - len(line)
    return start == 0 or os.pread(handle, 1, start - 1) == b"\n"


def _write(handle: int, data: bytes) -> None:
    if os.write(handle, data) != len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def moment() -> str:
    """Now, as the contract has it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class JobFolder:
    """The folder of a job, for one attempt at it.

    Raises:
        JobFolderError: it has no `job.json`.
    """

    def __init__(self, path: Path, attempt: int) -> None:
        self.path = path
        self.attempt = attempt
        self.record = read_record(path / JOB)
        self.events = Events(path / EVENTS)
        self._lock: int | None = None

    @property
    def superseded(self) -> bool:
        """Whether there is a later attempt."""
        return (self.path / ATTEMPTS / attempt_name(self.attempt + 1)).exists()

    def try_lock(self) -> bool:
        """Take the lock, unless another process has it; whether it is ours."""
        if self._lock is not None:
            return True
        handle = os.open(self.path / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return False
        self._lock = handle
        return True

    def unlock(self) -> None:
        """Give the lock back, if it is ours."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def attempt_name(attempt: int) -> str:
    """The name of an attempt in `attempts/`."""
    return f"{attempt:06d}"


def read_record(path: Path) -> TrainingJobRecord:
    """What was asked for.

    Raises:
        JobFolderError: it cannot be read.
    """
    try:
        record: TrainingJobRecord = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise JobFolderError(f"{path} cannot be read: {error}") from error
    return record
