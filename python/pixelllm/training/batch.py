"""What a training step is made of: images, and the texts to be written about them.

The form is the authors': every image of a batch has K texts, and a weight for each loss says which
of them the batch teaches (google-research/scenic, projects/pixel_llm, io/ops.py and modeling).
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor


@dataclass(frozen=True)
class LossWeights:
    """int[B] each, 1 where the image's texts count for that loss and 0 where they do not."""

    text: Tensor
    point: Tensor
    detection: Tensor
    mask: Tensor


@dataclass(frozen=True)
class Batch:
    """B images with K texts each; coordinates are pixels of the model frame, S x S.

    A text without an object (padding up to K) has label 0, no tokens and an empty box.
    """

    ids: tuple[str, ...]  # B, `Sample.id`
    images: Tensor  # float[B, S, S, 3], RGB 0-255, zero outside the image
    valid_size: Tensor  # float[B, 2], (height, width) of each image inside the frame
    context: Tensor  # int[B, K, C], the prefix that each text follows; PAD behind it
    tokens: Tensor  # int[B, K, T], begin token first, PAD behind the end
    corners: Tensor  # float[B, K, T, 2, 2], each *input* token's place; zero where it has none
    boxes: Tensor  # float[B, K, 4], of the objects
    prompts: Tensor  # float[B, K, 4], boxes where the model is asked to look
    labels: Tensor  # int[B, K], 1 where there is a text
    masks: Tensor | None  # bool[B, K, S, S], of the objects
    weights: LossWeights

    def to(self, device: torch.device) -> Batch:
        """The batch on another device."""
        moved = {
            f.name: value.to(device)
            for f in fields(self)
            if isinstance(value := getattr(self, f.name), Tensor)
        }
        weights = LossWeights(
            *(getattr(self.weights, f.name).to(device) for f in fields(LossWeights))
        )
        return Batch(**{**vars(self), **moved, "weights": weights})
