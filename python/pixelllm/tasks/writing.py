"""What the tasks that write a caption have in common."""

from collections.abc import Sequence

from pixelllm.tasks.base import ModelFacts, Prompt, Request, Result, Text, Write
from pixelllm.tasks.errors import TaskError
from pixelllm.tasks.frame import Frame
from pixelllm.tasks.options import integer_option, text_option
from pixelllm.tasks.words import mean_probability, place_words


def plan_writing(request: Request, prompt: Prompt, prefix: str, model: ModelFacts) -> Write:
    """Plan a caption.

    Args:
        request: may hold `prefix`, `max_tokens` and `beams`.
        prompt: where to look.
        prefix: what the model reads where the request names nothing else.

    Raises:
        TaskError: `invalid_request` for an option of a wrong type or a prefix that is too long.
    """
    return Write(
        prompt=prompt,
        prefix=prefix_tokens(text_option(request, "prefix", prefix), model),
        max_tokens=min(integer_option(request, "max_tokens", model.max_tokens), model.max_tokens),
        beams=integer_option(request, "beams", 1),
    )


def prefix_tokens(prefix: str, model: ModelFacts) -> Sequence[int]:
    """The tokens of a prefix, end token included.

    Raises:
        TaskError: `invalid_request` if they are more than the model reads.
    """
    tokens = model.tokenizer.encode_prefix(prefix)
    if len(tokens) > model.max_prefix_tokens:
        message = (
            f"the prefix is {len(tokens)} tokens long; the model reads {model.max_prefix_tokens}"
        )
        raise TaskError("invalid_request", message)
    return tokens


def written_result(text: Text, frame: Frame, model: ModelFacts) -> Result:
    """The result of a caption: itself, its words with their places, and its score.

    The score is the geometric mean of the probabilities of its tokens.
    """
    return {
        "caption": model.tokenizer.decode(text.tokens).text,
        "words": place_words(text, model.tokenizer, frame),
        "score": mean_probability(text.log_probs),
    }
