"""T5 against the authors' code, and its cached steps against its own full pass."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from pixelllm.model.t5 import T5
from tests.python.goldens import MODULE, Golden, assert_close, load, outputs_of
from tests.python.model.small import LANGUAGE


def t5(golden: Golden) -> T5:
    model = T5(LANGUAGE)
    load(model, golden.params("textual/", "language."))
    return model


@pytest.mark.parametrize(("tokens", "suffix"), [("text_tokens", ""), ("text_tokens_alt", "_alt")])
def test_golden_t5_lora_head(tokens: str, suffix: str) -> None:
    golden = Golden("t5_lora_head")
    model = t5(golden)

    encoded = model.encode(golden["in/visual_features"], golden["in/context_tokens"])
    logits, hidden = model.decode(encoded, golden[f"in/{tokens}"])

    golden.check("inter/t5_module/encoder", encoded.states)
    golden.check(f"out/feat{suffix}", hidden)
    if not suffix:
        golden.check("out/logits", logits)
        golden.check("inter/t5_module/decoder", logits)


def test_golden_t5_lora_head_layer_by_layer() -> None:
    golden = Golden("t5_lora_head")
    model = t5(golden)
    parts: dict[str, nn.Module] = {"encoder/encoder_norm": model.encoder.final_layer_norm}
    for i, block in enumerate(model.encoder.blocks()):
        parts[f"encoder/layers_{i}"] = block
        parts[f"encoder/layers_{i}/attention"] = block.self_attention.attention
    for i, block in enumerate(model.decoder.blocks()):
        parts[f"decoder/layers_{i}"] = block
        parts[f"decoder/layers_{i}/self_attention"] = block.self_attention.attention
        parts[f"decoder/layers_{i}/encoder_decoder_attention"] = block.cross_attention.attention

    with outputs_of(parts) as outputs:
        encoded = model.encode(golden["in/visual_features"], golden["in/context_tokens"])
        model.decode(encoded, golden["in/text_tokens"])

    for name, output in outputs.items():
        key = f"inter/t5_module/{name}"
        golden.check(key, output, scale=golden.largest(key))
    golden.check("inter/t5_module/token_embedder/call0", model.shared(golden["in/context_tokens"]))
    golden.check("inter/t5_module/token_embedder/call1", model.shared(golden["in/text_tokens"]))
    golden.check("inter/t5_module/encoder/relpos_bias/call0", model.encoder.position_bias(10))
    golden.check("inter/t5_module/decoder/relpos_bias/call0", model.decoder.position_bias(10))


def test_golden_t5_lora_head_without_context() -> None:
    golden = Golden("t5_lora_head")
    model = t5(golden)

    encoded = model.encode(golden["in/visual_features"], None)
    logits, hidden = model.decode(encoded, golden["in/text_tokens"])

    golden.check("out/logits_noctx", logits)
    golden.check("out/feat_noctx", hidden)


def test_cached_steps_agree_with_the_full_pass() -> None:
    golden = Golden("t5_lora_head")
    model = t5(golden)
    encoded = model.encode(golden["in/visual_features"], golden["in/context_tokens"])
    tokens = torch.randint(2, 60, (4, 10), generator=torch.Generator().manual_seed(0))
    tokens[:, 0] = 0
    logits, hidden = model.decode(encoded, tokens)
    # Slots in another order than the texts, in a cache longer than either.
    slots = torch.tensor([3, 0, 4, 1])
    cache = model.new_cache(slots=5, max_text=16, max_source=encoded.states.shape[1] + 3)
    model.fill_cache(cache, slots, encoded)

    for position in range(9):  # the last row of the full pass sees no next token
        positions = torch.full((4,), position)
        step_logits, step_hidden = model.step(tokens[:, position], positions, slots, cache)

        assert_close(step_logits, logits[:, position], MODULE)
        assert_close(step_hidden, hidden[:, position], MODULE)


def test_what_comes_before_padding_is_masked_in_cached_steps_too() -> None:
    golden = Golden("t5_lora_head")
    model = t5(golden)
    encoded = model.encode(golden["in/visual_features"], golden["in/context_tokens"])
    tokens = torch.tensor([[0, 5, 0, 9, 0, 12, 7, 3], [0, 5, 8, 9, 6, 12, 7, 3]])
    tokens = tokens.repeat(2, 1)
    logits, _ = model.decode(encoded, tokens)
    slots = torch.tensor([3, 2, 0, 1])
    cache = model.new_cache(4, 8, encoded.states.shape[1])
    model.fill_cache(cache, slots, encoded)

    steps = [
        model.step(tokens[:, i], torch.full((4,), i), slots, cache)[0]
        for i in range(tokens.shape[1] - 1)
    ]

    speaks = tokens[:, 1:] > 0  # the full pass masks the others' own states as well
    assert_close(torch.stack(steps, 1)[speaks], logits[:, :-1][speaks], MODULE)


def test_texts_of_different_age_share_a_step() -> None:
    golden = Golden("t5_lora_head")
    model = t5(golden)
    encoded = model.encode(golden["in/visual_features"], golden["in/context_tokens"])
    cache = model.new_cache(4, 16, encoded.states.shape[1])
    model.fill_cache(cache, torch.arange(4), encoded)
    old, young = torch.tensor([0]), torch.tensor([2])
    words = torch.tensor([5, 9, 13])
    for position, word in enumerate(words[:2]):
        model.step(word[None], torch.tensor([position]), old, cache)

    both, _ = model.step(
        torch.stack([words[2], words[0]]), torch.tensor([2, 0]), torch.cat([old, young]), cache
    )

    alone = model.new_cache(4, 16, encoded.states.shape[1])
    model.fill_cache(alone, torch.arange(4), encoded)
    first, _ = model.step(words[:1], torch.tensor([0]), young, alone)
    assert_close(both[1], first[0], MODULE)


def test_dropout_is_active_in_training_only() -> None:
    golden = Golden("t5_lora_head")
    model = T5(replace(LANGUAGE, dropout=0.5))
    load(model, golden.params("textual/", "language."))
    inputs = golden["in/visual_features"], golden["in/context_tokens"]

    quiet = model.encode(*inputs).states
    model.train()
    noisy = model.encode(*inputs).states

    golden.check("inter/t5_module/encoder", quiet)
    assert not torch.allclose(quiet, noisy)
