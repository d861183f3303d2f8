"""What a run starts from: the checkpoint's weights, changed as the recipe says."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from pixelllm.model.checkpoint import CheckpointError, save_checkpoint
from pixelllm.model.config import T5Config
from pixelllm.model.pixelllm import PixelLLM
from pixelllm.training.freezing import learned
from pixelllm.training.overrides import override
from pixelllm.training.recipes import Recipe, RecipeError, recipe
from pixelllm.training.starting import Start, check_model, start_model
from tests.python.model.small import WHOLE
from tests.python.tasks.language import TOKENIZER


def trace(*assignments: str) -> Recipe:
    return override(recipe("trace", "t5"), assignments)


def served(folder: Path, dtype: torch.dtype = torch.float32) -> PixelLLM:
    """A small model with a LoRA that has learned, written to a folder."""
    torch.manual_seed(0)
    model = PixelLLM(WHOLE)
    for name, parameter in model.named_parameters():
        if name.endswith("lora_b"):
            torch.nn.init.normal_(parameter)
    save_checkpoint(folder, model, TOKENIZER.read_bytes(), dtype)
    return model.eval()


def logits_of(model: PixelLLM) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    visual = torch.randn(1, 3, WHOLE.language.dim, generator=generator)
    tokens = torch.tensor([[0, 5, 6, 7, 1, 0]])
    logits, _ = model.decode_text(model.encode_prefix(visual, tokens[:, 1:4]), tokens)
    return logits.detach()


def test_a_run_starts_with_the_weights_that_are_served(tmp_path: Path) -> None:
    model = served(tmp_path)

    started = start_model(Start.of(tmp_path), trace())

    assert started.state_dict().keys() == model.state_dict().keys()
    for name, tensor in model.state_dict().items():
        assert torch.equal(started.state_dict()[name], tensor), name


def test_only_what_the_recipe_trains_learns(tmp_path: Path) -> None:
    served(tmp_path)

    names = [name for name, _ in learned(start_model(Start.of(tmp_path), trace()))]

    assert any(name.endswith("lora_a") for name in names)
    assert not any(name.startswith("sam.") or name == "language.lm_head.weight" for name in names)


@pytest.mark.parametrize("rank", [0, 2])
def test_another_rank_of_lora_keeps_what_the_old_one_learned(tmp_path: Path, rank: int) -> None:
    expected = logits_of(served(tmp_path))
    language = "full" if rank == 0 else "lora"

    started = start_model(
        Start.of(tmp_path), trace(f"changes.lora_rank={rank}", f"language={language}")
    )

    assert isinstance(started.config.language, T5Config)
    assert started.config.language.lora_rank == rank
    torch.testing.assert_close(logits_of(started.eval()), expected, rtol=0, atol=1e-4)


def test_a_deeper_extractor_keeps_its_layers_and_gets_new_ones(tmp_path: Path) -> None:
    model = served(tmp_path)

    started = start_model(Start.of(tmp_path), trace("changes.extractor_depth=3"))

    state = started.state_dict()
    assert started.config.extractor.depth == 3
    kept = "extractor.transformer.layers.1.self_attn.q_proj.weight"
    assert torch.equal(state[kept], model.state_dict()[kept])
    assert state["extractor.transformer.layers.2.self_attn.q_proj.weight"].std() > 0


def test_what_disturbs_training_is_the_recipes(tmp_path: Path) -> None:
    served(tmp_path)

    config = start_model(
        Start.of(tmp_path), trace("noise.dropout=0.3", "noise.drop_path=0.2")
    ).config

    assert config.language.dropout == 0.3
    assert config.eva.drop_path == 0.2
    assert config.sam.drop_path == 0.0


def test_frozen_weights_stay_in_the_bfloat16_that_they_are_stored_in(tmp_path: Path) -> None:
    served(tmp_path, torch.bfloat16)

    started = start_model(Start.of(tmp_path), trace())
    precise = start_model(Start.of(tmp_path), trace("machine.precision=float32"))

    assert started.sam.pos_embed.dtype == torch.bfloat16
    assert all(parameter.dtype == torch.float32 for _, parameter in learned(started))
    assert precise.sam.pos_embed.dtype == torch.float32


def shares(started: PixelLLM, loaded: dict[str, torch.Tensor]) -> set[str]:
    """What a model has in the memory of loaded tensors."""
    state = started.state_dict()
    return {name for name in state if state[name].data_ptr() == loaded[name].data_ptr()}


def test_what_does_not_learn_is_shared_with_what_is_loaded(tmp_path: Path) -> None:
    loaded = served(tmp_path).state_dict()
    before = {name: tensor.clone() for name, tensor in loaded.items()}

    started = start_model(Start.of(tmp_path, loaded), trace())

    learning = {name for name, _ in learned(started)}
    assert shares(started, loaded) == loaded.keys() - learning
    assert all(torch.equal(loaded[name], before[name]) for name in loaded)
    assert not any(tensor.requires_grad for tensor in loaded.values())


@pytest.mark.parametrize(("precision", "shared"), [("bfloat16", True), ("float32", False)])
def test_weights_in_bfloat16_are_shared_where_the_recipe_computes_in_it(
    precision: str, shared: bool, tmp_path: Path
) -> None:
    loaded = {name: tensor.bfloat16() for name, tensor in served(tmp_path).state_dict().items()}

    started = start_model(Start.of(tmp_path, loaded), trace(f"machine.precision={precision}"))

    found = shares(started, loaded)
    assert ("sam.pos_embed" in found) == shared
    assert not any(name.startswith("prompt_encoder.") for name in found)


def test_a_weight_that_gets_the_old_lora_is_not_shared(tmp_path: Path) -> None:
    loaded = served(tmp_path).state_dict()

    started = start_model(Start.of(tmp_path, loaded), trace("changes.lora_rank=5"))

    state = started.state_dict()
    kept = {n for n in state.keys() & loaded.keys() if state[n].data_ptr() == loaded[n].data_ptr()}
    assert "sam.pos_embed" in kept
    assert not any(name.startswith("language.") for name in kept)


def test_tensors_of_inference_mode_are_not_shared(tmp_path: Path) -> None:
    with torch.inference_mode():
        loaded = {name: tensor.clone() for name, tensor in served(tmp_path).state_dict().items()}

    assert shares(start_model(Start.of(tmp_path, loaded), trace()), loaded) == set()


def test_a_part_that_nobody_publishes_without_weights_is_missed(tmp_path: Path) -> None:
    model = served(tmp_path)
    config = replace(WHOLE, sam=replace(WHOLE.sam, depth=4))
    save_checkpoint(tmp_path, model, TOKENIZER.read_bytes())
    (tmp_path / "config.json").write_text(json.dumps(config.to_dict()), "utf-8")

    with pytest.raises(CheckpointError, match=r"lack sam\.blocks\.3.*cannot begin at random"):
        start_model(Start.of(tmp_path), trace())


@pytest.mark.parametrize(
    ("name", "rank", "message"),
    [
        ("refseg", 4, "refseg learns masks, and this model has no mask decoder"),
        ("joint_refseg", 4, "--segments"),
        ("densecap", 4, "densecap learns regions, and this model has no detector"),
        ("joint", 4, "--detects"),
        ("trace", 0, "this model has no LoRA"),
    ],
)
def test_a_model_without_what_is_trained_is_refused(name: str, rank: int, message: str) -> None:
    assert isinstance(WHOLE.language, T5Config)
    config = replace(WHOLE, language=replace(WHOLE.language, lora_rank=rank))

    with pytest.raises(RecipeError, match=message):
        check_model(recipe(name, "t5"), config)
