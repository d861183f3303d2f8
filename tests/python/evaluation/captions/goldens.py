"""What the Java programs say of the corpus, as `write_goldens.py` wrote it down."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Final

GOLDENS: Final = Path(__file__).parents[3] / "fixtures" / "captions.json"


@dataclass(frozen=True)
class Goldens:
    """See `write_goldens.make_goldens`."""

    candidates: list[str]
    references_sha256: str
    meteor: list[float]
    meteor_plain: list[float]
    meteor_together: float


def digest(references: Sequence[Sequence[str]]) -> str:
    """A checksum of tokenised references, which the goldens have instead of the texts."""
    lines = (line for of_one in references for line in of_one)
    return sha256("\n".join(lines).encode()).hexdigest()


@cache
def load_goldens() -> Goldens:
    """The goldens."""
    return Goldens(**json.loads(GOLDENS.read_text("utf-8")))
