"""Orders to load and to unload models, from their arrival to their event.

A model's files are read on another thread, so calls go on meanwhile; between two steps it is then
put in place. One that is to go takes no further call and goes when the last of its calls is
answered. Orders about one model are followed in the order of arrival, those about others are not
held up by them.
"""

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from pixelllm.contract import ErrorCode, LoadOrder, ModelSource, UnloadOrder
from pixelllm.tasks.errors import TaskError
from pixelllm.worker.bell import Bell
from pixelllm.worker.lanes import Lane, Lanes
from pixelllm.worker.models import Models, Trained
from pixelllm.worker.steps import Push


@dataclass(eq=False)
class ModelOrder:
    """An order on its way. The engine thread alone changes it, but for `cancelled`."""

    id: str
    model: str
    source: ModelSource | None  # where it lies, to be loaded; None: it is to be unloaded
    cancelled: bool = False
    reading: Future[Trained] | None = None

    @classmethod
    def from_message(cls, message: LoadOrder | UnloadOrder) -> "ModelOrder":
        """Of an order as it comes from the gateway."""
        if message["kind"] == "load":
            return cls(message["id"], message["model"]["id"], message["model"])
        return cls(message["id"], message["model"], None)


class ModelOrders:
    """The orders of one engine. `add` and `cancel` for any thread, the rest for the engine's.

    Args:
        lanes: the models that are loaded.
        models: loads them.
        bell: is rung when there is something new to do.
        push: takes events.
    """

    def __init__(self, lanes: Lanes, models: Models, bell: Bell, push: Push) -> None:
        self._lanes = lanes
        self._models = models
        self._bell = bell
        self._push = push
        self._lock = threading.Lock()
        self._orders: dict[str, ModelOrder] = {}  # in order of arrival
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="models")

    def add(self, order: ModelOrder) -> None:
        """Take an order; it ends in one event: `loaded`, `unloaded` or `error`.

        Raises:
            TaskError: `invalid_request` if an order of that id is being followed.
        """
        with self._lock:
            if order.id in self._orders:
                raise TaskError("invalid_request", f"an order named {order.id!r} is being followed")
            self._orders[order.id] = order
        self._bell.ring()

    def cancel(self, order_id: str) -> None:
        """Have an order dropped; an unknown id is fine."""
        with self._lock:
            order = self._orders.get(order_id)
        if order is not None:
            order.cancelled = True
            self._bell.ring()

    def next_ones(self) -> list[ModelOrder]:
        """The orders that are to be followed now: of each model the first."""
        with self._lock:
            orders = list(self._orders.values())
        firsts: dict[str, ModelOrder] = {}
        for order in orders:
            firsts.setdefault(order.model, order)
        return list(firsts.values())

    def follow(self, order: ModelOrder) -> None:
        """Do what can be done for an order without waiting.

        Raises:
            TaskError: it cannot be followed.
            CheckpointError: the model cannot be used.
        """
        if order.cancelled:
            raise TaskError("cancelled", "the order was cancelled")
        lane = self._lanes.find(order.model)
        if order.source is None:
            self._unload(order, lane)
        elif lane is not None:
            self._end(order, {"type": "loaded", "id": order.id, "model": lane.model})
        else:
            self._load(order, order.source)

    def fail(self, order: ModelOrder, code: ErrorCode, message: str) -> None:
        """End an order without what it asked for."""
        lane = self._lanes.find(order.model)
        if lane is not None:
            lane.leaving = False
        failure = {"code": code, "message": message}
        self._end(order, {"type": "error", "id": order.id, "error": failure})

    def close(self, reason: TaskError) -> None:
        """End the orders that are left."""
        self._reader.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            orders = list(self._orders.values())
        for order in orders:
            self.fail(order, reason.code, reason.message)

    def _load(self, order: ModelOrder, source: ModelSource) -> None:
        if order.reading is None:
            order.reading = self._reader.submit(self._models.read, source)
            order.reading.add_done_callback(lambda _: self._bell.ring())
        elif order.reading.done():
            lane = self._models.put_in_place(order.reading.result())
            self._end(order, {"type": "loaded", "id": order.id, "model": lane.model})

    def _unload(self, order: ModelOrder, lane: Lane | None) -> None:
        if lane is not None:
            lane.leaving = True
            if lane.scheduler.calls():
                return
            self._models.take_away(lane)
        self._end(order, {"type": "unloaded", "id": order.id})

    def _end(self, order: ModelOrder, event: dict[str, object]) -> None:
        with self._lock:
            del self._orders[order.id]
        self._push(event)
