"""A trained model on disk: only what training changed, over a checkpoint that is whole.

    model.json         what there is to know of it without loading it (`TrainedModel`)
    config.json        its configuration; it may be larger than that of its base
    tokenizer.model    or `vocab.txt`
    delta.safetensors  every tensor that differs from the base
    README.md          its card, where there is one

The base is a model that was not itself trained so: a delta never lies over another. All other
tensors are those of the base, in the same memory where the base is loaded: a second model costs the
memory of what it learned. A fingerprint of the tensors that it relies on tells a base that was
exchanged, on which a delta would compute nonsense without any error.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

import torch
from torch import Tensor

from pixelllm.contract import TrainedModel
from pixelllm.model.checkpoint import (
    CONFIG,
    Checkpoint,
    CheckpointError,
    blank,
    fill,
    load_config,
    load_tokenizer,
    open_weights,
    read_card,
    require,
    shapes_of,
    tokenizer_file,
)
from pixelllm.model.pixelllm import PixelLLM
from pixelllm.model.tensor_files import (
    Entry,
    TensorFileError,
    TensorFiles,
    memory_of,
    write_tensor_file,
)

MODEL, DELTA = "model.json", "delta.safetensors"
_SAMPLE: Final = "extractor.output_tokens"  # a parameter that every model has
_TEXTS: Final = ("id", "description", "base_model", "base_fingerprint")


@dataclass(frozen=True)
class SharedBase:
    """A loaded model whose tensors others share.

    folder: its checkpoint, a whole one.
    tensors: its weights, in the memory from which it answers. Nobody may change them.
    """

    folder: Path
    tensors: Mapping[str, Tensor]

    @classmethod
    def of(cls, checkpoint: Checkpoint, folder: Path) -> SharedBase:
        """Of a checkpoint that was loaded from `folder`."""
        return cls(folder, checkpoint.model.state_dict())

    @property
    def name(self) -> str:
        """The name of the model."""
        return self.folder.resolve().name

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.tensors[_SAMPLE].device

    @property
    def dtype(self) -> torch.dtype:
        """What the weights are made of."""
        return self.tensors[_SAMPLE].dtype


def write_delta(
    folder: Path,
    model: PixelLLM,
    tokenizer: bytes,
    base: Path,
    about: TrainedModel,
    dtype: torch.dtype = torch.float32,
) -> TrainedModel:
    """Write what distinguishes a model from its base to a folder, which is made if need be.

    A tensor counts as the base's own if it equals what the base has stored, in the dtype that it
    has in the model.

    Args:
        model: with all its tensors, no matter on which device.
        tokenizer: the bytes of its file.
        base: the folder of the whole checkpoint.
        about: for `model.json`; `base_model` and `base_fingerprint` are filled in here.
        dtype: of the tensors in the file. What is left in less is lost to a training that goes on.

    Returns:
        `about` as it was written.

    Raises:
        CheckpointError: the base is no whole checkpoint.
    """
    stored = open_weights(base)
    state = model.state_dict()
    mark = _Fingerprint()
    learned = []
    for name, tensor in sorted(state.items()):
        original = stored.read(name) if name in stored else None
        if original is not None and _same(tensor, original):
            mark.add(name, original)
        else:
            learned.append(name)
    written: TrainedModel = {
        **about,
        "base_model": base.resolve().name,
        "base_fingerprint": mark.text(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    entries = [Entry(name, state[name].shape, dtype, state[name].detach) for name in learned]
    write_tensor_file(folder / DELTA, entries)
    _write_json(folder / CONFIG, model.config.to_dict())
    (folder / tokenizer_file(model.config)).write_bytes(tokenizer)
    _write_json(folder / MODEL, written)
    return written


def load_delta(folder: Path, base: SharedBase) -> Checkpoint:
    """Load a trained model over its base, whose device and dtype it gets.

    Of the base's tensors it holds the very memory; only its own are read.

    Raises:
        CheckpointError: a file is missing or does not fit, or the base is another one.
    """
    about = read_about(folder)
    require(folder, CONFIG, DELTA)
    config = load_config(folder / CONFIG)
    require(folder, tokenizer_file(config))
    own = open_delta(folder)
    if about["base_model"] != base.name:
        raise CheckpointError(
            f"{about['id']} was trained from {about['base_model']} and not from {base.name}: "
            "serve the former to use it"
        )

    model = blank(config)
    shared = [n for n in shapes_of(model) if n not in own and n in base.tensors]
    if fingerprint(open_weights(base.folder), shared) != about["base_fingerprint"]:
        raise CheckpointError(
            f"{about['id']} was trained from other weights than those of {base.folder}: "
            "serve the checkpoint that it was trained from, or train it again"
        )
    buffers = {name for name, _ in model.named_buffers()}
    state = {name: base.tensors[name] for name in shared}
    with torch.inference_mode(False):  # a training may share them
        for name in own:
            dtype = torch.float32 if name in buffers else base.dtype
            state[name] = own.read(name).to(base.device, dtype)
    return Checkpoint(
        model=fill(model, state),
        tokenizer=load_tokenizer(folder / tokenizer_file(config), config),
        name=about["id"],
        card=read_card(folder),
    )


def read_about(folder: Path) -> TrainedModel:
    """What a trained model's `model.json` says.

    Raises:
        CheckpointError: there is none, or it is not one.
    """
    require(folder, MODEL)
    try:
        about = json.loads((folder / MODEL).read_text("utf-8"))
    except (ValueError, OSError) as error:
        raise CheckpointError(f"{folder / MODEL} cannot be read: {error}") from error
    if not isinstance(about, dict) or any(not isinstance(about.get(key), str) for key in _TEXTS):
        raise CheckpointError(f"{folder / MODEL} does not describe a trained model")
    return cast(TrainedModel, about)


def fingerprint(weights: TensorFiles, names: Iterable[str]) -> str:
    """Tells these tensors of a checkpoint, as they are stored, from any others."""
    mark = _Fingerprint()
    for name in sorted(names):
        mark.add(name, weights.read(name))
    return mark.text()


class _Fingerprint:
    """A checksum of tensors and their names, which come in the order of the alphabet."""

    def __init__(self) -> None:
        self._digest = hashlib.blake2b(digest_size=16)

    def add(self, name: str, tensor: Tensor) -> None:
        """Take up a tensor."""
        self._digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        self._digest.update(memory_of(tensor))

    def text(self) -> str:
        """The checksum of what there was so far, in hexadecimal."""
        return self._digest.hexdigest()


def _same(tensor: Tensor, original: Tensor) -> bool:
    """Whether a tensor of a model is the one that a checkpoint has."""
    return tensor.shape == original.shape and torch.equal(
        tensor.detach().cpu(), original.to(tensor.dtype)
    )


def open_delta(folder: Path) -> TensorFiles:
    """A trained model's own tensors, none of them read yet.

    Raises:
        CheckpointError: there are none, or their file is cut off.
    """
    require(folder, DELTA)
    try:
        return TensorFiles([folder / DELTA])
    except TensorFileError as error:
        raise CheckpointError(str(error)) from error


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", "utf-8")
