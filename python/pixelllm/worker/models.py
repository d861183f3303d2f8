"""The models in the memory of an engine: that of the settings, and those trained from it."""

import os

import torch

from pixelllm.contract import LoadedModel, ModelSource, WorkerSettings
from pixelllm.inference.runner import EncodedImage, Runner
from pixelllm.model.checkpoint import Checkpoint, checkpoint_folder
from pixelllm.model.delta import SharedBase
from pixelllm.tasks.errors import TaskError
from pixelllm.worker.cache import FeatureCache, FeatureKey
from pixelllm.worker.counts import Counts
from pixelllm.worker.lanes import Lane, Lanes, unknown_model
from pixelllm.worker.loading import (
    describe_model,
    load_model,
    load_trained,
    model_name,
    share_encoders,
)
from pixelllm.worker.pictures import PictureLoader
from pixelllm.worker.steps import Push, Slab, Steps

Trained = tuple[Checkpoint, LoadedModel]


class Models:
    """Loads models and gives each a lane. For the engine thread, but for `base` and `read`.

    The features of images have one budget for all models, and one entry for all that have the very
    same encoders.

    Args:
        settings: which model, where, and the limits.
        lanes: where the models answer.
        slab: where the files of the images lie.
        push: takes events.
        counts: is told what all models do.
    """

    def __init__(
        self, settings: WorkerSettings, lanes: Lanes, slab: Slab, push: Push, counts: Counts
    ) -> None:
        self._settings = settings
        self._lanes = lanes
        self._slab = slab
        self._push = push
        self._counts = counts
        self._cache = FeatureCache[FeatureKey, EncodedImage](settings["feature_cache_bytes"])
        self._first = lanes.add(model_name(settings["model"]))
        self._checkpoint: Checkpoint | None = None

    @property
    def base(self) -> SharedBase:
        """The model of the settings, whose weights the others share. From any thread.

        Raises:
            TaskError: `worker_unavailable` as long as it is not loaded.
        """
        return SharedBase.of(self._base, checkpoint_folder(self._settings["model"]))

    @property
    def first(self) -> str:
        """The name of the model of the settings. From any thread."""
        return self._first.name

    def load_first(self) -> None:
        """Load the model of the settings.

        Raises:
            CheckpointError: it cannot be used.
            TaskError: `model_unavailable` if there is no such device.
        """
        checkpoint = load_model(self._settings)
        runner = Runner(checkpoint, self._settings["max_batch"])
        runner.warm_up()
        self._open(self._first, checkpoint, describe_model(checkpoint), runner)
        self._checkpoint = checkpoint

    def load(self, source: ModelSource) -> None:
        """Load a model that was trained from the first.

        Raises:
            CheckpointError: it cannot be used.
        """
        self.put_in_place(self.read(source))

    def read(self, source: ModelSource) -> Trained:
        """Read the files of a model. From any thread.

        Raises:
            CheckpointError: it cannot be used.
        """
        return load_trained(source, self.base)

    def put_in_place(self, trained: Trained) -> Lane:
        """Give a model that was read its lane. No warm-up: it runs what the first has run."""
        checkpoint, model = trained
        runner = Runner(checkpoint, self._settings["max_batch"])
        lane = self._lanes.add(model["id"])
        self._open(lane, checkpoint, model, runner)
        return lane

    def take_away(self, lane: Lane) -> None:
        """Let go of a model and of its features."""
        self._lanes.remove(lane, unknown_model(lane.name))
        self._cache.drop(lambda key: key.encoders == lane.name)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def tell(self) -> None:
        """Say what is loaded."""
        models = [lane.model for lane in self._lanes]
        device = models[0]["device"]
        self._push({"type": "ready", "pid": os.getpid(), "device": device, "models": models})

    def free_memory(self) -> None:
        """Give back what can be computed again."""
        self._cache.clear()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    @property
    def _base(self) -> Checkpoint:
        if self._checkpoint is None:
            raise TaskError("worker_unavailable", "the model is being loaded")
        return self._checkpoint

    def _open(self, lane: Lane, checkpoint: Checkpoint, model: LoadedModel, runner: Runner) -> None:
        base = self._checkpoint or checkpoint
        shared = share_encoders(checkpoint, base)
        steps = Steps(
            scheduler=lane.scheduler,
            runner=runner,
            loader=PictureLoader(checkpoint.config),
            cache=self._cache,
            encoders=self._first.name if shared else lane.name,
            slab=self._slab,
            push=self._push,
            counts=self._counts,
        )
        lane.open(model, steps)
