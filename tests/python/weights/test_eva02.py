"""EVA02 in both layouts, against a forward pass written down here from timm's description."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from pixelllm.model.checkpoint import CheckpointError
from pixelllm.model.eva02 import Eva02
from pixelllm.weights.eva02 import EVA02
from pixelllm.weights.layout import plan
from pixelllm.weights.sources import open_source
from tests.python.weights.published import CONFIG, DIM, eva_state, save

TOLERANCE = 1e-5
HEADS = CONFIG.eva.heads
HEAD_DIM = DIM // HEADS
GRID = 5

TO_REPOSITORY = (
    (r"attn\.q_proj\.bias", "attn.q_bias"),
    (r"attn\.v_proj\.bias", "attn.v_bias"),
    (r"mlp\.fc1_g\.", "mlp.w1."),
    (r"mlp\.fc1_x\.", "mlp.w2."),
    (r"mlp\.norm\.", "mlp.ffn_ln."),
    (r"mlp\.fc2\.", "mlp.w3."),
)


def repository_state() -> dict[str, Tensor]:
    """The tensors of timm under the names of the EVA repository, with what it stores beside."""
    state = {}
    for name, tensor in eva_state().items():
        for pattern, replacement in TO_REPOSITORY:
            name = re.sub(pattern, replacement, name)
        state[name] = tensor
    extras = ["mask_token", "lm_head.weight", "lm_head.bias", "rope.freqs_cos", "rope.freqs_sin"]
    extras += [f"blocks.{i}.attn.rope.freqs_{wave}" for i in range(2) for wave in ("cos", "sin")]
    return state | {name: torch.zeros(3) for name in extras}


def timm_features(state: dict[str, Tensor], images: Tensor) -> Tensor:
    """What timm's model computes before it pools, float[B, 1 + N, C], at its own grid."""

    def linear(x: Tensor, name: str) -> Tensor:
        return F.linear(x, state[f"{name}.weight"], state.get(f"{name}.bias"))

    def norm(x: Tensor, name: str, epsilon: float = 1e-6) -> Tensor:
        return F.layer_norm(
            x, x.shape[-1:], state[f"{name}.weight"], state[f"{name}.bias"], epsilon
        )

    x = F.conv2d(images, state["patch_embed.proj.weight"], state["patch_embed.proj.bias"], 14)
    x = x.flatten(2).transpose(1, 2)
    x = torch.cat([state["cls_token"].expand(len(x), -1, -1), x], 1) + state["pos_embed"]
    for number in range(2):
        block = f"blocks.{number}"
        y = norm(x, f"{block}.norm1")
        if f"{block}.attn.qkv.weight" in state:
            q_bias, v_bias = state[f"{block}.attn.q_bias"], state[f"{block}.attn.v_bias"]
            bias = torch.cat([q_bias, torch.zeros(DIM), v_bias])
            joint = F.linear(y, state[f"{block}.attn.qkv.weight"], bias)
            q, k, v = joint.reshape(*y.shape[:2], 3, HEADS, HEAD_DIM).permute(2, 0, 3, 1, 4)
        else:
            names = [f"{block}.attn.{letter}_proj" for letter in "qkv"]
            q, k, v = (
                linear(y, name).reshape(*y.shape[:2], HEADS, HEAD_DIM).transpose(1, 2)
                for name in names
            )
        q, k = timm_rotate(q), timm_rotate(k)
        scores = (q @ k.transpose(-2, -1) / math.sqrt(HEAD_DIM)).softmax(-1)
        y = (scores @ v).transpose(1, 2).reshape(x.shape)
        x = x + linear(y, f"{block}.attn.proj")
        y = norm(x, f"{block}.norm2")
        gate, y = linear(y, f"{block}.mlp.fc1_g"), linear(y, f"{block}.mlp.fc1_x")
        y = norm(gate * gate.sigmoid() * y, f"{block}.mlp.norm", 1e-5)
        x = x + linear(y, f"{block}.mlp.fc2")
    return norm(x, "fc_norm" if "fc_norm.weight" in state else "norm")


def timm_rotate(x: Tensor) -> Tensor:
    """timm's rotation of all tokens but the first: a table of sines and one of cosines, doubled."""
    bands = HEAD_DIM // 4
    frequency = 1.0 / (10000.0 ** (torch.arange(bands) / bands))
    rows, columns = torch.meshgrid(torch.arange(GRID), torch.arange(GRID), indexing="ij")
    position = torch.stack([rows, columns], -1)[..., None] * frequency  # [h, w, 2, bands]
    angle = position.reshape(GRID * GRID, -1).repeat_interleave(2, -1)
    tail = x[:, :, 1:]
    turned = torch.stack([-tail[..., 1::2], tail[..., ::2]], -1).reshape(tail.shape)
    return torch.cat([x[:, :, :1], tail * angle.cos() + turned * angle.sin()], 2)


def converted(state: dict[str, Tensor], folder: Path) -> Eva02:
    """Our encoder with these weights, by way of a file."""
    model = Eva02(CONFIG.eva)
    source = open_source(save(state, folder / "eva.safetensors"))
    recipes = plan(EVA02, source, {"eva." + name for name in model.state_dict()})
    state = {name.removeprefix("eva."): recipe.make(source) for name, recipe in recipes.items()}
    model.load_state_dict(state)
    return model.eval()


@pytest.mark.parametrize("joint", [False, True])
@pytest.mark.parametrize("classifier_norm", [False, True])
def test_timms_weights_give_timms_features(
    joint: bool, classifier_norm: bool, tmp_path: Path
) -> None:
    state = eva_state(joint=joint, classifier_norm=classifier_norm)
    images = torch.randn(2, 3, 14 * GRID, 14 * GRID)

    ours = converted(state, tmp_path)(images.permute(0, 2, 3, 1))

    theirs = timm_features(state, images)[:, 1:].reshape(2, GRID, GRID, DIM)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=TOLERANCE)


def test_the_repositorys_weights_give_the_same_features(tmp_path: Path) -> None:
    images = torch.randn(1, 3, 14 * GRID, 14 * GRID)

    ours = converted(repository_state(), tmp_path)(images.permute(0, 2, 3, 1))

    theirs = timm_features(eva_state(), images)[:, 1:].reshape(1, GRID, GRID, DIM)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("blocks.0.attn.inner_attn_ln.weight", "it is EVA02-CLIP"),
        ("visual.blocks.0.attn.inner_attn_ln.weight", "it is EVA02-CLIP"),
        ("blocks.0.attn.norm.weight", "it is EVA02-CLIP"),
        ("blocks.0.mlp.fc1.weight", "without a norm inside its MLP"),
        ("blocks.0.gamma_1", "does not have"),
    ],
)
def test_a_relative_of_the_model_is_refused(name: str, sentence: str, tmp_path: Path) -> None:
    state = eva_state() | {name: torch.zeros(DIM)}

    with pytest.raises(CheckpointError, match=f"{re.escape(name)}.*{sentence}"):
        converted(state, tmp_path)


def test_two_last_norms_are_refused(tmp_path: Path) -> None:
    state = eva_state() | {"fc_norm.weight": torch.zeros(DIM)}

    with pytest.raises(CheckpointError, match=r"holds both \w+\.weight and \w+\.weight"):
        converted(state, tmp_path)


def test_a_missing_tensor_is_named(tmp_path: Path) -> None:
    state = eva_state()
    del state["blocks.1.attn.k_proj.weight"]

    with pytest.raises(CheckpointError, match=r"lacks blocks\.1\.attn\.k_proj\.weight"):
        converted(state, tmp_path)


def test_a_file_of_something_else_says_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"is no EVA02-L: it holds vision_tower"):
        converted({"vision_tower": torch.zeros(1)}, tmp_path)
