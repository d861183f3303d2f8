"""What tasks have to know of a model, and which of them it can do."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from pixelllm.contract import TaskName
from pixelllm.tasks import TASKS
from pixelllm.tasks.base import ModelFacts

if TYPE_CHECKING:  # tasks are imported before there is time to import torch
    from pixelllm.model.checkpoint import Checkpoint

MAX_PREFIX_TOKENS = 256  # the longest prefix of the contract, should every character be a token


def model_facts(checkpoint: Checkpoint) -> ModelFacts:
    """What tasks may know of a model."""
    config = checkpoint.config
    return ModelFacts(
        tokenizer=checkpoint.tokenizer,
        prefixes=config.prefixes,
        max_tokens=config.language.max_text_tokens - 2,
        max_prefix_tokens=MAX_PREFIX_TOKENS,
        masks=config.masks is not None,
        detector=config.detector is not None,
    )


def possible_tasks(facts: ModelFacts) -> list[TaskName]:
    """The tasks that a model has the parts for, in the order of the contract."""
    return [name for name in get_args(TaskName) if TASKS[name].supported(facts)]
