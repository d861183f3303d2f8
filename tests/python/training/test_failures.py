"""Errors become a code and a sentence, or stay defects."""

from __future__ import annotations

import errno

import pytest
import torch

from pixelllm.data.errors import DatasetError
from pixelllm.model.checkpoint import CheckpointError
from pixelllm.tasks.errors import TaskError
from pixelllm.training.failures import failure_of
from pixelllm.training.recipes import RecipeError
from pixelllm.training.trainer import DivergedError, TrainingError


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "storage_full"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "storage_full"),
        (torch.OutOfMemoryError("20 GiB"), "out_of_memory"),
        (MemoryError(), "out_of_memory"),
        (DivergedError("5 steps in a row"), "training_diverged"),
        (TrainingError("other data"), "invalid_request"),
        (RecipeError("no setting"), "invalid_request"),
        (DatasetError("line 3"), "invalid_request"),
        (CheckpointError("no weights"), "model_unavailable"),
        (TaskError("model_not_found", "gone"), "model_not_found"),
    ],
)
def test_each_has_its_code(error: Exception, code: str) -> None:
    failure = failure_of(error)

    assert failure
    assert failure["code"] == code
    assert failure["message"]


@pytest.mark.parametrize("error", [ZeroDivisionError(), OSError(errno.EIO, "I/O"), KeyError("x")])
def test_a_defect_has_none(error: Exception) -> None:
    assert failure_of(error) is None
