"""From the worker's settings to a model that is ready to answer."""

import re
from typing import get_args

import torch

from pixelllm.contract import Model, TaskName, WorkerSettings
from pixelllm.model.checkpoint import Checkpoint, load_checkpoint
from pixelllm.tasks import TASKS
from pixelllm.tasks.errors import TaskError

_FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)


def load_model(settings: WorkerSettings) -> Checkpoint:
    """Load the model that the settings name, on their device.

    Raises:
        CheckpointError: the checkpoint cannot be used.
        TaskError: `model_unavailable` if there is no such device.
    """
    if settings["threads"] is not None:
        torch.set_num_threads(settings["threads"])
    device = choose_device(settings["device"])
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    return load_checkpoint(settings["model"], device, dtype)


def choose_device(name: str) -> torch.device:
    """The device of that name; `auto` is CUDA where there is one.

    Raises:
        TaskError: `model_unavailable` if CUDA is asked for and there is none.
    """
    there = torch.cuda.is_available()
    if name == "cuda" and not there:
        message = "torch finds no CUDA device on this machine: set the device to cpu or auto"
        raise TaskError("model_unavailable", message)
    return torch.device("cuda" if there and name != "cpu" else "cpu")


def describe_model(checkpoint: Checkpoint) -> Model:
    """What `GET /v1/models` says about a model."""
    weights = list(checkpoint.model.parameters())
    return Model(
        id=checkpoint.name,
        description=card_summary(checkpoint.card),
        tasks=[name for name in get_args(TaskName) if name in TASKS],
        frame_size=checkpoint.config.image_size,
        max_tokens=checkpoint.config.language.max_text_tokens - 2,  # begin and end
        parameters=sum(weight.numel() for weight in weights),
        device=weights[0].device.type,
        dtype=str(weights[0].dtype).removeprefix("torch."),
    )


def card_summary(card: str) -> str:
    """The first paragraph of prose of a Markdown model card, as one line; empty if it has none."""
    for paragraph in _FRONT_MATTER.sub("", card).split("\n\n"):
        lines = [line.strip() for line in paragraph.strip().splitlines()]
        if lines and lines[0] and lines[0][0] not in "#|-*<![`":
            return " ".join(lines)
    return ""
