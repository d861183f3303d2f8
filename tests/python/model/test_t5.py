"""T5 against the authors' code, and its cached steps against its own full pass."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from pixelllm.model.t5 import T5
from tests.python.goldens import Golden, assert_close, load
from tests.python.model.small import LANGUAGE

MODULE = 1e-5


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

    assert_close(encoded.states, golden["inter/t5_module/encoder"], MODULE)
    assert_close(hidden, golden[f"out/feat{suffix}"], MODULE)
    if not suffix:
        assert_close(logits, golden["out/logits"], MODULE)


def test_golden_t5_lora_head_without_context() -> None:
    golden = Golden("t5_lora_head")
    model = t5(golden)

    encoded = model.encode(golden["in/visual_features"], None)
    logits, hidden = model.decode(encoded, golden["in/text_tokens"])

    assert_close(logits, golden["out/logits_noctx"], MODULE)
    assert_close(hidden, golden["out/feat_noctx"], MODULE)


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

    assert_close(quiet, golden["inter/t5_module/encoder"], MODULE)
    assert not torch.allclose(quiet, noisy)
