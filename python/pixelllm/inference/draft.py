"""A text that is being written: the search for its tokens, and the places found so far."""

import numpy as np
import torch
from numpy.typing import NDArray

from pixelllm.model.decoding import BeamSearch, Greedy, Search
from pixelllm.tasks.base import Text, Write


class Draft:
    """One text between its first decode step and its last.

    A token is placed in the step that reads it, one after the step that chose it. A greedy text
    therefore knows its places as it goes, but for its newest token; one that is cut before it
    ends takes one more step, for the place of its last token. Beams branch, so a text found by
    beam search is placed afterwards, when the model is led through it.
    """

    def __init__(self, plan: Write, begin_id: int, end_id: int) -> None:
        length = plan.max_tokens + 2  # a search counts begin and end
        self._search: Search = (
            Greedy(begin_id, end_id, length)
            if plan.beams == 1
            else BeamSearch(begin_id, end_id, length, beams=plan.beams)
        )
        self._corners: list[NDArray[np.float32]] = []

    @property
    def width(self) -> int:
        """Rows of the decode batch."""
        return self._search.width

    @property
    def position(self) -> int:
        """Position of the tokens that are read next; the begin token's is 0."""
        return self._search.position

    @property
    def done(self) -> bool:
        """No further step is needed."""
        return self._search.done and (not self.places or self._placed)

    @property
    def places(self) -> bool:
        """Whether the tokens are placed as they are written."""
        return self.width == 1

    def tokens(self) -> list[int]:
        """The token that each row reads next."""
        return self._search.tokens()

    def advance(self, logits: torch.Tensor, corners: NDArray[np.float32]) -> list[int] | None:
        """Take what the model said after reading `tokens()`.

        Args:
            logits: float[width, V], of the next token.
            corners: float[width, 2, 2], places of the tokens that were read.

        Returns:
            The row that each row goes on from; None where each goes on from itself.
        """
        if self.places and self.position > 0:
            self._corners.append(corners[0])
        return None if self._search.done else self._search.advance(logits)

    def text(self) -> Text:
        """The text so far."""
        decoded = self._search.result()
        return Text(
            tokens=decoded.tokens,
            log_probs=decoded.log_probs[: len(decoded.tokens)],
            corners=np.array(self._corners, np.float32).reshape(-1, 2, 2),
            finished=self.done,
            score=decoded.score,
        )

    @property
    def _placed(self) -> bool:
        return len(self._corners) >= len(self._search.result().tokens)
