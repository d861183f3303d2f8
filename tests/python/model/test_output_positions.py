"""Which tokens have a place, against the authors' code."""

from __future__ import annotations

import pytest
import torch

from pixelllm.model.output_positions import output_positions
from pixelllm.training.losses import end_box_positions, word_positions
from tests.python.goldens import Golden

MODES = ["begin,end,pad", "^end-1", "", "^end", "end-1", "text", "^text"]


@pytest.mark.parametrize("ignore", MODES)
def test_golden_point_and_losses_valid_mask(ignore: str) -> None:
    golden = Golden("point_and_losses")

    golden.check(f"out/valid_mask[{ignore}]", output_positions(golden["in/tokens"], ignore))


def test_released_modes_are_those_that_the_losses_use() -> None:
    tokens = torch.tensor([[2, 7, 8, 3, 0, 0], [2, 7, 8, 9, 5, 6], [2, 3, 0, 0, 0, 0]])

    traced = output_positions(tokens, "begin,end,pad", begin_id=2, end_id=3)
    boxed = output_positions(tokens, "^end-1", begin_id=2, end_id=3)

    assert torch.equal(traced, word_positions(tokens, begin_id=2, end_id=3))
    assert torch.equal(boxed, end_box_positions(tokens, end_id=3))


def test_unknown_kind_of_token_is_named() -> None:
    with pytest.raises(ValueError, match="no kind of token 'middle'"):
        output_positions(torch.zeros(1, 3, dtype=torch.int64), "begin,middle")
