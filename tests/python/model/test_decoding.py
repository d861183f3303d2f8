"""Greedy and beam search against the authors' code, on a fixed table of logits."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from pixelllm.model.decoding import BeamSearch, Greedy, Search
from tests.python.goldens import Golden

MAX_TOKENS = 10
BEGIN, END = 0, 1


def run(search: Search, table: Tensor, bias: Tensor) -> None:
    """Drive a search with logits that depend on the position and the token before."""
    while not search.done:
        previous = torch.tensor(search.tokens())
        search.advance(table[search.position, previous] + bias)


@pytest.mark.parametrize("regime", ["a", "b", "c"])
def test_golden_decode_synthetic_greedy(regime: str) -> None:
    golden = Golden("decode_synthetic")
    table, biases = golden[f"{regime}/in/table"], golden[f"{regime}/in/bias"]
    for row, bias in enumerate(biases):
        search = Greedy(BEGIN, END, MAX_TOKENS)

        run(search, table, bias)

        decoded = search.result()
        golden.check(f"{regime}/out/greedy_tokens", torch.tensor(filled(decoded.tokens)), part=row)
        golden.check(f"{regime}/out/greedy_logp", torch.tensor(decoded.score), part=row)


@pytest.mark.parametrize("regime", ["a", "b", "c"])
@pytest.mark.parametrize(("beams", "per_beam"), [(4, 2), (3, 1), (2, 2)])
def test_golden_decode_synthetic_beam(regime: str, beams: int, per_beam: int) -> None:
    golden = Golden("decode_synthetic")
    table, biases = golden[f"{regime}/in/table"], golden[f"{regime}/in/bias"]
    for row, bias in enumerate(biases):
        search = BeamSearch(BEGIN, END, MAX_TOKENS, beams=beams, per_beam=per_beam)

        run(search, table, bias)

        texts = search.results()
        kept = np.s_[row, beams - len(texts) :]
        tokens = torch.tensor([filled(text.tokens) for text in texts])
        scores = torch.tensor([text.score for text in texts])
        golden.check(f"{regime}/out/beam{beams}_{per_beam}_tokens", tokens, part=kept)
        golden.check(f"{regime}/out/beam{beams}_{per_beam}_scores", scores, part=kept)
        assert search.result() == texts[-1]


def filled(tokens: list[int]) -> list[int]:
    """A text as the authors' buffer holds it: begin token first, end tokens to the last place."""
    return [BEGIN, *tokens, *[END] * (MAX_TOKENS - 1 - len(tokens))]


def test_greedy_never_repeats_a_token_at_once() -> None:
    search = Greedy(BEGIN, END, MAX_TOKENS)
    logits = torch.tensor([[0.0, -9.0, 5.0, 4.0]])

    search.advance(logits)
    search.advance(logits)
    search.advance(logits)

    assert search.result().tokens == [2, 3, 2]


def test_log_probs_belong_to_the_tokens_of_the_best_beam() -> None:
    generator = torch.Generator().manual_seed(0)
    table = torch.randn(MAX_TOKENS, 12, 12, generator=generator)
    search = BeamSearch(BEGIN, END, MAX_TOKENS, beams=4)

    run(search, table, torch.zeros(12))

    best = search.result()
    path = [BEGIN, *best.tokens, *([END] if best.ended else [])]
    expected = [
        table[position, token].log_softmax(-1)[path[position + 1]].item()
        for position, token in enumerate(path[:-1])
    ]
    assert best.log_probs == pytest.approx(expected, abs=1e-5)
