"""The prompt feature extractor: what the language model gets to see of an image at a prompt.

PixelLLM, section 3.2. A two-way transformer lets learned tokens and the prompt's tokens read the
fused feature map; each learned token then passes its own linear head and becomes one visual token
of the language model's prefix. The authors' code calls it the prompt adapter, with 6 layers of
width 512 where the paper says 2.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pixelllm.model.config import ExtractorConfig
from pixelllm.model.two_way import TwoWayTransformer


class PromptFeatureExtractor(nn.Module):
    """Features and encoded prompts in, `tokens` visual tokens per prompt out."""

    def __init__(self, config: ExtractorConfig, feature_dim: int, prompt_dim: int) -> None:
        super().__init__()
        dim = config.dim
        self.output_tokens = nn.Parameter(torch.randn(config.tokens, dim))
        self.image_projection = nn.Linear(feature_dim, dim)
        same = prompt_dim == dim
        self.prompt_projection = nn.Identity() if same else nn.Linear(prompt_dim, dim)
        self.image_pe_projection = nn.Identity() if same else nn.Linear(prompt_dim, dim)
        self.transformer = TwoWayTransformer(dim, config.depth, config.heads, config.mlp_dim)
        self.token_heads = SeparateLinear(config.tokens, dim, config.output_dim)
        # In the published parameter tree, and so here; only the "dense" fusion, which no released
        # configuration uses, reads its output.
        self.dense_head = nn.Linear(dim, config.output_dim)

    def forward(self, features: Tensor, image_pe: Tensor, sparse: Tensor, dense: Tensor) -> Tensor:
        """Read every image at its prompt.

        Args:
            features: float[P, h, w, C], the fused map of each prompt's image.
            image_pe: float[h, w, E], Fourier positions of its cells.
            sparse: float[P, K, E], the prompt's tokens.
            dense: float[1, E], added to every cell ("no mask").

        Returns:
            float[P, Q, output_dim].
        """
        tokens, _ = self.exchange(features, image_pe, sparse, dense)
        x: Tensor = self.token_heads(tokens)
        return x

    def exchange(
        self, features: Tensor, image_pe: Tensor, sparse: Tensor, dense: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The two-way transformer's learned tokens float[P, Q, D] and cells float[P, N, D]."""
        cells = self.image_projection(features.flatten(1, 2)) + self.prompt_projection(dense)
        positions = self.image_pe_projection(image_pe.flatten(0, 1))[None]
        learned = self.output_tokens.expand(len(sparse), -1, -1)
        tokens = torch.cat([learned, self.prompt_projection(sparse)], 1)
        tokens, cells = self.transformer(cells, positions, tokens)
        return tokens[:, : len(self.output_tokens)], cells


class SeparateLinear(nn.Module):
    """One linear layer per token, kept in one tensor so that they run as one product."""

    def __init__(self, tokens: int, dim: int, output_dim: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(tokens, dim, output_dim) * dim**-0.5)
        self.bias = nn.Parameter(torch.zeros(tokens, output_dim))

    def forward(self, x: Tensor) -> Tensor:
        """float[P, Q, C] to float[P, Q, output_dim]."""
        return torch.einsum("pqc,qcd->pqd", x, self.weight) + self.bias
