"""Many requests answered at once, without a worker around them.

Every request goes the way that a user's goes: image of any size, the task's own `prepare`, the
model with a decode cache and greedy search, the task's own `finish` back to original pixels. Only
queueing is missing: all plans about a few images are encoded and decoded as one batch.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pixelllm.contract import Word
from pixelllm.model.checkpoint import Checkpoint
from pixelllm.model.decoding import Greedy
from pixelllm.model.language import PAD, Encoded
from pixelllm.model.pixelllm import ImageFeatures, Prompts
from pixelllm.model.preprocess import preprocess_image
from pixelllm.tasks import TASKS
from pixelllm.tasks.base import ModelFacts, Plan, PointPrompt, Prompt, Read, Result, Text, Write
from pixelllm.tasks.frame import Frame


@dataclass(frozen=True)
class Call:
    """One request: a task by name, the index of its image, and its options."""

    task: str
    image: int
    request: Mapping[str, object]


@dataclass(frozen=True)
class Seen:
    """Images after the encoders: features of B images, and how each lies in the model's frame."""

    features: ImageFeatures
    frames: Sequence[Frame]


def model_facts(checkpoint: Checkpoint) -> ModelFacts:
    """What tasks may know of the model."""
    longest = checkpoint.config.language.max_text_tokens - 2  # without begin and end
    return ModelFacts(checkpoint.tokenizer, checkpoint.config.prefixes, longest, longest)


def see(checkpoint: Checkpoint, images: Sequence[NDArray[np.uint8]]) -> Seen:
    """Preprocesses and encodes images, uint8[H, W, 3] of any sizes, as one batch."""
    device = checkpoint.model.device
    fitted = [preprocess_image(image, checkpoint.config) for image in images]
    pixels = torch.stack([image.pixels for image in fitted]).to(device)
    sizes = [(float(image.valid_height), float(image.valid_width)) for image in fitted]
    return Seen(
        features=checkpoint.model.encode_images(pixels, torch.tensor(sizes, device=device)),
        frames=[
            Frame(image.shape[1], image.shape[0], model.scale_x, model.scale_y)
            for image, model in zip(images, fitted, strict=True)
        ],
    )


def answer(checkpoint: Checkpoint, seen: Seen, calls: Sequence[Call]) -> list[Result]:
    """The result of each call, as its task gives it to a user."""
    facts = model_facts(checkpoint)
    plans = [TASKS[c.task].prepare(c.request, seen.frames[c.image], facts) for c in calls]
    texts = carry_out(checkpoint, seen, [c.image for c in calls], plans)
    return [
        TASKS[c.task].finish(c.request, text, seen.frames[c.image], facts)
        for c, text in zip(calls, texts, strict=True)
    ]


def caption_of(result: Result) -> str:
    """The caption of a result of caption or describe."""
    caption = result["caption"]
    assert isinstance(caption, str)
    return caption


def words_of(result: Result) -> list[Word]:
    """The placed words of a result of caption or describe."""
    words = result["words"]
    assert isinstance(words, list)
    return words


def box_of(result: Result) -> Sequence[float]:
    """The box of a result of locate."""
    box = result["box"]
    assert isinstance(box, Sequence)
    return box


def carry_out(
    checkpoint: Checkpoint, seen: Seen, images: Sequence[int], plans: Sequence[Plan]
) -> list[Text]:
    """Carries out plans; `images[i]` is the index of the image of `plans[i]`.

    Raises:
        ValueError: a plan asks for more than one beam.
    """
    texts: dict[int, Text] = {}
    for kind, run in ((Write, _write), (Read, _read)):
        rows = [i for i, plan in enumerate(plans) if isinstance(plan, kind)]
        if rows:
            features = seen.features.select([images[row] for row in rows])
            chosen = [plans[row] for row in rows]
            encoded = _encode(checkpoint, features, chosen)
            texts |= zip(rows, run(checkpoint, features, encoded, chosen), strict=True)
    return [texts[row] for row in range(len(plans))]


def _encode(checkpoint: Checkpoint, features: ImageFeatures, plans: Sequence[Plan]) -> Encoded:
    prompts = Prompts.stack([_prompt(plan.prompt, features.fused.device) for plan in plans])
    visual = checkpoint.model.visual_prefix(features, prompts)
    context = _padded([plan.prefix for plan in plans], visual.device)
    return checkpoint.model.encode_prefix(visual, context)


def _prompt(prompt: Prompt, device: torch.device) -> Prompts:
    if isinstance(prompt, PointPrompt):
        return Prompts.of_points(torch.tensor([prompt.point], device=device))
    return Prompts.of_boxes(torch.tensor([prompt.box], device=device))


def _padded(rows: Sequence[Sequence[int]], device: torch.device) -> Tensor:
    """int[n, longest], PAD behind shorter rows."""
    longest = max(len(row) for row in rows)
    padded = [[*row, *[PAD] * (longest - len(row))] for row in rows]
    return torch.tensor(padded, device=device)


def _read(
    checkpoint: Checkpoint, features: ImageFeatures, encoded: Encoded, plans: Sequence[Plan]
) -> list[Text]:
    """Leads the model through given texts, all in one pass."""
    tokenizer, model = checkpoint.tokenizer, checkpoint.model
    given = [list(plan.text) for plan in plans if isinstance(plan, Read)]
    whole = [[tokenizer.begin_id, *text, tokenizer.end_id] for text in given]
    tokens = _padded(whole, encoded.states.device)
    logits, hidden = model.decode_text(encoded, tokens)
    log_probs = logits[:, :-1].float().log_softmax(-1).gather(-1, tokens[:, 1:, None])[..., 0]
    corners = model.place(hidden, features.valid_size).cpu().numpy()  # [P, T, 2, 2]
    return [
        Text(
            tokens=text,
            log_probs=log_probs[row, : len(text)].tolist(),
            corners=corners[row, 1 : len(text) + 1],  # behind the begin token
            finished=True,
        )
        for row, text in enumerate(given)
    ]


def _write(
    checkpoint: Checkpoint, features: ImageFeatures, encoded: Encoded, plans: Sequence[Plan]
) -> list[Text]:
    """Lets the model write greedily, each text at its own pace over one cache."""
    model, device = checkpoint.model, encoded.states.device
    searches = [_search(checkpoint, plan) for plan in plans]
    places: list[list[NDArray[np.float32]]] = [[] for _ in plans]
    cache = model.language.new_cache(
        len(plans), checkpoint.config.language.max_text_tokens, encoded.states.shape[1]
    )
    model.language.fill_cache(cache, torch.arange(len(plans), device=device), encoded)
    rows = list(range(len(plans)))
    while rows:
        fed = torch.tensor(
            [(searches[row].tokens()[0], searches[row].position, row) for row in rows],
            device=device,
        )
        logits, hidden = model.decode_step(fed[:, 0], fed[:, 1], fed[:, 2], cache)
        corners = model.place(hidden[:, None], features.valid_size[fed[:, 2]])[:, 0].cpu().numpy()
        for index, row in enumerate(rows):
            if searches[row].position > 0:  # the begin token has no place
                places[row].append(corners[index])
            if not searches[row].done:
                searches[row].advance(logits[index : index + 1])
        # A token is placed when it is read: a text that is cut off takes one step more.
        rows = [
            row
            for row in rows
            if not searches[row].done or len(places[row]) < len(searches[row].result().tokens)
        ]
    return [_text(search, own) for search, own in zip(searches, places, strict=True)]


def _search(checkpoint: Checkpoint, plan: Plan) -> Greedy:
    if not isinstance(plan, Write) or plan.beams != 1:
        raise ValueError("only greedy writing is measured")
    tokenizer = checkpoint.tokenizer
    return Greedy(tokenizer.begin_id, tokenizer.end_id, plan.max_tokens + 2)


def _text(search: Greedy, places: Sequence[NDArray[np.float32]]) -> Text:
    decoded = search.result()
    return Text(
        tokens=decoded.tokens,
        log_probs=decoded.log_probs[: len(decoded.tokens)],
        corners=np.array(places, np.float32).reshape(-1, 2, 2),
        finished=True,
    )
