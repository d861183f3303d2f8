"""Waiting for news: it ends as soon as there is some, and none is missed."""

import threading
import time

from pixelllm.worker.bell import Bell


def waited_s(bell: Bell, timeout_s: float) -> float:
    begin = time.monotonic()
    bell.wait(timeout_s)
    return time.monotonic() - begin


def test_wait_ends_when_the_bell_is_rung() -> None:
    bell = Bell()
    threading.Timer(0.05, bell.ring).start()

    assert waited_s(bell, 30) < 10


def test_ring_that_came_before_the_wait_is_not_missed() -> None:
    bell = Bell()
    bell.ring()

    assert waited_s(bell, 30) < 10


def test_ring_is_heard_once() -> None:
    bell = Bell()
    bell.ring()
    bell.wait(30)

    assert waited_s(bell, 0.05) > 0.04
