"""A model on disk: a folder with `config.json`, `model.safetensors` and a tokenizer.

The tokenizer of a T5 is `tokenizer.model`, a sentencepiece model; that of a GIT-BERT is
`vocab.txt`, BERT's list of word pieces. A large model's tensors lie in several files with an index
instead of one (`tensor_files.py`); either way they are read one at a time, so that loading takes
the memory of the model and hardly more. Nothing here reads a pickle.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn

from pixelllm.model.config import PRESETS, ConfigError, GitBertConfig, PixelLLMConfig
from pixelllm.model.pixelllm import PixelLLM
from pixelllm.model.tensor_files import (
    SINGLE,
    Entry,
    TensorFileError,
    TensorFiles,
    count_numbers,
    has_tensors,
    write_tensors,
)
from pixelllm.model.tokenizer import Tokenizer
from pixelllm.model.wordpiece import BEGIN, END, WordPieces

SHIPPED: Final = Path(__file__).parent.parent / "checkpoints"
CONFIG, WEIGHTS = "config.json", SINGLE
TOKENIZER, WORD_PIECES = "tokenizer.model", "vocab.txt"


class CheckpointError(Exception):
    """A checkpoint that cannot be used; the message is one sentence that says what to do."""


@dataclass(frozen=True)
class Checkpoint:
    """A loaded model, in evaluation mode.

    name: the folder's name; what a request's `model` and a reply's `model` say.
    card: the folder's model card (README.md), empty where there is none.
    """

    model: PixelLLM
    tokenizer: Tokenizer
    name: str
    card: str

    @property
    def config(self) -> PixelLLMConfig:
        """The model's configuration."""
        return self.model.config


def checkpoint_folder(model: str) -> Path:
    """The folder of a shipped preset ("tiny") or of a path.

    Raises:
        CheckpointError: there is none.
    """
    shipped = SHIPPED / model
    if model in PRESETS and shipped.is_dir():
        return shipped
    folder = Path(model)
    if folder.is_dir():
        return folder
    ships = ", ".join(sorted(p.name for p in SHIPPED.glob("*/")))
    raise CheckpointError(
        f"there is no model {model!r}: name one that ships ({ships}) or a checkpoint folder"
    )


def load_checkpoint(
    model: str,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> Checkpoint:
    """Load a shipped preset by name, or a folder.

    Raises:
        CheckpointError: a file is missing or does not fit; the message names it.
    """
    folder = checkpoint_folder(model)
    require(folder, CONFIG)
    config = load_config(folder / CONFIG)
    if not has_tensors(folder):
        require(folder, WEIGHTS)
    require(folder, tokenizer_file(config))
    network = build(config, open_weights(folder), device, dtype)
    return Checkpoint(
        model=network,
        tokenizer=load_tokenizer(folder / tokenizer_file(config), config),
        name=folder.resolve().name,
        card=read_card(folder),
    )


def save_checkpoint(
    folder: Path, model: PixelLLM, tokenizer: bytes, dtype: torch.dtype = torch.float16
) -> None:
    """Write a model and its tokenizer (the bytes of its file) to a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CONFIG).write_text(json.dumps(model.config.to_dict(), indent=2) + "\n", "utf-8")
    (folder / tokenizer_file(model.config)).write_bytes(tokenizer)
    entries = [
        Entry(name, tensor.shape, dtype, tensor.detach)
        for name, tensor in model.state_dict().items()
    ]
    write_tensors(folder, entries)


def require(folder: Path, *names: str) -> None:
    """Check that files are there.

    Raises:
        CheckpointError: names the first that is not.
    """
    for name in names:
        if not (folder / name).is_file():
            raise CheckpointError(f"{folder} has no {name}: it is not a complete checkpoint")


def read_card(folder: Path) -> str:
    """The model card of a folder; empty where there is none."""
    card = folder / "README.md"
    return card.read_text("utf-8") if card.is_file() else ""


def load_config(path: Path) -> PixelLLMConfig:
    """Read a `config.json`.

    Raises:
        CheckpointError: it is none.
    """
    try:
        return PixelLLMConfig.from_dict(json.loads(path.read_text("utf-8")))
    except (ValueError, ConfigError) as error:
        raise CheckpointError(f"{path} cannot be read: {error}") from error


def count_stored(model: str) -> int:
    """How many numbers a checkpoint has, which its files say without being read.

    Raises:
        CheckpointError: there is no such checkpoint, or a file is cut off.
    """
    return count_numbers(open_weights(checkpoint_folder(model)))


def open_weights(folder: Path) -> TensorFiles:
    """The tensors of a checkpoint, none of them read yet.

    Raises:
        CheckpointError: there are none, or a file is cut off.
    """
    try:
        return TensorFiles.of_folder(folder)
    except TensorFileError as error:
        raise CheckpointError(str(error)) from error


def tokenizer_file(config: PixelLLMConfig) -> str:
    """The name of the tokenizer's file, which tells its kind."""
    return WORD_PIECES if isinstance(config.language, GitBertConfig) else TOKENIZER


def load_tokenizer(path: Path, config: PixelLLMConfig) -> Tokenizer:
    """Read the tokenizer and check that it fits the model's vocabulary.

    Raises:
        CheckpointError: it does not, or it is none of its kind.
    """
    if isinstance(config.language, GitBertConfig):
        tokenizer = load_word_pieces(path, config.language)
    else:
        try:
            tokenizer = Tokenizer.load(path)
        except (RuntimeError, OSError) as error:
            raise CheckpointError(f"{path} is no sentencepiece model: {error}") from error
    if tokenizer.vocab_size > config.language.vocab_size:
        raise CheckpointError(
            f"{path} has {tokenizer.vocab_size} pieces, the model only {config.language.vocab_size}"
        )
    return tokenizer


def load_word_pieces(path: Path, language: GitBertConfig) -> Tokenizer:
    """Read a `vocab.txt` and check that its begin and end tokens are the model's.

    Raises:
        CheckpointError: they are not, or it is no list of word pieces.
    """
    try:
        pieces = WordPieces.load(path)
    except (ValueError, OSError) as error:
        raise CheckpointError(f"{path} is no list of BERT's word pieces: {error}") from error
    for name, token, wanted in (
        (BEGIN, pieces.begin_id, language.begin_id),
        (END, pieces.end_id, language.end_id),
    ):
        if token != wanted:
            raise CheckpointError(
                f"{path} has {name} as token {token}, the model as {wanted}: "
                "give the vocab.txt that the model was trained with"
            )
    return Tokenizer(pieces, pieces.begin_id, pieces.end_id)


def build(
    config: PixelLLMConfig,
    weights: TensorFiles,
    device: torch.device | str,
    dtype: torch.dtype,
) -> PixelLLM:
    """A model of this configuration with these weights, without a second copy of them in memory.

    Parameters get `dtype`. Buffers stay float32: the only one is the matrix of SAM's Fourier
    positions, whose fastest waves a rounded factor would turn by several degrees.

    Raises:
        CheckpointError: a weight is missing, unexpected or has the wrong shape; names the first.
    """
    model = blank(config)
    shapes = shapes_of(model)
    check_shapes(shapes, {name: stored.shape for name, stored in weights.items()})
    buffers = {name for name, _ in model.named_buffers()}
    with torch.inference_mode(False):  # a training may share them
        state = {
            name: weights.read(name).to(device, torch.float32 if name in buffers else dtype)
            for name in shapes
        }
    return fill(model, state)


def blank(config: PixelLLMConfig) -> PixelLLM:
    """A model of this configuration without memory for its weights."""
    with torch.device("meta"):
        return PixelLLM(config)


def fill(model: PixelLLM, state: Mapping[str, Tensor]) -> PixelLLM:
    """Give a blank model its weights, in the memory in which they are, and make it ready to answer.

    Raises:
        CheckpointError: a weight is missing, unexpected or has the wrong shape; names the first.
    """
    check_shapes(shapes_of(model), {name: tensor.shape for name, tensor in state.items()})
    model.load_state_dict(state, assign=True)
    return model.eval().requires_grad_(False)


def shapes_of(model: nn.Module) -> dict[str, torch.Size]:
    """The shape of every tensor that a checkpoint of the model has."""
    return {name: tensor.shape for name, tensor in model.state_dict().items()}


def check_shapes(expected: Mapping[str, torch.Size], given: Mapping[str, torch.Size]) -> None:
    """Compare names and shapes of a model's tensors with those of a checkpoint.

    Raises:
        CheckpointError: they differ.
    """
    missing = sorted(expected.keys() - given.keys())
    if missing:
        raise CheckpointError(f"the weights lack {missing[0]} ({len(missing)} missing in all)")
    unexpected = sorted(given.keys() - expected.keys())
    if unexpected:
        raise CheckpointError(
            f"the weights hold {unexpected[0]}, which this model does not have "
            f"({len(unexpected)} such in all)"
        )
    for name, shape in expected.items():
        if given[name] != shape:
            raise CheckpointError(
                f"{name} is {tuple(given[name])} in the weights and {tuple(shape)} in the model"
            )
