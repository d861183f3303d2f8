"""Which tokens have a place, in the words of the authors' options.

`point_output_ignore` and `trace_point_output_ignore` name the kinds of token that have none:
"begin,end,pad" for a trace, whose words all have one, and "^end-1" for a box, which the last word
alone has. google-research/scenic, projects/pixel_llm/modeling/utils.py.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor
from torch.nn import functional as F

from pixelllm.model.language import PAD

KINDS: Final = ("begin", "end", "pad", "end-1", "text")


def output_positions(tokens: Tensor, ignore: str, *, begin_id: int = 0, end_id: int = 1) -> Tensor:
    """Where a text has places.

    Args:
        tokens: int[..., T], begin token first, PAD behind the end.
        ignore: kinds without a place, with commas between: begin, end and padding tokens, the one
            before the end ("end-1"), and "text", all but the first three. Behind a "^" they are the
            only ones with a place; "" leaves out none.

    Returns:
        bool[..., T].

    Raises:
        ValueError: there is no such kind.
    """
    negated = ignore.startswith("^")
    names = [name for name in ignore.removeprefix("^").split(",") if name]
    unknown = sorted(set(names) - set(KINDS))
    if unknown:
        raise ValueError(f"there is no kind of token {unknown[0]!r}: there are {', '.join(KINDS)}")
    begin, end, pad = tokens == begin_id, tokens == end_id, tokens == PAD
    kinds = {
        "begin": begin,
        "end": end,
        "pad": pad,
        "end-1": F.pad(end[..., 1:], (0, 1)),
        "text": ~(begin | end | pad),
    }
    found = torch.zeros_like(begin)
    for name in names:
        found = found | kinds[name]
    return found if negated else ~found
