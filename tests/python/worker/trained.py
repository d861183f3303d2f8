"""Models that were trained from a small real one, without training.

`python -m tests.python.worker.trained FOLDER BASE` writes one, for tests in TypeScript.
"""

import sys
from pathlib import Path

import torch

from pixelllm.contract import ModelSource, TrainedModel
from pixelllm.model.checkpoint import checkpoint_folder, load_checkpoint
from pixelllm.model.delta import write_delta

POINT_HEAD = "point_head."
ENCODER = "eva.blocks.0."


def write_trained(folder: Path, base: Path, part: str = POINT_HEAD) -> ModelSource:
    """Write a model that differs from its base in one part, so that its answers differ."""
    checkpoint = load_checkpoint(str(base))
    torch.manual_seed(len(folder.name))
    for name, tensor in checkpoint.model.state_dict().items():
        if name.startswith(part):
            tensor.add_(torch.randn_like(tensor), alpha=0.05)
    about: TrainedModel = {
        "id": folder.name,
        "description": f"It learned as {folder.name}.",
        "tasks": ["caption"],
        "frame_size": 1,
        "max_tokens": 1,
        "parameters": 1,
        "base_model": "",
        "base_fingerprint": "",
        "training_job": "job_01k2x8p0h3v5w7y9a1c3e5g7j9",
        "created_at": "2026-11-24T12:00:00Z",
    }
    tokenizer = (base / "tokenizer.model").read_bytes()
    write_delta(folder, checkpoint.model, tokenizer, base, about)
    return {"id": folder.name, "folder": str(folder)}


if __name__ == "__main__":
    write_trained(Path(sys.argv[1]), checkpoint_folder(sys.argv[2]))
