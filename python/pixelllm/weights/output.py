"""The checkpoint that comes out: written aside, and named when it is whole."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from pixelllm.model.checkpoint import (
    CONFIG,
    TOKENIZER,
    WORD_PIECES,
    CheckpointError,
    load_tokenizer,
    shapes_of,
    tokenizer_file,
)
from pixelllm.model.config import PixelLLMConfig
from pixelllm.model.pixelllm import PixelLLM
from pixelllm.model.tensor_files import Entry, write_tensors

Make = Callable[[], Tensor]

_TOKENIZERS: Final = {
    TOKENIZER: "T5's sentencepiece model, spiece.model,",
    WORD_PIECES: "BERT's word pieces, vocab.txt,",
}


def model_shapes(config: PixelLLMConfig) -> dict[str, torch.Size]:
    """Every tensor of a model of this configuration, in the order of its modules."""
    with torch.device("meta"):
        return shapes_of(PixelLLM(config))


def write_checkpoint(
    out: Path,
    config: PixelLLMConfig,
    makes: Mapping[str, Make],
    tokenizer: Path,
    *,
    dtype: torch.dtype,
    card: str,
) -> None:
    """Write a checkpoint whose tensors are made one after the other.

    Args:
        makes: for every tensor of the model what returns it.
        tokenizer: a sentencepiece model, or `vocab.txt` for a GIT-BERT.
        dtype: of the parameters; buffers stay float32, as they are loaded.
        card: what the model is, in Markdown.

    Raises:
        CheckpointError: `out` is taken, the disk is full, or the tokenizer does not fit.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise CheckpointError(f"{out} exists already: remove it, or name another folder")
    kind = tokenizer_file(config)
    if not tokenizer.is_file():
        raise CheckpointError(f"there is no {tokenizer}: give {_TOKENIZERS[kind]} by --tokenizer")
    load_tokenizer(tokenizer, config)
    entries = _entries(config, makes, dtype)
    _require_room(out, sum(entry.nbytes for entry in entries))
    aside = out.with_name(out.name + ".partial")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    try:
        (aside / CONFIG).write_text(json.dumps(config.to_dict(), indent=2) + "\n", "utf-8")
        (aside / "README.md").write_text(card, "utf-8")
        shutil.copyfile(tokenizer, aside / kind)
        write_tensors(aside, entries)
        aside.rename(out)
    except OSError as error:
        raise CheckpointError(f"{out} cannot be written: {error}") from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _entries(config: PixelLLMConfig, makes: Mapping[str, Make], dtype: torch.dtype) -> list[Entry]:
    with torch.device("meta"):
        model = PixelLLM(config)
    buffers = {name for name, _ in model.named_buffers()}
    return [
        Entry(name, shape, torch.float32 if name in buffers else dtype, makes[name])
        for name, shape in shapes_of(model).items()
    ]


def _require_room(out: Path, needed: int) -> None:
    there = next(folder for folder in out.absolute().parents if folder.is_dir())
    free = shutil.disk_usage(there).free
    if free < needed:
        raise CheckpointError(
            f"{out} will take {needed / 1e9:.1f} GB, and {there} has {free / 1e9:.1f} GB free"
        )
