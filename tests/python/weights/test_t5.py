"""T5 in the layout of transformers, against its own forward pass."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from pixelllm.model.checkpoint import CheckpointError
from pixelllm.model.t5 import T5
from pixelllm.weights.initial import is_initialised
from pixelllm.weights.layout import plan
from pixelllm.weights.sources import open_source, read_json
from pixelllm.weights.t5 import read_t5_config, t5_part
from tests.python.model.small import LANGUAGE
from tests.python.weights.published import DIM, save, save_t5, t5_model

TOLERANCE = 1e-4
SHARED = "shared.weight"


def converted(folder: Path) -> T5:
    """Our language model with the weights of a folder; LoRA without effect."""
    values = read_json(folder / "config.json")
    config = read_t5_config(values, "config.json", LANGUAGE)
    model = T5(config)
    source = open_source(folder)
    names = {"language." + name for name in model.state_dict()}
    expected = {name for name in names if not is_initialised(name)}
    recipes = plan(t5_part(values, set(source.shapes), config.dim), source, expected)
    state = {
        name.removeprefix("language."): recipe.make(source) for name, recipe in recipes.items()
    }
    model.load_state_dict(state, strict=False)
    return model.eval()


def rewrite(folder: Path, *, drop: str = "", add: dict[str, str] | None = None) -> None:
    """Drop a tensor, or add copies of others under new names."""
    path = folder / "model.safetensors"
    state = load_file(path)
    for new, old in (add or {}).items():
        state[new] = state[old].clone()
    state.pop(drop, None)
    save(state, path)


def reconfigure(folder: Path, **values: object) -> None:
    """Change `config.json`; a value of None goes."""
    path = folder / "config.json"
    merged = {**json.loads(path.read_text()), **values}
    path.write_text(json.dumps({k: v for k, v in merged.items() if v is not None}))


def as_flan(folder: Path) -> None:
    """Say that the head is not tied as `google/flan-t5-*` says it."""
    reconfigure(folder, scale_decoder_outputs=None, tie_word_embeddings=False)


def assert_same_logits(folder: Path, *, tied: bool) -> None:
    """Ours and those of transformers, of visual tokens, a prefix and a text."""
    visual = torch.randn(2, 5, DIM)
    prefix = torch.tensor([[4, 9, 1], [7, 1, 0]])
    text = torch.tensor([[0, 11, 12, 13, 1], [0, 21, 22, 23, 24]])
    theirs = t5_model(tied=tied)
    embedded = torch.cat([visual, theirs.shared(prefix)], 1)
    mask = torch.cat([torch.ones(2, 5, dtype=torch.int64), (prefix > 0).long()], 1)

    ours = converted(folder)
    logits, _ = ours.decode(ours.encode(visual, prefix), text)

    expected = theirs(inputs_embeds=embedded, attention_mask=mask, decoder_input_ids=text).logits
    # The last row of ours sees nothing, as no token follows it.
    torch.testing.assert_close(logits[:, :-1], expected[:, :-1], rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("written_by", ["transformers 5", "google"])
def test_flan_t5_writes_what_it_writes_in_transformers(written_by: str, tmp_path: Path) -> None:
    folder = save_t5(t5_model(tied=False), tmp_path)
    if written_by == "google":
        as_flan(folder)

    assert_same_logits(folder, tied=False)


def test_a_tied_head_is_the_scaled_embedding(tmp_path: Path) -> None:
    folder = save_t5(t5_model(tied=True), tmp_path)
    assert "lm_head.weight" not in load_file(folder / "model.safetensors")

    assert_same_logits(folder, tied=True)


def test_copies_of_the_embedding_and_an_old_table_are_left_out(tmp_path: Path) -> None:
    folder = save_t5(t5_model(tied=False), tmp_path)
    relative = "relative_attention_bias.weight"
    copies = {
        "encoder.embed_tokens.weight": SHARED,
        "decoder.embed_tokens.weight": SHARED,
        f"decoder.block.0.layer.1.EncDecAttention.{relative}": (
            f"decoder.block.0.layer.0.SelfAttention.{relative}"
        ),
    }
    rewrite(folder, add=copies)

    assert_same_logits(folder, tied=False)


def test_the_embedding_may_have_the_encoders_name_alone(tmp_path: Path) -> None:
    folder = save_t5(t5_model(tied=False), tmp_path)
    rewrite(folder, add={"encoder.embed_tokens.weight": SHARED}, drop=SHARED)

    assert_same_logits(folder, tied=False)


def test_an_untied_head_that_is_missing_is_named(tmp_path: Path) -> None:
    folder = save_t5(t5_model(tied=False), tmp_path)
    as_flan(folder)
    rewrite(folder, drop="lm_head.weight")

    with pytest.raises(CheckpointError, match=r"lacks lm_head\.weight"):
        converted(folder)


def test_a_block_too_many_is_named(tmp_path: Path) -> None:
    folder = save_t5(t5_model(tied=False), tmp_path)
    reconfigure(folder, num_decoder_layers=2)

    with pytest.raises(CheckpointError, match=r"holds decoder\.block\.2\."):
        converted(folder)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"model_type": "mt5"}, "give a Flan-T5"),
        ({"feed_forward_proj": "relu"}, "it is the first T5"),
        ({"d_model": "512"}, "d_model '512', which must be a whole number"),
    ],
)
def test_another_language_model_is_refused(
    values: dict[str, object], sentence: str, tmp_path: Path
) -> None:
    folder = save_t5(t5_model(tied=False), tmp_path)
    reconfigure(folder, **values)

    with pytest.raises(CheckpointError, match=sentence):
        converted(folder)


@pytest.mark.parametrize(
    ("size", "numbers"),
    [
        ("small", (512, 6, 64, 8, 1024)),
        ("base", (768, 12, 64, 12, 2048)),
        ("large", (1024, 16, 64, 24, 2816)),
        ("xl", (2048, 32, 64, 24, 5120)),
    ],
)
def test_every_size_is_read_from_its_configuration(
    size: str, numbers: tuple[int, int, int, int, int]
) -> None:
    dim, heads, head_dim, layers, mlp_dim = numbers
    values = {
        "model_type": "t5",
        "feed_forward_proj": "gated-gelu",
        "vocab_size": 32128,
        "d_model": dim,
        "num_heads": heads,
        "d_kv": head_dim,
        "d_ff": mlp_dim,
        "num_layers": layers,
        "num_decoder_layers": layers,
        "relative_attention_num_buckets": 32,
    }

    config = read_t5_config(values, f"flan-t5-{size}", LANGUAGE)

    assert (config.dim, config.heads, config.head_dim, config.mlp_dim) == (
        dim,
        heads,
        head_dim,
        mlp_dim,
    )
    assert (config.encoder_layers, config.decoder_layers) == (layers, layers)
    assert (config.lora_rank, config.relative_max_distance) == (LANGUAGE.lora_rank, 128)
