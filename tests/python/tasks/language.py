"""A tokenizer whose words are several tokens, and what tasks know of a model with it."""

from pathlib import Path

from pixelllm.model.config import tiny
from pixelllm.model.tokenizer import Tokenizer
from pixelllm.tasks.base import ModelFacts

TOKENIZER = Path(__file__).parents[2] / "fixtures" / "goldens" / "tiny_t5like_spm.model"


def model_facts(
    max_tokens: int = 62,
    max_prefix_tokens: int = 256,
    *,
    masks: bool = True,
    detector: bool = True,
) -> ModelFacts:
    """Facts of a model with that tokenizer and the prefixes of `tiny()`."""
    tokenizer = Tokenizer.load(TOKENIZER)
    return ModelFacts(tokenizer, tiny().prefixes, max_tokens, max_prefix_tokens, masks, detector)
