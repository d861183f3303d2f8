"""A trained model as it is served: the checkpoint that training started from and what was learned.

Frozen weights keep the width that they were stored in; what was learned is written in float32, so
that the next recipe goes on from it without loss.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from pixelllm.model.checkpoint import CONFIG, tokenizer_file
from pixelllm.model.config import PixelLLMConfig
from pixelllm.model.tensor_files import Entry, write_tensors
from pixelllm.training.checkpoints import write_folder
from pixelllm.training.recipes import Recipe
from pixelllm.training.starting import Start, changed


@dataclass(frozen=True)
class Served:
    """What a served model has besides the numbers.

    kept: the dtype of each tensor that training left as it was stored.
    """

    config: PixelLLMConfig
    tokenizer: bytes
    kept: Mapping[str, torch.dtype]

    @classmethod
    def of(cls, start: Start, recipe: Recipe, frozen: set[str]) -> Served:
        """Of a run from a checkpoint with these frozen parameters."""
        new, stored = changed(start.config, recipe), start.weights
        same = new.language == start.config.language  # else its LoRA is merged into frozen weights
        kept = {
            name: stored[name].dtype
            for name in frozen
            if name in stored and (same or not name.startswith("language."))
        }
        return cls(new, start.tokenizer.read_bytes(), kept)

    def write(self, folder: Path, state: Mapping[str, Tensor], card: str) -> None:
        """Write a model with these numbers, in place of one that is there."""
        entries = [
            Entry(name, tensor.shape, self.kept.get(name, torch.float32), tensor.detach)
            for name, tensor in state.items()
        ]

        def fill(aside: Path) -> None:
            text = json.dumps(self.config.to_dict(), indent=2) + "\n"
            (aside / CONFIG).write_text(text, "utf-8")
            (aside / tokenizer_file(self.config)).write_bytes(self.tokenizer)
            (aside / "README.md").write_text(card, "utf-8")
            write_tensors(aside, entries)

        write_folder(folder, fill)
