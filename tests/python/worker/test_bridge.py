"""The functions for Node, called as pythonia would. Their process is tested in worker-bridge/."""

import json
import os
import queue
import subprocess
import sys
from collections.abc import Mapping

import pytest

from pixelllm.contract import WorkCounts, WorkerSettings
from pixelllm.tasks.errors import TaskError
from pixelllm.worker.bridge import Bridge, Push
from pixelllm.worker.slab import SlabReader


class Engine:
    """Takes a call or refuses it."""

    def __init__(self, refusal: Exception | None = None, age_ms: float = 1.5) -> None:
        self.refusal = refusal
        self.age_ms = age_ms
        self.calls: list[Mapping[str, object]] = []
        self.orders: list[Mapping[str, object]] = []
        self.cancelled: list[str] = []
        self.stopped = False

    def start(self) -> None: ...

    def submit(self, message: Mapping[str, object]) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.calls.append(message)

    def order(self, message: Mapping[str, object]) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.orders.append(message)

    def check(self, plan: Mapping[str, object]) -> int:
        if self.refusal is not None:
            raise self.refusal
        return len(plan)

    def cancel(self, name: str) -> None:
        self.cancelled.append(name)

    def status(self) -> Mapping[str, float | int]:
        return {"queued": 2, "active": 3, "engine_age_ms": self.age_ms}

    def work(self) -> WorkCounts:
        return {"cache_hits": 1, "cache_misses": 2, "steps": []}

    def stop(self, timeout_s: float) -> None:
        self.stopped = True


def no_engine(_: WorkerSettings, __: Push, ___: SlabReader) -> Engine:
    raise AssertionError("no engine is needed")


def bridge_around(engine: Engine | None) -> Bridge:
    bridge = Bridge(no_engine)
    bridge._engine = engine
    return bridge


def failure(acknowledgement: str) -> tuple[str, str]:
    reply = json.loads(acknowledgement)
    assert reply["ok"] is False
    return reply["error"]["code"], reply["error"]["message"]


def test_hands_calls_to_the_engine() -> None:
    engine = Engine()
    bridge = bridge_around(engine)

    assert json.loads(bridge.submit('{"id": "a"}')) == {"ok": True}
    assert json.loads(bridge.order('{"id": "b"}')) == {"ok": True}
    assert json.loads(bridge.check('{"recipe": "trace"}')) == {"ok": True, "steps": 1}
    assert json.loads(bridge.cancel("a")) == {"ok": True}
    assert json.loads(bridge.shutdown("")) == {"ok": True}

    assert engine.calls == [{"id": "a"}]
    assert engine.orders == [{"id": "b"}]
    assert engine.cancelled == ["a"]
    assert engine.stopped


def test_says_what_the_engine_does() -> None:
    pong = json.loads(bridge_around(Engine()).ping(""))

    assert pong == {
        "ok": True,
        "pid": os.getpid(),
        "engine_age_ms": 1.5,
        "queued": 2,
        "active": 3,
        "work": {"cache_hits": 1, "cache_misses": 2, "steps": []},
    }


@pytest.mark.parametrize(
    ("refusal", "code"),
    [
        (queue.Full(), "queue_full"),
        (TaskError("invalid_request", "no such task"), "invalid_request"),
        (RuntimeError("/secret/path"), "internal"),
    ],
)
@pytest.mark.parametrize("function", ["submit", "order", "check"])
def test_turns_every_exception_into_a_code(refusal: Exception, code: str, function: str) -> None:
    bridge = bridge_around(Engine(refusal))

    refused, message = failure(getattr(bridge, function)("{}"))

    assert refused == code
    assert "/secret/path" not in message


def test_raises_nothing_for_what_is_not_json() -> None:
    assert failure(bridge_around(Engine()).submit("{"))[0] == "internal"
    assert failure(bridge_around(Engine()).start("{"))[0] == "internal"


def test_answers_valid_json_whatever_the_engine_says() -> None:
    assert failure(bridge_around(Engine(age_ms=float("nan"))).ping(""))[0] == "internal"


def test_answers_before_there_is_an_engine() -> None:
    bridge = bridge_around(None)

    for function in (bridge.submit, bridge.order, bridge.check):
        assert failure(function("{}"))[0] == "worker_unavailable"
    assert json.loads(bridge.cancel("a")) == {"ok": True}
    assert json.loads(bridge.ping(""))["engine_age_ms"] == 0
    assert json.loads(bridge.shutdown("")) == {"ok": True}


def test_is_imported_without_torch() -> None:
    """The main thread must be able to answer while torch is imported, which takes seconds."""
    program = "import sys, pixelllm.worker.bridge; sys.exit('torch' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
