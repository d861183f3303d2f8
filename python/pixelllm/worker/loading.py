"""From the worker's settings to a model that is ready to answer."""

import re
from pathlib import Path

import torch

from pixelllm.contract import LoadedModel, ModelSource, WorkerSettings
from pixelllm.model.checkpoint import (
    Checkpoint,
    CheckpointError,
    checkpoint_folder,
    count_stored,
    load_checkpoint,
)
from pixelllm.model.delta import SharedBase, load_delta, read_about
from pixelllm.tasks.errors import TaskError
from pixelllm.tasks.facts import model_facts, possible_tasks

# Below this many weights an operation is over before a second thread has begun to help: on two
# shared cores two threads made a decode step of `tiny` ten times slower than one.
SMALL_MODEL_WEIGHTS = 50_000_000
# From 6 GB in float32 on, half of it decides whether a model fits; and a CPU writes a token as fast
# as it can read the weights.
LARGE_MODEL_WEIGHTS = 1_500_000_000

_FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)


def load_model(settings: WorkerSettings) -> Checkpoint:
    """Load the model that the settings name, on their device.

    Raises:
        CheckpointError: the checkpoint cannot be used.
        TaskError: `model_unavailable` if there is no such device.
    """
    device = choose_device(settings["device"])
    dtype = choose_dtype(settings["dtype"], device, count_stored(settings["model"]))
    checkpoint = load_checkpoint(settings["model"], device, dtype)
    threads = settings["threads"]
    if threads is None and count_weights(checkpoint) < SMALL_MODEL_WEIGHTS:
        threads = 1
    if threads is not None:
        torch.set_num_threads(threads)
    return checkpoint


def load_trained(source: ModelSource, base: SharedBase) -> tuple[Checkpoint, LoadedModel]:
    """Load a trained model over the model of the settings, and say what it is.

    Raises:
        CheckpointError: the model cannot be used.
    """
    folder = Path(source["folder"])
    checkpoint = load_delta(folder, base)
    if checkpoint.name != source["id"]:
        raise CheckpointError(f"{folder} holds the model {checkpoint.name} and not {source['id']}")
    model = describe_model(checkpoint)
    return checkpoint, {**model, "description": read_about(folder)["description"]}


def share_encoders(checkpoint: Checkpoint, other: Checkpoint) -> bool:
    """Whether the features of an image are the same for both: one memory holds their encoders."""
    ours, theirs = checkpoint.config, other.config
    same = (ours.image_size, ours.eva, ours.sam) == (theirs.image_size, theirs.eva, theirs.sam)
    return same and _encoder_memory(checkpoint) == _encoder_memory(other)


def _encoder_memory(checkpoint: Checkpoint) -> dict[str, int]:
    model = checkpoint.model
    parts = {"eva": model.eva.state_dict(), "sam": model.sam.state_dict()}
    return {
        f"{part}.{name}": tensor.data_ptr()
        for part, state in parts.items()
        for name, tensor in state.items()
    }


def model_name(model: str) -> str:
    """The name of the model of the settings, before it is loaded."""
    try:
        return checkpoint_folder(model).resolve().name
    except CheckpointError:
        return Path(model).name


def count_weights(checkpoint: Checkpoint) -> int:
    """How many numbers the model has learned."""
    return sum(weight.numel() for weight in checkpoint.model.parameters())


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


def choose_dtype(name: str, device: torch.device, weights: int) -> torch.dtype:
    """The dtype of that name; `auto` goes by the device and by how many weights there are."""
    match name:
        case "float32":
            return torch.float32
        case "bfloat16":
            return torch.bfloat16
        case _:
            half = device.type == "cuda" or weights >= LARGE_MODEL_WEIGHTS
            return torch.bfloat16 if half else torch.float32


def describe_model(checkpoint: Checkpoint) -> LoadedModel:
    """What `GET /v1/models` says about a model."""
    weight = next(checkpoint.model.parameters())
    facts = model_facts(checkpoint)
    return LoadedModel(
        id=checkpoint.name,
        description=card_summary(checkpoint.card),
        tasks=possible_tasks(facts),
        frame_size=checkpoint.config.image_size,
        max_tokens=facts.max_tokens,
        parameters=count_weights(checkpoint),
        device=weight.device.type,
        dtype=str(weight.dtype).removeprefix("torch."),
    )


def card_summary(card: str) -> str:
    """The first paragraph of prose of a Markdown model card, as one line; empty if it has none."""
    for paragraph in _FRONT_MATTER.sub("", card).split("\n\n"):
        lines = [line.strip() for line in paragraph.strip().splitlines()]
        if lines and lines[0] and lines[0][0] not in "#|-*<![`":
            return " ".join(lines)
    return ""
