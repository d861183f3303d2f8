"""Decoding as the engine does it: cached steps of many texts in one batch."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from pixelllm.model.decoding import Search
from pixelllm.model.language import Encoded
from pixelllm.model.pixelllm import PixelLLM


def finish(model: PixelLLM, encoded: Encoded, searches: Sequence[Search], max_tokens: int) -> None:
    """Run one search per row of `encoded`, all of one width, until all are done."""
    width = searches[0].width
    cache = model.language.new_cache(len(searches) * width, max_tokens, encoded.states.shape[1])
    for row in range(width):
        slots = torch.arange(len(searches)) * width + row
        model.language.fill_cache(cache, slots, encoded)
    while not all(s.done for s in searches):
        busy = [i for i, s in enumerate(searches) if not s.done]
        slots = torch.tensor([i * width + r for i in busy for r in range(width)])
        tokens = torch.tensor([t for i in busy for t in searches[i].tokens()])
        positions = torch.tensor([searches[i].position for i in busy for _ in range(width)])
        logits, _ = model.decode_step(tokens, positions, slots, cache)
        for place, i in enumerate(busy):
            parents = searches[i].advance(logits[place * width : (place + 1) * width])
            if parents is not None:
                own = torch.arange(width) + i * width
                cache.reorder(own, torch.tensor(parents) + i * width)
