"""The prompt encoder, the extractor and the visual projection against the authors' code."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from pixelllm.model.config import ExtractorConfig, PromptEncoderConfig
from pixelllm.model.extractor import PromptFeatureExtractor
from pixelllm.model.prompt_encoder import IGNORED, PROMPT_TOKENS, PromptEncoder
from tests.python.goldens import Golden, load, outputs_of

FRAME = (112, 112)


def prompt_encoder(golden: Golden) -> PromptEncoder:
    encoder = PromptEncoder(PromptEncoderConfig(dim=32, mask_channels=16))
    load(encoder, golden.params("prompt_encoder/", "prompt_encoder."))
    return encoder


def test_golden_prompt_encoder_points() -> None:
    golden = Golden("prompt_encoder")
    encoder = prompt_encoder(golden)
    points, labels = golden["in/points"], golden["in/labels"]

    padded = encoder.embed_points(points, labels, FRAME, pad=True)
    bare = encoder.embed_points(points, labels, FRAME, pad=False)

    golden.check("out/embed_points_pad", padded)
    golden.check("out/embed_points_nopad", bare)


def test_golden_prompt_encoder_boxes_and_masks() -> None:
    golden = Golden("prompt_encoder")
    encoder = prompt_encoder(golden)

    golden.check("out/embed_boxes", encoder.embed_boxes(golden["in/boxes"], FRAME))
    golden.check("out/embed_boxes_1024", encoder.embed_boxes(golden["in/boxes"], (1024, 1024)))
    golden.check("out/embed_masks", encoder.embed_masks(golden["in/masks"]))


def test_golden_prompt_encoder_grids() -> None:
    golden = Golden("prompt_encoder")
    positions = prompt_encoder(golden).pe_layer

    golden.check("out/dense_pe_8x8", positions.grid(8, 8))
    golden.check("out/dense_pe_5x7", positions.grid(5, 7))


def test_missing_points_of_a_prompt_are_ignored_points() -> None:
    encoder = prompt_encoder(Golden("prompt_encoder"))
    points = torch.tensor([[[10.0, 20.0]]])

    prompt = encoder.point_prompt(points, FRAME)

    ignored = encoder.embed_points(points, torch.tensor([[IGNORED]]), FRAME, pad=False)
    assert prompt.shape == (1, PROMPT_TOKENS, 32)
    assert torch.equal(prompt[:, 1:], ignored.expand(-1, PROMPT_TOKENS - 1, -1))


def adapter(golden: Golden) -> PromptFeatureExtractor:
    config = ExtractorConfig(tokens=32, dim=48, depth=2, mlp_dim=64, output_dim=40)
    extractor = PromptFeatureExtractor(config, feature_dim=64, prompt_dim=32)
    load(extractor, golden.params("prompt_adapter/", "extractor."))
    return extractor


def test_golden_prompt_adapter() -> None:
    golden = Golden("prompt_adapter")
    extractor = adapter(golden)
    sparse = golden["in/sparse"]
    images = golden["in/image_embeddings"].expand(len(sparse), -1, -1, -1)
    inputs = (images, golden["in/image_pe"], sparse, golden["in/dense"])

    transformer = extractor.transformer
    parts = {f"layers.{i}": layer for i, layer in enumerate(transformer.layers)} | {
        f"{name}/0": transformer.get_submodule(name)
        for name in ("final_attn_token_to_image", "norm_final_attn")
    }
    with outputs_of({"": transformer, **{f"/{name}": part for name, part in parts.items()}}) as out:
        tokens, cells = extractor.exchange(*inputs)

    golden.check("out/tokens", extractor(*inputs))
    golden.check("out/src", extractor.dense_head(cells))
    golden.check("inter/transformer/0", tokens, part=np.s_[:, :32])
    for name, output in out.items():
        golden.check(f"inter/transformer{name}", output)


@pytest.mark.parametrize(
    ("projection", "value"),
    [
        ("prompt_projection", "prompt_embedding_projection_mlp"),
        ("image_pe_projection", "image_pe_projection_mlp"),
        ("image_projection", "image_projection_mlp"),
    ],
)
def test_golden_prompt_adapter_projections(projection: str, value: str) -> None:
    golden = Golden("prompt_adapter")
    extractor = adapter(golden)
    read = {"image_projection": "image_embeddings", "image_pe_projection": "image_pe"}
    inputs = golden[f"in/{read.get(projection, 'dense')}"]

    projected = extractor.get_submodule(projection)(inputs)

    if projection == "image_projection":
        projected = projected.expand(len(golden["in/sparse"]), -1, -1, -1)
    golden.check(f"inter/{value}/0", projected)
    golden.check(f"inter/{value}/layers.0/0", projected)


def test_golden_visual_project_linear() -> None:
    golden = Golden("visual_project_linear")
    projection = nn.Sequential(nn.Linear(40, 32), nn.LayerNorm(32, eps=1e-5))
    load(projection, golden.params("visual_project_layers/", "visual_projection."))

    golden.check("out/y", projection(golden["in/x"]))
