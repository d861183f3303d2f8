"""The oracle's tokens tell what they are told, and can be told apart."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from pixelllm.model.config import tiny
from pixelllm.training.oracle import Oracle, Told
from pixelllm.training.scene_labels import UNLABELLED

CONFIG = tiny()
TOKENS = CONFIG.extractor.tokens


@pytest.fixture
def oracle() -> Oracle:
    torch.manual_seed(0)
    return Oracle(CONFIG).requires_grad_(False)


def told(prompts: int = 2) -> Told:
    labels = torch.full((prompts, TOKENS, 4), UNLABELLED)
    labels[:, :3] = torch.tensor([2, 5, 0, 1])
    boxes = torch.zeros(prompts, TOKENS, 4)
    boxes[:, :3] = torch.tensor([0.1, 0.2, 0.4, 0.6])
    return Told(
        labels,
        boxes,
        torch.zeros(prompts, dtype=torch.int64),
        torch.full((prompts, 2), float(CONFIG.image_size)),
    )


def test_tokens_are_as_wide_as_visual_tokens(oracle: Oracle) -> None:
    assert oracle(told()).shape == (2, TOKENS, CONFIG.visual_dim)


@pytest.mark.parametrize("attribute", range(4))
def test_every_attribute_is_told(oracle: Oracle, attribute: int) -> None:
    labels = told().labels.clone()
    labels[1, 0, attribute] = 0 if attribute == 3 else 1

    tokens = oracle(replace(told(), labels=labels))

    assert not torch.allclose(tokens[0, 0], tokens[1, 0], atol=0.1)
    torch.testing.assert_close(tokens[0, 1:], tokens[1, 1:])


def test_a_box_is_told_loudly_enough_to_be_read_through_the_blur(oracle: Oracle) -> None:
    boxes = told().boxes.clone()
    boxes[1, 0] += 0.02

    tokens = oracle(replace(told(), boxes=boxes))

    assert (tokens[0, 0] - tokens[1, 0]).norm() > 0.5


def test_setting_and_extent_reach_every_token(oracle: Oracle) -> None:
    settings = torch.tensor([0, 3])
    sizes = told().valid_size * torch.tensor([[1.0, 1.0], [0.5, 1.0]])

    by_setting = oracle(replace(told(), settings=settings))
    by_size = oracle(replace(told(), valid_size=sizes))

    for tokens in (by_setting, by_size):
        assert ((tokens[0] - tokens[1]).abs().amax(-1) > 0.05).all()


def test_an_erring_extractor_is_blurred_and_at_times_blind(oracle: Oracle) -> None:
    torch.manual_seed(1)
    facts = told(40)
    ideal = oracle(facts)

    difference = (oracle.imagine(facts) - ideal)[:, :3].norm(dim=-1)

    assert (difference > 0).all()
    blind = difference > 4 * difference.median()
    assert 0 < blind.sum() < 0.2 * blind.numel()
