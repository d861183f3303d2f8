"""Names: from a parameter of the authors' Flax tree to the parameter here.

A Flax name is a path such as `sam_backbone/blocks.0/attn/qkv/kernel`; ours follows the published
checkpoint of each part where there is one. Each rule rewrites one piece of the path; the last
piece also says how the tensor is laid out (a Flax kernel is (in, out), a convolution's
(kh, kw, in, out)).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

import torch
from torch import Tensor

from pixelllm.model.checkpoint import CheckpointError
from pixelllm.weights.recipe import Convert, Recipe, only

# Tried from top to bottom on the whole path; every rule that matches is applied.
RULES: Final[tuple[tuple[str, str], ...]] = (
    (r"^(?:optimizer/target/)?(?:params/)?", ""),  # where a whole training state has the parameters
    (r"/", "."),
    (r"^git_backbone\.", "eva."),
    (r"^eva\.ln_post\.", "eva.norm."),
    (r"^sam_backbone\.", "sam."),
    (r"^point_predictor\.mlp\.", "point_head."),
    (r"^point_predictor\.LayerNorm_0\.", "point_head.norm."),
    (r"^visual_project_layers\.visual_projection\.", "visual_projection."),
    (r"^prompt_adapter\.", "extractor."),
    (r"^extractor\.output_tokens\.weight$", "extractor.output_tokens"),
    (r"^extractor\.image_projection_mlp\.layers\.0\.", "extractor.image_projection."),
    (r"^extractor\.prompt_embedding_projection_mlp\.layers\.0\.", "extractor.prompt_projection."),
    (r"^extractor\.image_pe_projection_mlp\.layers\.0\.", "extractor.image_pe_projection."),
    (r"^extractor\.dense_output_mlp\.layers\.0\.", "extractor.dense_head."),
    (r"^(mask_adapter\..*_projection)_mlp\.LayerNorm_0\.", r"\1.0."),
    (r"^(mask_adapter\..*_projection)_mlp\.layers\.0\.", r"\1.1."),
    (r"^mask_adapter\.output_tokens\.weight$", "mask_adapter.output_tokens"),
    (r"^mask_adapter\.alpha_output\.weight$", "mask_adapter.gate"),
    (r"^box_decoder\.", "detector."),
    (r"^detector\.roi_heads\.box_head\.0\.", "detector.roi_head."),
    (r"^(detector\.proposal_generator\.scales\.\d+)\.scale$", r"\1"),
    (r"^textual\.t5_module\.", "language."),
    (r"^language\.token_embedder\.embedding$", "language.shared.weight"),
    (r"^language\.decoder\.logits_dense\.", "language.lm_head."),
    (r"\.(?:encoder_norm|decoder_norm)\.", ".final_layer_norm."),
    (
        r"\.relpos_bias\.rel_embedding$",
        ".block.0.layer.0.SelfAttention.relative_attention_bias.weight",
    ),
    (r"\.layers_(\d+)\.", r".block.\1."),
    (r"^(language\..*)\.pre_(?:self_)?attention_layer_norm\.", r"\1.layer.0.layer_norm."),
    (r"^(language\..*)\.pre_cross_attention_layer_norm\.", r"\1.layer.1.layer_norm."),
    (r"^(language\.encoder.*)\.pre_mlp_layer_norm\.", r"\1.layer.1.layer_norm."),
    (r"^(language\.decoder.*)\.pre_mlp_layer_norm\.", r"\1.layer.2.layer_norm."),
    (r"^(language\.encoder.*)\.mlp\.", r"\1.layer.1.DenseReluDense."),
    (r"^(language\.decoder.*)\.mlp\.", r"\1.layer.2.DenseReluDense."),
    (r"^(language\..*)\.(?:self_)?attention\.", r"\1.layer.0.SelfAttention."),
    (r"^(language\..*)\.encoder_decoder_attention\.", r"\1.layer.1.EncDecAttention."),
    (r"Attention\.query\.", "Attention.q."),
    (r"Attention\.key\.", "Attention.k."),
    (r"Attention\.value\.", "Attention.v."),
    (r"Attention\.out\.", "Attention.o."),
    (r"^textual\.(?:transformer\.encoder\.)?", "language."),  # GIT-BERT; T5 is `language` by now
    (r"\.(words|positions)\.embedding$", r".\1.weight"),
    (r"\.kernel_left_lora$", ".lora_a"),
    (r"\.kernel_right_lora$", ".lora_b"),
    (r"\.scale$", ".weight"),
)
TOKEN_HEAD: Final = re.compile(
    r"^extractor\.output_hypernetworks_mlps\.(\d+)\.layers\.0\.(kernel|bias)$"
)
# Flax runs this one over a flipped kernel; SAM's transposed convolutions are stored as torch's are.
FLIPPED: Final = re.compile(r"^detector\.fpn\.simfp_3\.0\.kernel$")
RELATIVE_TABLE: Final = "relative_attention_bias.weight"
# What else a training state of the authors' code holds.
OF_TRAINING: Final = re.compile(
    r"^(?:opt_state|optimizer/(?!target/)|model_state|global_step|step|rng|metadata)\b"
)


def from_flax(flax: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Convert a flattened Flax tree: from paths joined by "/" to our names, in our layout."""
    return {
        target: recipe.convert([flax[name] for name in recipe.names])
        for target, recipe in flax_recipes(flax).items()
    }


def flax_recipes(paths: Iterable[str]) -> dict[str, Recipe]:
    """Recipes of all parameters of a flattened Flax tree, by our names.

    Of a whole training state all but the parameters is left out: the optimiser's moments and the
    like are of no use for answering.

    Raises:
        CheckpointError: one of the extractor's heads is missing between others; names it.
    """
    recipes: dict[str, Recipe] = {}
    heads: dict[str, dict[int, str]] = {}
    for path in paths:
        if OF_TRAINING.match(path):
            continue
        name = rename(path)
        head = TOKEN_HEAD.match(name)
        if head:
            leaf = "weight" if head[2] == "kernel" else "bias"
            heads.setdefault(f"extractor.token_heads.{leaf}", {})[int(head[1])] = path
        else:
            target, convert = layout_of(name)
            recipes[target] = Recipe((path,), convert)
    for target, parts in heads.items():
        for number in range(len(parts)):
            if number not in parts:
                raise CheckpointError(f"the parameters lack {_head(parts, number)}")
        recipes[target] = Recipe(tuple(parts[i] for i in range(len(parts))), torch.stack)
    return recipes


def _head(parts: Mapping[int, str], number: int) -> str:
    """The path of a token head that is missing among the paths of others."""
    other, path = next(iter(parts.items()))
    return path.replace(f"mlps.{other}/", f"mlps.{number}/")


def rename(path: str) -> str:
    """Our name of a Flax path; a kernel keeps the leaf `kernel`, its layout is yet to change."""
    for pattern, replacement in RULES:
        path = re.sub(pattern, replacement, path)
    return path


def layout_of(name: str) -> tuple[str, Convert]:
    """Our name of a tensor that `rename` has named, and how it is laid out in torch."""
    if FLIPPED.match(name):
        return name.removesuffix("kernel") + "weight", flipped_kernel
    if name.endswith(".kernel"):
        return name.removesuffix("kernel") + "weight", kernel
    if name.endswith(RELATIVE_TABLE):
        return name, transposed
    return name, only


def kernel(tensors: list[Tensor]) -> Tensor:
    """Linear: (in, out) -> (out, in). Convolution: (kh, kw, in, out) -> (out, in, kh, kw)."""
    tensor = only(tensors)
    return tensor.T if tensor.ndim == 2 else tensor.permute(3, 2, 0, 1)


def flipped_kernel(tensors: list[Tensor]) -> Tensor:
    """(kh, kw, in, out) -> (in, out, kh, kw), the last two reversed."""
    return only(tensors).permute(2, 3, 0, 1).flip(2, 3)


def transposed(tensors: list[Tensor]) -> Tensor:
    """T5's relative table: (heads, buckets) -> (buckets, heads)."""
    return only(tensors).T
