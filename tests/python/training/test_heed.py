"""What the decoder's attention is taught, against attention that is known."""

from __future__ import annotations

import math

import pytest
import torch

from pixelllm.model.config import T5Config
from pixelllm.model.language import Encoded
from pixelllm.model.t5 import T5
from pixelllm.training.heed import Heed, heed_loss

LANGUAGE = T5Config(
    vocab_size=16, dim=12, heads=4, head_dim=3, encoder_layers=1, decoder_layers=2, mlp_dim=8
)
VISUAL = 5
TOKENS = torch.tensor([[0, 5, 6, 7, 1]])
SEES = torch.tensor([[True] * 6 + [False]])  # five visual tokens, two of a prefix, one of them PAD


@pytest.fixture
def language() -> T5:
    torch.manual_seed(0)
    return T5(LANGUAGE).eval()


def source() -> Encoded:
    return Encoded(torch.randn(1, 7, 12, generator=torch.Generator().manual_seed(1)), SEES)


def test_the_shares_are_those_of_the_last_layer(language: T5) -> None:
    heed = Heed(language)
    *_, last = language.decoder.blocks()
    attention = last.cross_attention.attention
    torch.nn.init.eye_(attention.o.weight)
    _, values = attention.project_source(source().states)
    mixed: list[torch.Tensor] = []
    attention.register_forward_hook(lambda _, __, output: mixed.append(output))
    language.decode(source(), TOKENS)

    shares = heed.log_shares(SEES, 7).exp()

    assert torch.allclose(shares.sum(-1), torch.ones(()))
    assert not shares[..., 6].any(), "padding of the prefix is not attended to"
    expected = (shares @ values).transpose(1, 2).flatten(2) @ attention.o.weight.T
    spoken = slice(0, 4)  # behind the end, attention is uniform and means nothing
    torch.testing.assert_close(expected[:, spoken], mixed[0][:, spoken])


def test_only_visual_tokens_are_told_of(language: T5) -> None:
    heed = Heed(language)
    language.decode(source(), TOKENS)

    shares = heed.log_shares(SEES, VISUAL).exp()

    assert shares.shape == (1, 4, 5, VISUAL)
    assert (shares.sum(-1) < 1).all(), "the prefix has a share too"


def test_the_loss_is_the_logarithm_of_the_share_that_is_wanted() -> None:
    shares = torch.tensor([[[[0.5, 0.3, 0.1], [0.2, 0.2, 0.2]]]])  # one text, one head, two words
    wanted = torch.tensor([[[True, True, False], [False, False, True]]])

    loss = heed_loss(shares.log(), wanted)

    assert float(loss) == pytest.approx(-(math.log(0.8) + math.log(0.2)) / 2)


def test_positions_without_a_thing_do_not_count() -> None:
    shares = torch.full((1, 2, 3, 4), 0.2, requires_grad=True)
    wanted = torch.zeros(1, 3, 4, dtype=torch.bool)

    loss = heed_loss(shares.log(), wanted)
    torch.autograd.backward(loss)

    assert loss.item() == 0
    assert shares.grad is not None
    assert not shares.grad.any()


def test_training_moves_attention_to_what_is_wanted(language: T5) -> None:
    heed = Heed(language)
    wanted = torch.zeros(1, 5, VISUAL, dtype=torch.bool)
    wanted[0, 1:4, 2] = True
    optimiser = torch.optim.Adam(language.parameters(), 0.01)
    found = []
    for _ in range(30):
        language.decode(source(), TOKENS)
        loss = heed_loss(heed.log_shares(SEES, VISUAL), wanted)
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
        found.append(loss.item())

    assert found[0] > 1
    assert found[-1] < 0.1
