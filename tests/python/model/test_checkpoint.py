"""Saving and loading: what comes back is what went in, and what does not fit is named."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from pixelllm.model.checkpoint import (
    CONFIG,
    TOKENIZER,
    WEIGHTS,
    WORD_PIECES,
    CheckpointError,
    load_checkpoint,
    save_checkpoint,
)
from pixelllm.model.config import GitBertConfig
from pixelllm.model.pixelllm import PixelLLM
from pixelllm.model.tensor_files import Entry, write_tensors
from tests.python.goldens import FOLDER
from tests.python.model.small import WHOLE
from tests.python.model.small_tokenizer import tokenizer_bytes
from tests.python.model.word_pieces import PIECES, VOCAB_TXT

TOKENIZER_BYTES = (FOLDER / "tiny_t5like_spm.model").read_bytes()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    where = tmp_path / "small"
    save_checkpoint(where, PixelLLM(WHOLE), b"", torch.float32)
    return where


def rewrite(folder: Path, **changes: torch.Tensor | None) -> None:
    """Replace or, with None, remove weights; "." in a name is written as "__"."""
    weights = load_file(folder / WEIGHTS)
    for key, value in changes.items():
        name = key.replace("__", ".")
        weights.pop(name, None)
        if value is not None:
            weights[name] = value
    save_file(weights, folder / WEIGHTS)


def test_weights_and_configuration_come_back(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = PixelLLM(WHOLE)
    config = {**WHOLE.to_dict()}
    config["language"]["vocab_size"] = 2000  # the tokenizer of the goldens is a larger one
    model = PixelLLM(type(WHOLE).from_dict(config))
    save_checkpoint(tmp_path / "mine", model, TOKENIZER_BYTES, torch.float32)

    loaded = load_checkpoint(str(tmp_path / "mine"))

    assert loaded.name == "mine"
    assert loaded.config == model.config
    assert not loaded.model.training
    for name, tensor in model.state_dict().items():
        assert torch.equal(loaded.model.state_dict()[name], tensor), name


def test_weights_in_several_files_come_back(folder: Path) -> None:
    (folder / TOKENIZER).write_bytes(tokenizer_bytes())
    weights = load_file(folder / WEIGHTS)
    entries = [Entry(name, t.shape, t.dtype, t.clone) for name, t in weights.items()]

    written = write_tensors(folder, entries, shard_bytes=100_000)

    loaded = load_checkpoint(str(folder)).model.state_dict()
    assert len(written) > 2
    assert not (folder / WEIGHTS).exists()
    assert all(torch.equal(loaded[name], tensor) for name, tensor in weights.items())


def test_positions_stay_exact_in_a_model_of_less_precision(folder: Path) -> None:
    (folder / TOKENIZER).write_bytes(tokenizer_bytes())
    matrix = "prompt_encoder.pe_layer.positional_encoding_gaussian_matrix"

    loaded = load_checkpoint(str(folder), dtype=torch.bfloat16).model

    assert loaded.dtype == torch.bfloat16
    assert torch.equal(loaded.state_dict()[matrix], load_file(folder / WEIGHTS)[matrix])


@pytest.mark.parametrize("name", [CONFIG, WEIGHTS, TOKENIZER])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()

    with pytest.raises(CheckpointError, match=f"has no {name}"):
        load_checkpoint(str(folder))


def test_a_missing_weight_is_named(folder: Path) -> None:
    rewrite(folder, eva__cls_token=None)

    with pytest.raises(CheckpointError, match=r"lack eva\.cls_token"):
        load_checkpoint(str(folder))


def test_an_unexpected_weight_is_named(folder: Path) -> None:
    rewrite(folder, eva__bonus=torch.zeros(3))

    with pytest.raises(CheckpointError, match=r"hold eva\.bonus"):
        load_checkpoint(str(folder))


def test_a_wrong_shape_is_named(folder: Path) -> None:
    rewrite(folder, eva__cls_token=torch.zeros(1, 1, 5))

    with pytest.raises(CheckpointError, match=r"eva\.cls_token is \(1, 1, 5\)"):
        load_checkpoint(str(folder))


def test_a_cut_off_file_is_named(folder: Path) -> None:
    whole = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(whole[: len(whole) // 2])

    with pytest.raises(CheckpointError, match="no complete safetensors file"):
        load_checkpoint(str(folder))


def test_a_bad_configuration_is_named(folder: Path) -> None:
    values = json.loads((folder / CONFIG).read_text())
    values["colour"] = "red"
    (folder / CONFIG).write_text(json.dumps(values))

    with pytest.raises(CheckpointError, match="unknown fields: colour"):
        load_checkpoint(str(folder))


@pytest.fixture
def bert_folder(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    language = GitBertConfig(vocab_size=len(PIECES) + 3, dim=32, heads=4, layers=1, mlp_dim=32)
    where = tmp_path / "bert"
    save_checkpoint(where, PixelLLM(replace(WHOLE, language=language)), VOCAB_TXT, torch.float32)
    return where


def test_a_model_in_berts_vocabulary_has_a_list_of_word_pieces(bert_folder: Path) -> None:
    checkpoint = load_checkpoint(str(bert_folder))

    tokenizer, language = checkpoint.tokenizer, checkpoint.config.language
    assert {path.name for path in bert_folder.iterdir()} == {CONFIG, WEIGHTS, WORD_PIECES}
    assert (tokenizer.begin_id, tokenizer.end_id) == (language.begin_id, language.end_id)
    assert tokenizer.decode(tokenizer.encode("Where is the man?")).text == "where is the man?"


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (None, "has no vocab.txt: it is not a complete checkpoint"),
        (b"\xff\xfe", "vocab.txt is no list of BERT's word pieces: .*utf-8"),
        (
            b"[PAD]\n[CLS]\n[SEP]\n",
            r"no list of BERT's word pieces: it has no \[UNK\]",
        ),
        (
            VOCAB_TXT.replace(b"[unused98]\n", b""),
            r"has \[CLS\] as token 100, the model as 101: give the vocab.txt that",
        ),
        (VOCAB_TXT + b"b1\nb2\nb3\nb4\n", "pieces, the model only"),
    ],
)
def test_a_list_of_word_pieces_that_does_not_fit_is_named(
    bert_folder: Path, change: bytes | None, complaint: str
) -> None:
    if change is None:
        (bert_folder / WORD_PIECES).unlink()
    else:
        (bert_folder / WORD_PIECES).write_bytes(change)

    with pytest.raises(CheckpointError, match=complaint):
        load_checkpoint(str(bert_folder))


def test_a_file_that_is_no_tokenizer_is_named(folder: Path) -> None:
    (folder / TOKENIZER).write_bytes(b"hello")

    with pytest.raises(CheckpointError, match="no sentencepiece model"):
        load_checkpoint(str(folder))


def test_an_unknown_model_is_answered_with_what_to_give() -> None:
    with pytest.raises(CheckpointError, match="there is no model 'huge'"):
        load_checkpoint("huge")
