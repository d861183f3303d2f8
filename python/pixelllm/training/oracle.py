"""Visual tokens of an ideal extractor, in training only.

What a visual token should tell is known of a scene without its picture: the thing at the token's
place. From that the oracle makes tokens, with weights that are random and stay as they are. So the
language model can learn to caption, to describe and to locate while the encoders still learn to
see, at a fraction of the cost; then the extractor learns to make the same tokens of pictures.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from pixelllm.data.scene_vocabulary import SETTINGS
from pixelllm.model.config import PixelLLMConfig
from pixelllm.training.scene_labels import ATTRIBUTES, UNLABELLED

BLIND = 0.05  # share of the tokens that tell nothing
BLUR = 0.1  # standard deviation of the noise on every channel; a token's channels have about 1
WAVES = 4  # octaves in which a coordinate is told


@dataclass(frozen=True)
class Told:
    """What P prompts are about.

    labels: int[P, Q, 4], UNLABELLED for a token without a thing; boxes: float[P, Q, 4], in 0-1 of
    the model frame (`scene_labels.py`). settings: int[P]. valid_size: float[P, 2], of the image in
    the frame, pixels.
    """

    labels: Tensor
    boxes: Tensor
    settings: Tensor
    valid_size: Tensor


class Oracle(nn.Module):
    """Labels in, visual tokens out."""

    def __init__(self, config: PixelLLMConfig) -> None:
        super().__init__()
        dim = config.visual_dim
        self.side = config.image_size
        self.attributes = nn.ModuleList(nn.Embedding(len(names), dim) for names in ATTRIBUTES)
        self.box = nn.Linear(4 * (2 * WAVES + 1), dim)
        self.extent = nn.Linear(2 * (2 * WAVES + 1), dim)
        self.nothing = nn.Parameter(torch.randn(dim))
        self.setting = nn.Embedding(len(SETTINGS), dim)
        self.place = nn.Parameter(torch.randn(config.extractor.tokens, dim) * 0.5)
        self.norm = nn.LayerNorm(dim, eps=1e-5)
        # The box counts about as much as the four attributes together, the scene's facts less:
        # a weaker box drowns in the blur, and places are never learned.
        for embedding in (*self.attributes, self.setting):
            assert isinstance(embedding, nn.Embedding)
            nn.init.normal_(embedding.weight, std=0.5)
        nn.init.normal_(self.box.weight, std=0.3)
        nn.init.normal_(self.extent.weight, std=0.2)

    def forward(self, told: Told) -> Tensor:
        """The tokens, float[P, Q, C]."""
        there = (told.labels[..., :1] != UNLABELLED).float()
        known = told.labels.clamp(min=0)
        thing = self.box(waves(told.boxes))
        for index, embedding in enumerate(self.attributes):
            thing = thing + embedding(known[..., index])
        x = there * thing + (1 - there) * self.nothing
        scene = self.setting(told.settings) + self.extent(waves(told.valid_size / self.side))
        tokens: Tensor = self.norm(x + scene[:, None] + self.place)
        return tokens

    def imagine(self, told: Told) -> Tensor:
        """The tokens of an extractor that errs: some are blind, all are blurred."""
        blind = torch.rand(told.labels.shape[:2], device=told.labels.device) < BLIND
        labels = told.labels.masked_fill(blind[..., None], UNLABELLED)
        tokens: Tensor = self(replace(told, labels=labels))
        return tokens + BLUR * torch.randn_like(tokens)


def waves(numbers: Tensor) -> Tensor:
    """float[..., n] in 0-1 as float[..., n * (2 * WAVES + 1)]: sines, cosines and themselves."""
    octaves = 2.0 ** torch.arange(WAVES, device=numbers.device, dtype=numbers.dtype)
    angle = (numbers[..., None] * octaves * torch.pi).flatten(-2)
    return torch.cat([angle.sin(), angle.cos(), numbers], -1)
