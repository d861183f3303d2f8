"""From the targets of single images to a batch of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pixelllm.model.language import PAD
from pixelllm.training.batch import Batch, LossWeights
from pixelllm.training.target_building import Targets
from pixelllm.training.targets import Teaches


def join(targets: Sequence[Targets], teaches: Teaches) -> Batch:
    """A batch of the targets of one source."""

    def stack(arrays: Sequence[NDArray[Any]]) -> torch.Tensor:
        return torch.from_numpy(np.stack(arrays))

    def weight(value: int) -> torch.Tensor:
        return torch.full((len(targets),), value, dtype=torch.int64)

    masks = [one.masks for one in targets if one.masks is not None]
    return Batch(
        ids=tuple(one.id for one in targets),
        images=stack([one.image for one in targets]),
        valid_size=stack([one.valid_size for one in targets]),
        context=stack([one.context for one in targets]),
        tokens=stack([one.tokens for one in targets]),
        corners=stack([one.corners for one in targets]),
        boxes=stack([one.boxes for one in targets]),
        prompts=stack([one.prompts for one in targets]),
        labels=stack([one.labels for one in targets]),
        masks=stack(masks) if masks else None,
        weights=LossWeights(
            weight(teaches.text),
            weight(teaches.point),
            weight(teaches.detection),
            weight(teaches.mask),
        ),
    )


def trimmed(batch: Batch) -> Batch:
    """The batch without the rows and columns that are padding in all of its images.

    The losses stay the same, and cost less. One text of two tokens is left at least.
    """
    texts = max(1, int(batch.labels.any(0).sum()))
    length = max(2, longest(batch.tokens))
    context = max(1, longest(batch.context[:, :texts]))
    return replace(
        batch,
        context=batch.context[:, :texts, :context],
        tokens=batch.tokens[:, :texts, :length],
        corners=batch.corners[:, :texts, :length],
        boxes=batch.boxes[:, :texts],
        prompts=batch.prompts[:, :texts],
        labels=batch.labels[:, :texts],
        masks=None if batch.masks is None else batch.masks[:, :texts],
    )


def longest(tokens: torch.Tensor) -> int:
    """How many of int[..., T] there are up to the last that is no padding."""
    used = (tokens != PAD).flatten(0, -2).any(0)
    return int(used.nonzero().max()) + 1 if used.any() else 0
