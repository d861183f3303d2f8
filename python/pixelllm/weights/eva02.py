"""EVA02-L as masked image modelling leaves it, from the EVA repository or from timm.

Both turn neighbouring channel pairs, the first half of a head by row and the second by column, as
`model/eva02.py` does: queries and keys keep their order. They also scale the coordinates to the
pre-training grid, which the authors' code does not; no weight depends on that. The position table
keeps its grid: the model resizes it when it runs.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from pixelllm.weights.layout import Layout, Part, Rule

BLOCK, OURS = "blocks.{i}", "eva.blocks.{i}"
ROPE = "rotary positions, which are computed from the grid"
OF_CLIP = (
    "it is EVA02-CLIP, which has a norm inside its attention that PixelLLM's encoder has not: give "
    "EVA02-L as pre-trained by masked image modelling (timm/eva02_large_patch14_224.mim_in22k)"
)
OF_SMALLER = "it is an EVA without a norm inside its MLP, as EVA02-Ti and -S are: give EVA02-L"


def part_of(joint: Tensor, number: int) -> Tensor:
    """Queries (0), keys (1) or values (2) of a joint projection, float[3 * C, C] to float[C, C]."""
    return torch.unflatten(joint, 0, (3, -1))[number]


# What both layouts have. A norm behind the last block is `norm`, or `fc_norm` where the mean of its
# output was classified.
COMMON = (
    Rule("cls_token", "eva.cls_token"),
    Rule("pos_embed", "eva.pos_embed"),
    Rule("patch_embed.proj.{x}", "eva.patch_embed.proj.{x}"),
    Rule(BLOCK + ".norm1.{x}", OURS + ".norm1.{x}"),
    Rule(BLOCK + ".norm2.{x}", OURS + ".norm2.{x}"),
    Rule(BLOCK + ".attn.q_proj.weight", OURS + ".attn.q_proj.weight"),
    Rule(BLOCK + ".attn.k_proj.weight", OURS + ".attn.k_proj.weight"),
    Rule(BLOCK + ".attn.v_proj.weight", OURS + ".attn.v_proj.weight"),
    Rule(BLOCK + ".attn.proj.{x}", OURS + ".attn.proj.{x}"),
    Rule("norm.{x}", "eva.norm.{x}"),
    Rule("fc_norm.{x}", "eva.norm.{x}"),
)
UNUSED = (
    ("mask_token", "belongs to masked pre-training"),
    ("lm_head.{x}", "belongs to masked pre-training"),
    ("head.{x}", "classifies images"),
    ("rope.{x}", ROPE),
    (BLOCK + ".attn.rope.{x}", ROPE),
)

REPOSITORY = Layout(
    name="the EVA repository",
    sign=BLOCK + ".mlp.w1.{x}",
    rules=(
        *COMMON,
        Rule(BLOCK + ".attn.q_bias", OURS + ".attn.q_bias"),
        Rule(BLOCK + ".attn.v_bias", OURS + ".attn.v_bias"),
        Rule(BLOCK + ".mlp.{x}", OURS + ".mlp.{x}"),  # w1, w2, ffn_ln, w3
    ),
    ignored=UNUSED,
)

TIMM = Layout(
    name="timm",
    sign=BLOCK + ".mlp.fc1_g.{x}",
    rules=(
        *COMMON,
        Rule(BLOCK + ".attn.q_proj.bias", OURS + ".attn.q_bias"),
        Rule(BLOCK + ".attn.v_proj.bias", OURS + ".attn.v_bias"),
        # Where timm joins the three projections, their biases stay apart.
        Rule(BLOCK + ".attn.q_bias", OURS + ".attn.q_bias"),
        Rule(BLOCK + ".attn.v_bias", OURS + ".attn.v_bias"),
        Rule(BLOCK + ".attn.qkv.weight", OURS + ".attn.q_proj.weight", partial(part_of, number=0)),
        Rule(BLOCK + ".attn.qkv.weight", OURS + ".attn.k_proj.weight", partial(part_of, number=1)),
        Rule(BLOCK + ".attn.qkv.weight", OURS + ".attn.v_proj.weight", partial(part_of, number=2)),
        Rule(BLOCK + ".mlp.fc1_g.{x}", OURS + ".mlp.w1.{x}"),
        Rule(BLOCK + ".mlp.fc1_x.{x}", OURS + ".mlp.w2.{x}"),
        Rule(BLOCK + ".mlp.norm.{x}", OURS + ".mlp.ffn_ln.{x}"),
        Rule(BLOCK + ".mlp.fc2.{x}", OURS + ".mlp.w3.{x}"),
    ),
    ignored=UNUSED,
)

EVA02 = Part(
    name="EVA02-L",
    prefixes=("eva.",),
    layouts=(REPOSITORY, TIMM),
    refused=(
        ("{x}.attn.inner_attn_ln.{y}", OF_CLIP),
        ("{x}.attn.norm.{y}", OF_CLIP),
        (BLOCK + ".mlp.fc1.{x}", OF_SMALLER),
        (BLOCK + ".mlp.w12.{x}", OF_SMALLER),
    ),
)
