"""What the tasks that write a caption have in common."""

from collections.abc import Sequence

from pixelllm.tasks.base import Answering, ModelFacts, Prompt, Request, Text, Write, compute
from pixelllm.tasks.errors import TaskError
from pixelllm.tasks.frame import Frame
from pixelllm.tasks.grounding import ground_option, ground_phrases
from pixelllm.tasks.options import integer_option, text_option
from pixelllm.tasks.words import mean_probability, place_words


def write_caption(
    request: Request, prompt: Prompt, prefix: str, frame: Frame, model: ModelFacts
) -> Answering:
    """A caption, its words with their places, its score and, with `ground`, its phrases.

    The score is the geometric mean of the probabilities of its tokens.

    Args:
        request: may hold `prefix`, `max_tokens`, `beams` and `ground`.
        prompt: where to look.
        prefix: what the model reads where the request names nothing else.

    Raises:
        TaskError: `invalid_request` for an option of a wrong type or a prefix that is too long,
            `task_unsupported` for a `ground` that the model has no part for.
    """
    ground = ground_option(request, model)
    plan = Write(
        prompt=prompt,
        prefix=prefix_tokens(text_option(request, "prefix", prefix), model),
        max_tokens=min(integer_option(request, "max_tokens", model.max_tokens), model.max_tokens),
        beams=integer_option(request, "beams", 1),
    )
    (text,) = yield from compute([plan], Text)
    result = {
        "caption": model.tokenizer.decode(text.tokens).text,
        "words": place_words(text, model.tokenizer, frame),
        "score": mean_probability(text.log_probs),
    }
    if ground is None:
        return result
    return {**result, "phrases": (yield from ground_phrases(text, ground, frame, model))}


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
