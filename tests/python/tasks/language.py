"""A tokenizer whose words are several tokens, and what tasks know of a model with it."""

from pathlib import Path

from pixelllm.model.config import tiny
from pixelllm.model.tokenizer import Tokenizer
from pixelllm.tasks.base import ModelFacts

TOKENIZER = Path(__file__).parents[2] / "fixtures" / "goldens" / "tiny_t5like_spm.model"


def model_facts(max_tokens: int = 62, max_prefix_tokens: int = 256) -> ModelFacts:
    """Facts of a model with that tokenizer and the prefixes of `tiny()`."""
    return ModelFacts(Tokenizer.load(TOKENIZER), tiny().prefixes, max_tokens, max_prefix_tokens)
