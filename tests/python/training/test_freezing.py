"""What learns in each recipe, against the authors' trees of learned and frozen parameters."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from pixelllm.model.config import (
    DetectorConfig,
    MaskDecoderConfig,
    PixelLLMConfig,
    pixelllm_bert,
    pixelllm_t5_xl,
)
from pixelllm.model.pixelllm import PixelLLM
from pixelllm.training.freezing import learned, train_learning_parts
from pixelllm.training.recipes import Language, Recipe, recipe
from pixelllm.training.starting import prepare
from tests.python.model.test_presets import authors_tree

PLAIN = pixelllm_t5_xl()
SEGMENTS = replace(PLAIN, masks=MaskDecoderConfig())
DETECTS = replace(PLAIN, detector=DetectorConfig())


def model_for(config: PixelLLMConfig, chosen: Recipe) -> PixelLLM:
    with torch.device("meta"):
        model = PixelLLM(config)
    prepare(model, chosen)
    return model


@pytest.mark.parametrize(
    ("name", "config"), [("trace", PLAIN), ("ref", PLAIN), ("refseg", SEGMENTS)]
)
def test_golden_learned_parameters(name: str, config: PixelLLMConfig) -> None:
    ours, _ = authors_tree(f"param_shapes_pixel_llm_t5_{name}.txt")

    found = {n for n, _ in learned(model_for(config, recipe(name, "t5")))}

    assert found == set(ours)


def test_golden_learned_parameters_of_densecap() -> None:
    ours, _ = authors_tree("param_shapes_pixel_llm_t5_densecap.txt")

    found = {n for n, _ in learned(model_for(DETECTS, recipe("densecap", "t5")))}

    assert found == set(ours)


def test_words_learn_with_the_lora_and_the_tables_of_tokens() -> None:
    lora = {n for n, _ in learned(model_for(PLAIN, recipe("trace", "t5")))}
    words = replace(recipe("trace", "t5"), language="words")

    found = {n for n, _ in learned(model_for(PLAIN, words))}

    assert found - lora == {"language.shared.weight", "language.lm_head.weight"}
    assert lora < found


@pytest.mark.parametrize("language", ["t5", "git_bert"])
def test_only_the_mask_adapter_learns_in_joint_refseg(language: Language) -> None:
    base = PLAIN if language == "t5" else pixelllm_bert()
    config = replace(base, masks=MaskDecoderConfig(), detector=DetectorConfig())

    found = [n for n, _ in learned(model_for(config, recipe("joint_refseg", language)))]

    assert found
    assert all(name.startswith("mask_adapter.") for name in found)


def test_all_of_git_bert_learns() -> None:
    model = model_for(pixelllm_bert(), recipe("trace", "git_bert"))

    assert all(parameter.requires_grad for parameter in model.language.parameters())  # type: ignore[attr-defined]


def test_a_frozen_part_stays_as_it_is_served() -> None:
    model = model_for(SEGMENTS, recipe("refseg", "t5"))

    train_learning_parts(model)

    modes = {name: part.training for name, part in model.named_children()}
    assert {name for name, training in modes.items() if training} == {"mask_adapter", "point_head"}


def test_what_no_loss_teaches_does_not_learn() -> None:
    config = replace(PLAIN, masks=MaskDecoderConfig(), detector=DetectorConfig())
    chosen = recipe("trace", "t5")
    silent = replace(chosen, objective=replace(chosen.objective, point=0.0))

    found = {name.split(".")[0] for name, _ in learned(model_for(config, silent))}

    assert found == {"eva", "extractor", "visual_projection", "language"}
