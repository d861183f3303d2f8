"""The presets: the full-size one against the authors' tree, the tiny one against its limits."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from pixelllm.model.config import (
    ConfigError,
    DetectorConfig,
    MaskDecoderConfig,
    PixelLLMConfig,
    T5Config,
    pixelllm_bert,
    pixelllm_t5_xl,
    preset,
    tiny,
)
from pixelllm.model.frozen import is_frozen
from pixelllm.model.pixelllm import PixelLLM
from pixelllm.model.t5 import T5
from pixelllm.weights.flax import from_flax

TREES = Path(__file__).parents[2] / "fixtures" / "param_shapes"
LINE = re.compile(r"^([LF]) (\S+) \((.*)\)$")
LEARNED, FROZEN = "L", "F"


def authors_tree(name: str) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Learned and frozen parameters, in our names, as tensors without memory."""
    trees: dict[str, dict[str, Tensor]] = {LEARNED: {}, FROZEN: {}}
    for line in (TREES / name).read_text().splitlines():
        match = LINE.match(line)
        assert match, line
        shape = [int(size) for size in match[3].split(",") if size.strip()]
        trees[match[1]][match[2]] = torch.empty(shape, device="meta")
    return from_flax(trees[LEARNED]), from_flax(trees[FROZEN])


@pytest.mark.parametrize("name", ["trace", "ref"])
def test_golden_parameter_tree_of_the_full_model(name: str) -> None:
    learned, frozen = authors_tree(f"param_shapes_pixel_llm_t5_{name}.txt")
    with torch.device("meta"):
        model = PixelLLM(pixelllm_t5_xl())

    ours = {name: tensor.shape for name, tensor in model.state_dict().items()}

    assert {name: tensor.shape for name, tensor in (learned | frozen).items()} == ours
    assert {name for name in ours if is_frozen(name)} == set(frozen)


def test_golden_parameter_tree_of_the_detector() -> None:
    learned, frozen = authors_tree("param_shapes_pixel_llm_t5_densecap.txt")
    with torch.device("meta"):
        model = PixelLLM(replace(pixelllm_t5_xl(), detector=DetectorConfig()))

    ours = {name: t.shape for name, t in model.detector.state_dict(prefix="detector.").items()}

    authors = {name: t.shape for name, t in learned.items() if name.startswith("detector.")}
    assert ours == authors
    assert not any(is_frozen(name) for name in ours)
    assert not any(name.startswith("detector.") for name in frozen)


def test_full_model_has_the_papers_size() -> None:
    with torch.device("meta"):
        model = PixelLLM(pixelllm_t5_xl())

    sizes = {name: tensor.numel() for name, tensor in model.state_dict().items()}

    learned = sum(size for name, size in sizes.items() if not is_frozen(name))
    assert round(learned / 1e6, 1) == 369.9
    assert round((sum(sizes.values()) - learned) / 1e6, 1) == 3486.8


def test_tiny_fits_the_repository() -> None:
    with torch.device("meta"):
        model = PixelLLM(tiny())

    assert sum(tensor.numel() * 2 for tensor in model.state_dict().values()) < 16e6


@pytest.mark.parametrize(
    "config",
    [
        tiny(),
        pixelllm_t5_xl(),
        pixelllm_bert(),
        replace(tiny(), detector=DetectorConfig(min_score=0.1)),
        replace(tiny(), masks=MaskDecoderConfig(depth=1)),
    ],
)
def test_a_configuration_survives_json(config: PixelLLMConfig) -> None:
    assert PixelLLMConfig.from_dict(config.to_dict()) == config


def test_a_configuration_that_names_no_kind_of_language_model_is_of_a_t5() -> None:
    values = tiny().to_dict()
    del values["language"]["kind"]

    assert PixelLLMConfig.from_dict(values) == tiny()


def test_unknown_fields_and_wrong_types_are_named() -> None:
    values = tiny().to_dict()
    values["sam"]["depht"] = 3
    with pytest.raises(ConfigError, match=r"config\.sam has unknown fields: depht"):
        PixelLLMConfig.from_dict(values)

    values = tiny().to_dict()
    values["language"]["dim"] = "128"
    with pytest.raises(ConfigError, match=r"config\.language\.dim has the wrong type"):
        PixelLLMConfig.from_dict(values)

    values = tiny().to_dict()
    values["language"]["kind"] = "gpt"
    with pytest.raises(ConfigError, match=r"config\.language\.kind has the wrong type: 'gpt'"):
        PixelLLMConfig.from_dict(values)


@pytest.mark.parametrize(
    ("name", "millions"),  # of the published models, of which google/flan-t5-base says 250M
    [("pixelllm_t5_small", 77), ("pixelllm_t5_base", 248), ("pixelllm_t5_large", 783)],
)
def test_a_preset_has_the_size_of_its_language_model(name: str, millions: int) -> None:
    config = preset(name)
    assert isinstance(config.language, T5Config)

    with torch.device("meta"):
        language = T5(replace(config.language, lora_rank=0))

    assert config.preset == name
    assert round(sum(p.numel() for p in language.parameters()) / 1e6) == millions


def test_an_unknown_preset_is_answered_with_those_there_are() -> None:
    with pytest.raises(ConfigError, match="tiny, pixelllm_t5_xl, pixelllm_bert"):
        preset("huge")
