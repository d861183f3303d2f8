"""Initial weights of a model that is trained from nothing.

T5 does not scale its attention scores, so its queries must start small; a language model head with
large weights starts at a cross-entropy of 15 to 30. The extractor's heads, one per visual token,
start alike: the language model then meets one space instead of 25. With that, and with encoders
that had seen 2,000 steps more, the tokens were read after 350 steps of the second stage as well as
after 1,400 before.
"""

from __future__ import annotations

import torch
from torch import nn

from pixelllm.model import t5
from pixelllm.model.config import PixelLLMConfig
from pixelllm.model.pixelllm import PixelLLM


def new_model(config: PixelLLMConfig, seed: int) -> PixelLLM:
    """A model with weights to start from, the same for the same seed."""
    torch.manual_seed(seed)
    model = PixelLLM(config)
    for name, parameter in model.named_parameters():
        if name.endswith(("pos_embed", "cls_token")):
            nn.init.normal_(parameter, std=0.02)
    for module in (model.eva, model.sam):
        for part in module.modules():
            if isinstance(part, nn.Linear):
                nn.init.trunc_normal_(part.weight, std=part.in_features**-0.5)
                if part.bias is not None:
                    nn.init.zeros_(part.bias)
    nn.init.normal_(model.prompt_encoder.no_mask_embed.weight, std=0.02)
    nn.init.normal_(model.prompt_encoder.not_a_point_embed.weight, std=0.1)
    for embedding in model.prompt_encoder.point_embeddings:
        assert isinstance(embedding, nn.Embedding)
        nn.init.normal_(embedding.weight, std=0.1)
    heads = model.extractor.token_heads.weight
    heads.data.copy_(heads.data[:1].expand_as(heads).clone())
    if isinstance(model.language, t5.T5):
        _initialise_language(model.language)
    return model


def _initialise_language(language: t5.T5) -> None:
    nn.init.normal_(language.shared.weight, std=0.5)
    nn.init.normal_(language.lm_head.weight, std=0.02)
    for module in language.modules():
        if isinstance(module, t5.Attention):
            dim = module.q.in_features
            nn.init.normal_(
                module.q.weight, std=(dim * module.q.out_features / module.heads) ** -0.5
            )
            nn.init.normal_(module.k.weight, std=dim**-0.5)
            nn.init.normal_(module.v.weight, std=dim**-0.5)
            nn.init.normal_(module.o.weight, std=module.o.in_features**-0.5)
            if module.relative_attention_bias is not None:
                nn.init.normal_(module.relative_attention_bias.weight, std=dim**-0.5)
        if isinstance(module, t5.GatedMlp):
            for linear in (module.wi_0, module.wi_1, module.wo):
                nn.init.normal_(linear.weight, std=linear.in_features**-0.5)
