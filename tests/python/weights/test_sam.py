"""Segment Anything in both layouts, against the model of transformers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from torch import Tensor

from pixelllm.model.checkpoint import CheckpointError
from pixelllm.model.config import MaskDecoderConfig, PromptEncoderConfig
from pixelllm.model.mask_decoder import MaskDecoder
from pixelllm.model.prompt_encoder import PromptEncoder
from pixelllm.model.sam_vit import SamViT
from pixelllm.weights.layout import plan
from pixelllm.weights.sam import SAM
from pixelllm.weights.sources import open_source
from tests.python.weights.published import CONFIG, DIM, GRID, PATCH, sam_model, save

TOLERANCE = 1e-5

# From the original's names to those of transformers, as its own conversion once replaced them.
REPLACED = (
    (r"^image_encoder\.", "vision_encoder."),
    (r"^(vision_encoder)\.blocks\.", r"\1.layers."),
    (r"patch_embed\.proj\.", "patch_embed.projection."),
    (r"neck\.0\.", "neck.conv1."),
    (r"neck\.1\.", "neck.layer_norm1."),
    (r"neck\.2\.", "neck.conv2."),
    (r"neck\.3\.", "neck.layer_norm2."),
    (r"\.norm", ".layer_norm"),
    (r"mask_downscaling\.0\.", "mask_embed.conv1."),
    (r"mask_downscaling\.1\.", "mask_embed.layer_norm1."),
    (r"mask_downscaling\.3\.", "mask_embed.conv2."),
    (r"mask_downscaling\.4\.", "mask_embed.layer_norm2."),
    (r"mask_downscaling\.6\.", "mask_embed.conv3."),
    (r"point_embeddings\.", "point_embed."),
    (r"output_upscaling\.0\.", "upscale_conv1."),
    (r"output_upscaling\.1\.", "upscale_layer_norm."),
    (r"output_upscaling\.3\.", "upscale_conv2."),
    (r"((?:mlps\.\d|prediction_head)\.)layers\.0\.", r"\1proj_in."),
    (r"((?:mlps\.\d|prediction_head)\.)layers\.1\.", r"\1layers.0."),
    (r"((?:mlps\.\d|prediction_head)\.)layers\.2\.", r"\1proj_out."),
)
MATRIX = "prompt_encoder.pe_layer.positional_encoding_gaussian_matrix"


def originals(published: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of transformers under the names of the original."""
    state = {MATRIX: published["shared_image_embedding.positional_embedding"]}
    for name in original_names():
        transformed = name
        for pattern, replacement in REPLACED:
            transformed = re.sub(pattern, replacement, transformed)
        state[name] = published[transformed]
    return state


def original_names() -> list[str]:
    """Names of the original's state dict, but for the matrix."""
    names = ["image_encoder.pos_embed"]
    for part in ("weight", "bias"):
        names += [f"image_encoder.patch_embed.proj.{part}"]
        names += [f"image_encoder.neck.{i}.{part}" for i in range(4) if part == "weight" or i % 2]
        for block in range(3):
            for layer in ("norm1", "attn.qkv", "attn.proj", "norm2", "mlp.lin1", "mlp.lin2"):
                names.append(f"image_encoder.blocks.{block}.{layer}.{part}")
        names += [f"prompt_encoder.mask_downscaling.{i}.{part}" for i in (0, 1, 3, 4, 6)]
        names += [f"mask_decoder.output_upscaling.{i}.{part}" for i in (0, 1, 3)]
        for head in ("iou_prediction_head", *(f"output_hypernetworks_mlps.{i}" for i in range(4))):
            names += [f"mask_decoder.{head}.layers.{i}.{part}" for i in range(3)]
        for attention in two_way_attentions():
            for layer in ("q_proj", "k_proj", "v_proj", "out_proj"):
                names.append(f"mask_decoder.transformer.{attention}.{layer}.{part}")
        names += [f"mask_decoder.transformer.norm_final_attn.{part}"]
        for number in range(2):
            own = ("norm1", "norm2", "norm3", "norm4", "mlp.lin1", "mlp.lin2")
            names += [f"mask_decoder.transformer.layers.{number}.{n}.{part}" for n in own]
    for block in range(3):
        names += [f"image_encoder.blocks.{block}.attn.rel_pos_{axis}" for axis in "hw"]
    names += [f"prompt_encoder.point_embeddings.{i}.weight" for i in range(4)]
    names += ["prompt_encoder.not_a_point_embed.weight", "prompt_encoder.no_mask_embed.weight"]
    return [*names, "mask_decoder.iou_token.weight", "mask_decoder.mask_tokens.weight"]


def two_way_attentions() -> list[str]:
    kinds = ("self_attn", "cross_attn_token_to_image", "cross_attn_image_to_token")
    within = [f"layers.{i}.{kind}" for i in range(2) for kind in kinds]
    return [*within, "final_attn_token_to_image"]


def modules() -> dict[str, torch.nn.Module]:
    """Our parts, by what their names begin with."""
    return {
        "sam.": SamViT(CONFIG.sam),
        "prompt_encoder.": PromptEncoder(PromptEncoderConfig(dim=DIM, mask_channels=16)),
        "mask_decoder.": MaskDecoder(MaskDecoderConfig(mlp_dim=64, hidden_dim=32), DIM),
    }


def converted(path: Path) -> dict[str, torch.nn.Module]:
    """Our parts with the weights of a file."""
    ours = modules()
    names = {prefix + name for prefix, part in ours.items() for name in part.state_dict()}
    source = open_source(path)
    recipes = plan(SAM, source, names)
    for prefix, part in ours.items():
        part.load_state_dict(
            {
                name.removeprefix(prefix): recipe.make(source)
                for name, recipe in recipes.items()
                if name.startswith(prefix)
            }
        )
        part.eval()
    return ours


@pytest.fixture(params=["transformers", "original"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The same weights in either layout."""
    model = sam_model()
    if request.param == "transformers":
        model.save_pretrained(tmp_path / "sam")
        return tmp_path / "sam"
    return save(originals(model.state_dict()), tmp_path / "sam.safetensors")


def test_images_are_encoded_as_by_transformers(path: Path) -> None:
    images = torch.randn(2, 3, GRID * PATCH, GRID * PATCH)

    ours = converted(path)["sam."](images.permute(0, 2, 3, 1))

    theirs = sam_model().vision_encoder(images).last_hidden_state
    torch.testing.assert_close(ours.permute(0, 3, 1, 2), theirs, rtol=0, atol=TOLERANCE)


def test_prompts_are_encoded_as_by_transformers(path: Path) -> None:
    box = torch.tensor([[12.0, 30.0, 90.0, 121.0]])
    mask = torch.randn(1, 4 * GRID, 4 * GRID, 1)
    model = sam_model()

    encoder = converted(path)["prompt_encoder."]
    assert isinstance(encoder, PromptEncoder)
    ours = encoder.embed_boxes(box, (GRID * PATCH, GRID * PATCH))
    dense = encoder.embed_masks(mask)

    sparse, theirs = model.prompt_encoder(None, None, box[None], mask.permute(0, 3, 1, 2))
    torch.testing.assert_close(ours, sparse[0], rtol=0, atol=TOLERANCE)
    torch.testing.assert_close(dense.permute(0, 3, 1, 2), theirs, rtol=0, atol=TOLERANCE)


def test_masks_are_decoded_as_by_transformers(path: Path) -> None:
    image, sparse = torch.randn(1, DIM, GRID, GRID), torch.randn(1, 1, 5, DIM)
    positions, dense = torch.randn(1, DIM, GRID, GRID), torch.randn(1, DIM, 1, 1)
    theirs, overlap = sam_model().mask_decoder(
        image, positions, sparse, dense.expand(-1, -1, GRID, GRID), multimask_output=True
    )[:2]

    masks, ours = converted(path)["mask_decoder."](
        image.permute(0, 2, 3, 1), positions[0].permute(1, 2, 0), sparse[0], dense.flatten(1)
    )

    torch.testing.assert_close(masks[:, 1:], theirs[0], rtol=0, atol=TOLERANCE)
    torch.testing.assert_close(ours[:, 1:], overlap[0], rtol=0, atol=TOLERANCE)


def test_parts_that_the_model_lacks_are_left_out_on_purpose(path: Path) -> None:
    names = names_without_masks()

    recipes = plan(SAM, open_source(path), names)

    assert recipes.keys() == names


def test_a_block_too_many_is_named(path: Path) -> None:
    names = {name for name in names_without_masks() if not name.startswith("sam.blocks.2.")}

    with pytest.raises(CheckpointError, match=r"holds \w+\.(blocks|layers)\.2\."):
        plan(SAM, open_source(path), names)


def test_a_missing_tensor_is_named_as_its_layout_names_it(path: Path) -> None:
    names = names_without_masks() | {"sam.blocks.7.attn.rel_pos_h"}

    with pytest.raises(CheckpointError, match=r"lacks \w+\.(blocks|layers)\.7\.attn\.rel_pos_h"):
        plan(SAM, open_source(path), names)


def names_without_masks() -> set[str]:
    """Our names of a model that neither segments nor is prompted with masks."""
    names = {"sam." + name for name in SamViT(CONFIG.sam).state_dict()}
    prompts = PromptEncoder(CONFIG.prompt_encoder).state_dict()
    return names | {"prompt_encoder." + name for name in prompts}
