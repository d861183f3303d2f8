"""Choosing the next token: greedy and beam search, one small state machine per text.

A search owns `width` rows of the decode batch. The engine feeds `tokens()` to the model, hands the
logits to `advance()`, reorders the cache by the parents it returns, and repeats until `done`. Texts
of different age and different search can so share every step.

Both follow the authors' code to the token: the buffer holds `max_tokens` tokens, begin token
included, and its last place is never written, so a text that does not end by itself is cut one
token early.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor

REPEATED = -10000.0  # the logit of a token that would repeat the one before it, at most
NEVER = -1.0e7  # the log-probability of what cannot be


@dataclass(frozen=True)
class Decoded:
    """A finished text.

    tokens: without the begin token and without the end token.
    log_probs: of each of `tokens`, and of the end token behind them where the text `ended`.
    score: greedy: mean log-probability; beam: log-probability over the length penalty.
    """

    tokens: list[int]
    log_probs: list[float]
    ended: bool
    score: float


class Search(Protocol):
    """What the engine needs to know of a search."""

    @property
    def width(self) -> int:
        """Rows of the decode batch."""

    @property
    def position(self) -> int:
        """Position of `tokens()` in the text; the begin token's is 0."""

    @property
    def done(self) -> bool:
        """No further step changes the result."""

    def tokens(self) -> list[int]:
        """The token that each row reads next."""

    def advance(self, logits: Tensor) -> list[int] | None:
        """Take float[width, V]; return the row that each row goes on from, None for its own."""

    def result(self) -> Decoded:
        """The best text so far."""


class Greedy:
    """The most probable token each time, never the same one twice in a row."""

    width = 1

    def __init__(self, begin_id: int, end_id: int, max_tokens: int) -> None:
        self._end_id = end_id
        self._max_tokens = max_tokens
        self._tokens = [begin_id]
        self._log_probs: list[float] = []

    @property
    def position(self) -> int:
        """Position of the token that is read next."""
        return len(self._tokens) - 1

    @property
    def done(self) -> bool:
        """The text has ended or is full."""
        return self._ended or len(self._tokens) >= self._max_tokens - 1

    def tokens(self) -> list[int]:
        """The last token chosen."""
        return self._tokens[-1:]

    def advance(self, logits: Tensor) -> None:
        """Choose from float[1, V] logits."""
        scores = logits[0].float().clone()
        last = self._tokens[-1]
        scores[last] = scores[last].clamp(max=REPEATED)
        log_prob, token = scores.log_softmax(-1).max(-1)
        self._tokens.append(int(token))
        self._log_probs.append(float(log_prob))

    def result(self) -> Decoded:
        """The text, with its mean log-probability.

        As in the authors' code, the end token's counts in the sum and not in the number.
        """
        words = self._tokens[1:-1] if self._ended else self._tokens[1:]
        score = sum(self._log_probs) / max(len(words), 1)
        return Decoded(words, self._log_probs, self._ended, score)

    @property
    def _ended(self) -> bool:
        return len(self._tokens) > 1 and self._tokens[-1] == self._end_id


@dataclass(frozen=True)
class _Beam:
    """One hypothesis: its tokens, begin token first, and the log-probability of each but that."""

    tokens: tuple[int, ...]
    log_probs: tuple[float, ...]
    score: float  # alive: sum of log-probabilities; finished: over the length penalty


class BeamSearch:
    """T5X's beam search: `beams` hypotheses, ranked by log-probability over ((5 + n) / 6)^alpha."""

    def __init__(
        self,
        begin_id: int,
        end_id: int,
        max_tokens: int,
        *,
        beams: int = 4,
        per_beam: int = 2,
        alpha: float = 0.6,
    ) -> None:
        self._end_id = end_id
        self._max_tokens = max_tokens
        self._beams = beams
        self._candidates = beams * per_beam
        self._alpha = alpha
        # Ascending, as everywhere here: the best is last. All but one start as impossible, so that
        # the first step does not fill the beams with copies.
        self._alive = [_Beam((begin_id,), (), NEVER if i else 0.0) for i in range(beams)]
        self._finished: list[_Beam] = []

    @property
    def width(self) -> int:
        """Rows of the decode batch: one per beam."""
        return self._beams

    @property
    def position(self) -> int:
        """Position of the tokens that are read next."""
        return len(self._alive[0].tokens) - 1

    @property
    def done(self) -> bool:
        """The buffer is full, or no living beam can still beat the worst finished one."""
        if len(self._alive[0].tokens) >= self._max_tokens - 1:
            return True
        if len(self._finished) < self._beams:
            return False
        best_possible = self._alive[-1].score / self._penalty(self._max_tokens)
        return self._finished[0].score > best_possible

    def tokens(self) -> list[int]:
        """The last token of each living beam."""
        return [beam.tokens[-1] for beam in self._alive]

    def advance(self, logits: Tensor) -> list[int]:
        """Extend every beam by float[beams, V] logits; return each new beam's parent row."""
        log_probs = logits.float().log_softmax(-1)
        sums = log_probs + torch.tensor([[b.score] for b in self._alive], device=logits.device)
        best = sums.flatten().topk(self._candidates)  # descending
        vocabulary = logits.shape[1]
        candidates: list[tuple[int, _Beam]] = []
        for total, index in zip(best.values.tolist(), best.indices.tolist(), strict=True):
            row, token = divmod(index, vocabulary)
            parent = self._alive[row]
            step = float(log_probs[row, token])
            beam = _Beam((*parent.tokens, token), (*parent.log_probs, step), total)
            if token == self._end_id:
                self._finish(beam)
                beam = replace(beam, score=total + NEVER)  # fills a row when too few are alive
            candidates.append((row, beam))
        candidates.sort(key=lambda candidate: -candidate[1].score)
        alive = candidates[: self._beams][::-1]
        self._alive = [beam for _, beam in alive]
        return [row for row, _ in alive]

    def result(self) -> Decoded:
        """The best finished text; the most probable living one where none has finished."""
        return self.results()[-1]

    def results(self) -> list[Decoded]:
        """All texts kept, worst first."""
        if not self._finished:
            return [
                Decoded(list(b.tokens[1:]), list(b.log_probs), False, b.score) for b in self._alive
            ]
        return [
            Decoded(list(b.tokens[1:-1]), list(b.log_probs), True, b.score) for b in self._finished
        ]

    def _finish(self, beam: _Beam) -> None:
        score = beam.score / self._penalty(len(beam.tokens) - 1)
        self._finished.append(replace(beam, score=score))
        self._finished.sort(key=lambda b: b.score)
        del self._finished[: -self._beams]

    def _penalty(self, length: int) -> float:
        return float(((5.0 + length) / 6.0) ** self._alpha)
