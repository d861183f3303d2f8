"""Why a training job failed, for whoever asked for it: a code and a sentence."""

from __future__ import annotations

import errno
from typing import Final

import torch

from pixelllm.contract import Failure
from pixelllm.data.errors import DatasetError
from pixelllm.model.checkpoint import CheckpointError
from pixelllm.tasks.errors import TaskError
from pixelllm.training.checkpoints import CheckpointsError
from pixelllm.training.loader import LoaderError
from pixelllm.training.recipes import RecipeError
from pixelllm.training.trainer import DivergedError, TrainingError

FULL: Final = (errno.ENOSPC, errno.EDQUOT)

STORAGE_FULL: Final = Failure(
    code="storage_full",
    message="the server's disk is full: make room on it and start the job again",
)
OUT_OF_MEMORY: Final = Failure(
    code="out_of_memory",
    message="the job needs more memory than there is: set a smaller batch_size, or "
    "machine.accumulation to compute a batch in more parts",
)


def failure_of(error: Exception) -> Failure | None:
    """What is told of an error; None where it is a defect that nobody outside understands."""
    if is_storage_full(error):
        return STORAGE_FULL
    match error:
        case torch.OutOfMemoryError() | MemoryError():
            return OUT_OF_MEMORY
        case TaskError():
            return Failure(code=error.code, message=error.message)
        case DivergedError():
            return Failure(code="training_diverged", message=str(error))
        case CheckpointError():
            return Failure(code="model_unavailable", message=str(error))
        case RecipeError() | LoaderError() | DatasetError() | TrainingError() | CheckpointsError():
            return Failure(code="invalid_request", message=str(error))
    return None


def is_storage_full(error: BaseException) -> bool:
    """Whether something could not be written for want of room."""
    return isinstance(error, OSError) and error.errno in FULL
