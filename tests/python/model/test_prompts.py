"""The prompt encoder, the extractor and the visual projection against the authors' code."""

from __future__ import annotations

import torch
from torch import nn

from pixelllm.model.config import ExtractorConfig, PromptEncoderConfig
from pixelllm.model.extractor import PromptFeatureExtractor
from pixelllm.model.prompt_encoder import IGNORED, PROMPT_TOKENS, PromptEncoder
from tests.python.goldens import Golden, assert_close, load

MODULE = 1e-5
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

    assert_close(padded, golden["out/embed_points_pad"], MODULE)
    assert_close(bare, golden["out/embed_points_nopad"], MODULE)


def test_golden_prompt_encoder_boxes_and_masks() -> None:
    golden = Golden("prompt_encoder")
    encoder = prompt_encoder(golden)

    assert_close(encoder.embed_boxes(golden["in/boxes"], FRAME), golden["out/embed_boxes"], MODULE)
    large = encoder.embed_boxes(golden["in/boxes"], (1024, 1024))
    assert_close(large, golden["out/embed_boxes_1024"], MODULE)
    assert_close(encoder.embed_masks(golden["in/masks"]), golden["out/embed_masks"], MODULE)


def test_golden_prompt_encoder_grids() -> None:
    golden = Golden("prompt_encoder")
    positions = prompt_encoder(golden).pe_layer

    assert_close(positions.grid(8, 8), golden["out/dense_pe_8x8"], MODULE)
    assert_close(positions.grid(5, 7), golden["out/dense_pe_5x7"], MODULE)


def test_missing_points_of_a_prompt_are_ignored_points() -> None:
    encoder = prompt_encoder(Golden("prompt_encoder"))
    points = torch.tensor([[[10.0, 20.0]]])

    prompt = encoder.point_prompt(points, FRAME)

    ignored = encoder.embed_points(points, torch.tensor([[IGNORED]]), FRAME, pad=False)
    assert prompt.shape == (1, PROMPT_TOKENS, 32)
    assert torch.equal(prompt[:, 1:], ignored.expand(-1, PROMPT_TOKENS - 1, -1))


def test_golden_prompt_adapter() -> None:
    golden = Golden("prompt_adapter")
    config = ExtractorConfig(tokens=32, dim=48, depth=2, mlp_dim=64, output_dim=40)
    extractor = PromptFeatureExtractor(config, feature_dim=64, prompt_dim=32)
    load(extractor, golden.params("prompt_adapter/", "extractor."))
    sparse = golden["in/sparse"]
    images = golden["in/image_embeddings"].expand(len(sparse), -1, -1, -1)
    inputs = (images, golden["in/image_pe"], sparse, golden["in/dense"])

    tokens, cells = extractor.exchange(*inputs)

    assert_close(extractor(*inputs), golden["out/tokens"], MODULE)
    assert_close(tokens, golden["inter/transformer/0"][:, :32], MODULE)
    dense = extractor.dense_head(cells).unflatten(1, (8, 8))
    assert_close(dense, golden["out/src"], MODULE)


def test_golden_visual_project_linear() -> None:
    golden = Golden("visual_project_linear")
    projection = nn.Sequential(nn.Linear(40, 32), nn.LayerNorm(32, eps=1e-5))
    load(projection, golden.params("visual_project_layers/", "visual_projection."))

    assert_close(projection(golden["in/x"]), golden["out/y"], MODULE)
