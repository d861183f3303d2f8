"""From published parts to a checkpoint that loads and answers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from pixelllm.inference.runner import Runner
from pixelllm.model.checkpoint import Checkpoint, CheckpointError, load_checkpoint
from pixelllm.model.config import DetectorConfig
from pixelllm.model.tensor_files import TensorFiles
from pixelllm.weights.assemble import Parts, assemble
from tests.python.weights.published import CONFIG, eva_state, sam_model, save, save_t5, t5_model

MATRIX = "prompt_encoder.pe_layer.positional_encoding_gaussian_matrix"


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Parts:
    """Downloaded parts. Nothing changes them."""
    folder = tmp_path_factory.mktemp("published")
    sam_model().save_pretrained(folder / "sam")
    return Parts(
        sam=folder / "sam",
        eva=save(eva_state(), folder / "eva.safetensors"),
        t5=save_t5(t5_model(tied=False), folder / "t5"),
    )


def assembled(parts: Parts, out: Path, dtype: torch.dtype = torch.float32) -> Checkpoint:
    assemble(parts, CONFIG, out, dtype=dtype, seed=3)
    return load_checkpoint(str(out))


def test_a_checkpoint_of_all_parts_loads(parts: Parts, tmp_path: Path) -> None:
    checkpoint = assembled(parts, tmp_path / "base")

    config, model = checkpoint.config, checkpoint.model.state_dict()
    assert config.sam == CONFIG.sam
    assert config.language.decoder_layers == 3  # type: ignore[union-attr]
    assert torch.equal(model["language.lm_head.weight"], t5_model(tied=False).lm_head.weight)
    assert torch.equal(model["eva.cls_token"], eva_state()["cls_token"])
    assert torch.equal(model["sam.pos_embed"], sam_model().vision_encoder.pos_embed)
    assert not model["language.encoder.block.0.layer.0.SelfAttention.q.lora_b"].any()
    assert sorted(path.name for path in (tmp_path / "base").iterdir()) == [
        "README.md",
        "config.json",
        "model.safetensors",
        "tokenizer.model",
    ]
    assert "not trained" in checkpoint.card


def test_an_assembled_model_writes_a_text(parts: Parts, tmp_path: Path) -> None:
    runner = Runner(assembled(parts, tmp_path / "base"), slots=2)

    runner.warm_up()  # encodes, writes, places and reads again


def test_the_same_seed_gives_the_same_file(parts: Parts, tmp_path: Path) -> None:
    files = []
    for name in ("one", "two"):
        assembled(parts, tmp_path / name)
        files.append((tmp_path / name / "model.safetensors").read_bytes())
    assemble(parts, CONFIG, tmp_path / "other", dtype=torch.float32, seed=4)

    assert files[0] == files[1] != (tmp_path / "other" / "model.safetensors").read_bytes()


def test_weights_are_stored_as_asked_and_positions_exactly(parts: Parts, tmp_path: Path) -> None:
    assembled(parts, tmp_path / "base", torch.bfloat16)

    stored = {name: t.dtype for name, t in load_file(tmp_path / "base/model.safetensors").items()}
    assert stored.pop(MATRIX) == torch.float32
    assert set(stored.values()) == {torch.bfloat16}


def test_heads_are_added_and_left_out_on_request(parts: Parts, tmp_path: Path) -> None:
    plain = replace(CONFIG, masks=None)
    detecting = replace(plain, detector=DetectorConfig(hidden_dim=16, tower_dim=32, dim=32))

    assemble(parts, plain, tmp_path / "plain", dtype=torch.float32, seed=0)
    assemble(parts, detecting, tmp_path / "detecting", dtype=torch.float32, seed=0)

    heads = {name.split(".")[0] for name in TensorFiles.of_folder(tmp_path / "plain")}
    more = {name.split(".")[0] for name in TensorFiles.of_folder(tmp_path / "detecting")}
    assert not heads & {"mask_decoder", "mask_adapter", "detector"}
    assert more - heads == {"detector"}
    assert load_checkpoint(str(tmp_path / "detecting")).config == replace(
        load_checkpoint(str(tmp_path / "plain")).config, detector=detecting.detector
    )


def test_position_tables_of_another_grid_keep_it(parts: Parts, tmp_path: Path) -> None:
    eva = eva_state() | {"pos_embed": torch.randn(1, 1 + 7 * 7, 32)}
    wider = replace(parts, eva=save(eva, tmp_path / "eva.safetensors"))

    checkpoint = assembled(wider, tmp_path / "base")

    assert checkpoint.config.eva.pretrain_image_size == 7 * 14
    assert torch.equal(checkpoint.model.state_dict()["eva.pos_embed"], eva["pos_embed"])


def test_a_wrong_shape_is_named_before_anything_is_written(parts: Parts, tmp_path: Path) -> None:
    eva = eva_state() | {"blocks.1.mlp.fc2.weight": torch.zeros(32, 84)}
    wrong = replace(parts, eva=save(eva, tmp_path / "eva.safetensors"))

    with pytest.raises(CheckpointError, match=r"blocks\.1\.mlp\.fc2\.weight of .* is \(32, 84\)"):
        assembled(wrong, tmp_path / "base")

    assert [path.name for path in tmp_path.iterdir()] == ["eva.safetensors"]


def test_a_joint_projection_that_is_no_multiple_of_three_is_named(
    parts: Parts, tmp_path: Path
) -> None:
    eva = eva_state(joint=True) | {"blocks.0.attn.qkv.weight": torch.zeros(95, 32)}
    wrong = replace(parts, eva=save(eva, tmp_path / "eva.safetensors"))

    with pytest.raises(CheckpointError, match=r"blocks\.0\.attn\.qkv\.weight of .* is \(95, 32\)"):
        assembled(wrong, tmp_path / "base")


def test_a_folder_that_is_taken_is_not_touched(parts: Parts, tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "mine").write_text("1")

    with pytest.raises(CheckpointError, match="exists already"):
        assembled(parts, tmp_path / "base")

    assert [path.name for path in (tmp_path / "base").iterdir()] == ["mine"]


def test_a_tokenizer_is_taken_from_where_it_is_said_to_be(parts: Parts, tmp_path: Path) -> None:
    alone = tmp_path / "t5"
    alone.mkdir()
    for name in ("config.json", "model.safetensors"):
        (alone / name).write_bytes((parts.t5 / name).read_bytes())
    without = replace(parts, t5=alone)

    with pytest.raises(CheckpointError, match=r"spiece\.model, by --tokenizer"):
        assembled(without, tmp_path / "base")

    named = replace(without, tokenizer=parts.t5 / "spiece.model")
    assert assembled(named, tmp_path / "base").tokenizer.vocab_size <= 64


def test_a_tokenizer_with_more_pieces_than_the_model_is_refused(
    parts: Parts, tmp_path: Path
) -> None:
    small = save_t5(t5_model(tied=False, vocab_size=20), tmp_path / "t5")

    with pytest.raises(CheckpointError, match="pieces, the model only 20"):
        assembled(replace(parts, t5=small), tmp_path / "base")
