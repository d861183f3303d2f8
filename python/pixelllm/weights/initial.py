"""Initial values of what no published model has: PixelLLM's own parts, and LoRA.

As the authors' code initialises them, module by module (Flax's default for a kernel is LeCun's
normal distribution; LoRA starts without effect, and so does the gate of the mask adapter).
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable

import torch
from torch import Tensor, nn

from pixelllm.model.config import T5Config
from pixelllm.weights.layout import fields

# Fills a float32 tensor in place.
Fill = Callable[[Tensor, torch.Generator], object]


def constant(value: float) -> Fill:
    """The same number everywhere."""
    return lambda tensor, _: tensor.fill_(value)


def normal(std: float) -> Fill:
    """A normal distribution around 0."""
    return lambda tensor, random: tensor.normal_(0.0, std, generator=random)


def lecun(dim: int = 1) -> Fill:
    """A normal distribution that keeps the variance of the inputs, cut off at two deviations.

    Args:
        dim: which dimension are the inputs; a convolution's, at 1 or 0, has its kernel behind it.
    """

    def fill(tensor: Tensor, random: torch.Generator) -> None:
        inputs = tensor.shape[dim] * math.prod(tensor.shape[2:] if tensor.ndim == 4 else ())
        std = inputs**-0.5 / 0.87962566103423978  # what cutting off leaves of the deviation
        nn.init.trunc_normal_(tensor, 0.0, std, -2 * std, 2 * std, generator=random)

    return fill


def fan_in(tensor: Tensor, random: torch.Generator) -> None:
    """A normal distribution with the variance of 1 by the inputs, float[inputs, outputs]."""
    tensor.normal_(0.0, tensor.shape[0] ** -0.5, generator=random)


def small_kernel(tensor: Tensor, random: torch.Generator) -> None:
    """Of a tower of convolutions and norms: small kernels, and norms at 1."""
    (normal(0.01) if tensor.ndim > 1 else constant(1.0))(tensor, random)


def uniform(tensor: Tensor, random: torch.Generator) -> None:
    """A uniform distribution with the variance of 1 by the inputs, float[outputs, inputs]."""
    bound = (3 / tensor.shape[1]) ** 0.5
    tensor.uniform_(-bound, bound, generator=random)


def is_initialised(name: str) -> bool:
    """Whether a tensor of ours is in no published model."""
    return name.startswith(OWN_PARTS) or any(fields(lora, name) is not None for lora in LORA)


def initial_tensor(name: str, shape: torch.Size, language: T5Config, seed: int) -> Tensor:
    """A float32 tensor that depends on its name, its shape and the seed alone."""
    random = torch.Generator().manual_seed(zlib.crc32(f"{seed} {name}".encode()))
    tensor = torch.empty(shape)
    _fill(name, shape)(tensor, random)
    if fields("language.{x}.q.lora_a", name) is not None:
        tensor *= language.head_dim**-0.5  # T5 folds the scaling of its scores into the queries
    return tensor


def _fill(name: str, shape: torch.Size) -> Fill:
    for template, fill in EXCEPTIONS:
        if fields(template, name) is not None:
            return fill
    if name.endswith(".bias"):
        return constant(0.0)
    return constant(1.0) if len(shape) == 1 else lecun()  # a norm, or a kernel


OWN_PARTS = ("extractor.", "visual_projection.", "point_head.", "mask_adapter.", "detector.")
LORA = ("language.{x}.lora_a", "language.{x}.lora_b")

# The first row that matches counts; norms begin at 1, biases at 0 and kernels with LeCun's
# distribution unless they stand here.
EXCEPTIONS: tuple[tuple[str, Fill], ...] = (
    ("language.{x}.lora_a", fan_in),
    ("language.{x}.lora_b", constant(0.0)),
    ("extractor.output_tokens", normal(1.0)),
    ("visual_projection.0.weight", normal(0.02)),
    ("mask_adapter.output_tokens", normal(1.0)),
    ("mask_adapter.gate", constant(0.0)),
    ("detector.fpn.simfp_3.0.weight", lecun(dim=0)),  # transposed: (in, out, kh, kw)
    ("detector.proposal_generator.bbox_tower.{i}.weight", small_kernel),
    ("detector.proposal_generator.bbox_pred.weight", normal(0.01)),
    ("detector.proposal_generator.bbox_pred.bias", constant(8.0)),  # near the boxes to come
    ("detector.proposal_generator.agn_hm.weight", normal(0.01)),
    ("detector.proposal_generator.agn_hm.bias", constant(-4.6)),  # of which 0.01 is the sigmoid
    ("detector.roi_head.fc{i}.weight", uniform),
    ("detector.roi_head.cls_score.weight", normal(0.01)),
    ("detector.roi_head.bbox_pred.weight", normal(0.001)),
)
