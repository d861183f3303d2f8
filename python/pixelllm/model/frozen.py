"""Which parameters the authors' training leaves as they are."""

from __future__ import annotations

import re
from typing import Final

FROZEN: Final = re.compile(
    r"^(sam|prompt_encoder|mask_decoder)\."
    r"|^language\.(shared|encoder|decoder|lm_head)\.(?!.*\.lora_[ab]$)"
)  # LoRA is all of T5 that learns; GIT-BERT learns in full


def is_frozen(name: str) -> bool:
    """Whether the authors' training leaves the parameter of this name (ours) as it is."""
    return FROZEN.search(name) is not None
