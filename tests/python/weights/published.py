"""Small random checkpoints in the layouts of others, as they would be downloaded."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import torch
import transformers
from safetensors.torch import save_file
from torch import Tensor

from pixelllm.model.config import MaskDecoderConfig, PixelLLMConfig
from tests.python.model.small import WHOLE
from tests.python.model.small_tokenizer import tokenizer_bytes

# The numbers of `small.WHOLE` and of the models below are the same.
CONFIG = replace(WHOLE, masks=MaskDecoderConfig(mlp_dim=64, hidden_dim=32))
DIM, GRID, PATCH = 32, 10, 16


def sam_model() -> transformers.SamModel:
    """Segment Anything as transformers has it, every tensor random."""
    vision = transformers.SamVisionConfig(
        hidden_size=DIM,
        num_hidden_layers=3,
        num_attention_heads=4,
        image_size=GRID * PATCH,
        window_size=4,
        global_attn_indexes=[1],
        output_channels=DIM,
        num_pos_feats=DIM // 2,
        mlp_dim=4 * DIM,
    )
    prompts = transformers.SamPromptEncoderConfig(hidden_size=DIM, image_size=GRID * PATCH)
    masks = transformers.SamMaskDecoderConfig(hidden_size=DIM, mlp_dim=64, iou_head_hidden_dim=DIM)
    config = transformers.SamConfig(
        vision_config=vision.to_dict(),
        prompt_encoder_config=prompts.to_dict(),
        mask_decoder_config=masks.to_dict(),
    )
    model = transformers.SamModel(config).eval()
    randomise(model.state_dict())
    return model


def t5_model(*, tied: bool, vocab_size: int = 64) -> transformers.T5ForConditionalGeneration:
    """T5 1.1 as transformers has it, every tensor random; untied it is as Flan-T5."""
    config = transformers.T5Config(
        vocab_size=vocab_size,
        d_model=DIM,
        d_kv=8,
        d_ff=48,
        num_layers=2,
        num_decoder_layers=3,
        num_heads=4,
        feed_forward_proj="gated-gelu",
        tie_word_embeddings=tied,
        decoder_start_token_id=0,
        dropout_rate=0.0,
    )
    model = transformers.T5ForConditionalGeneration(config).eval()
    if not tied:
        model.lm_head.weight = torch.nn.Parameter(torch.zeros(vocab_size, DIM))
    randomise(model.state_dict())
    return model


def save_t5(model: transformers.T5ForConditionalGeneration, folder: Path) -> Path:
    """A folder as on the hub: weights, configuration and tokenizer."""
    model.save_pretrained(folder)
    (folder / "spiece.model").write_bytes(tokenizer_bytes())
    return folder


def eva_state(*, joint: bool = False, classifier_norm: bool = False) -> dict[str, Tensor]:
    """EVA02 under the names of timm, every tensor random.

    Args:
        joint: queries, keys and values in one projection, as timm has them for some sizes.
        classifier_norm: the last norm as `fc_norm`, as timm has it for pre-trained weights.
    """
    hidden = int(DIM * 8 / 3)
    last = "fc_norm" if classifier_norm else "norm"
    shapes: dict[str, tuple[int, ...]] = {
        "cls_token": (1, 1, DIM),
        "pos_embed": (1, 26, DIM),
        "patch_embed.proj.weight": (DIM, 3, 14, 14),
        "patch_embed.proj.bias": (DIM,),
        f"{last}.weight": (DIM,),
        f"{last}.bias": (DIM,),
    }
    for block in ("blocks.0.", "blocks.1."):
        separate = {
            "attn.q_proj.weight": (DIM, DIM),
            "attn.q_proj.bias": (DIM,),
            "attn.k_proj.weight": (DIM, DIM),
            "attn.v_proj.weight": (DIM, DIM),
            "attn.v_proj.bias": (DIM,),
        }
        together = {
            "attn.qkv.weight": (3 * DIM, DIM),
            "attn.q_bias": (DIM,),
            "attn.v_bias": (DIM,),
        }
        others = {
            "norm1.weight": (DIM,),
            "norm1.bias": (DIM,),
            "attn.proj.weight": (DIM, DIM),
            "attn.proj.bias": (DIM,),
            "norm2.weight": (DIM,),
            "norm2.bias": (DIM,),
            "mlp.fc1_g.weight": (hidden, DIM),
            "mlp.fc1_g.bias": (hidden,),
            "mlp.fc1_x.weight": (hidden, DIM),
            "mlp.fc1_x.bias": (hidden,),
            "mlp.norm.weight": (hidden,),
            "mlp.norm.bias": (hidden,),
            "mlp.fc2.weight": (DIM, hidden),
            "mlp.fc2.bias": (DIM,),
        }
        for name, shape in (others | (together if joint else separate)).items():
            shapes[block + name] = shape
    state = {name: torch.empty(shape) for name, shape in shapes.items()}
    randomise(state)
    return state


def randomise(state: dict[str, Tensor]) -> None:
    """Fill tensors in place; each depends on its name alone."""
    for number, tensor in enumerate(state.values()):
        tensor.normal_(0.0, 0.2, generator=torch.Generator().manual_seed(number))


def save(state: dict[str, Tensor], path: Path) -> Path:
    """A safetensors file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.contiguous() for name, tensor in state.items()}, path)
    return path


def save_config(config: PixelLLMConfig, path: Path) -> Path:
    """A `config.json` of ours."""
    path.write_text(json.dumps(config.to_dict()), "utf-8")
    return path
