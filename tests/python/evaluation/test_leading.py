"""The model led through a given caption: its places are those that a reply would have."""

import numpy as np
import pytest
import torch

from pixelllm.evaluation.answering import Call, answer, carry_out, model_facts, see
from pixelllm.evaluation.leading import LeadThrough
from pixelllm.model.checkpoint import Checkpoint
from pixelllm.tasks.base import BoxPrompt, Read
from pixelllm.tasks.frame import corners_box
from pixelllm.tasks.words import place_words
from tests.python.evaluation.scene_data import SceneData


def lead(checkpoint: Checkpoint, caption: str) -> tuple[list[int], list[list[float]]]:
    """Starts and corners of the tokens."""
    with torch.inference_mode():
        seen = see(checkpoint, [SceneData(1)[0].image])
        (result,) = answer(checkpoint, seen, [Call(LeadThrough(), 0, {"caption": caption})])
    starts, corners = result["starts"], result["corners"]
    assert isinstance(starts, list)
    assert isinstance(corners, list)
    return starts, corners


def test_words_are_where_the_server_would_place_them(checkpoint: Checkpoint) -> None:
    sample = SceneData(1)[0]
    caption = sample.captions[0].text
    facts = model_facts(checkpoint)
    with torch.inference_mode():
        seen = see(checkpoint, [sample.image])
        prefix = facts.tokenizer.encode_prefix(facts.prefixes.caption)
        plan = Read(BoxPrompt(seen.frames[0].whole()), prefix, facts.tokenizer.encode(caption))
        (text,) = carry_out(checkpoint, seen, [0], [plan])
    words = place_words(text, facts.tokenizer, seen.frames[0])

    starts, corners = lead(checkpoint, caption)

    height, width, _ = sample.image.shape
    # To the server a comma is no part of a word; here the word that a token begins in has it.
    plain = [word for word in words if caption[word["end"] : word["end"] + 1] in ("", " ")]
    assert len(plain) > 5
    # Nor is a token that is nothing but the space before a word.
    spans = facts.tokenizer.decode(plan.text).spans
    written = [i for i, (start, end) in enumerate(spans) if start < end]
    for word in plain:
        own = [corners[i] for i in written if word["start"] <= starts[i] < word["end"]]
        box = np.array(corners_box(np.array(own).reshape(-1, 2))).clip(0, [width, height] * 2)
        assert box.tolist() == pytest.approx(word["box"], abs=0.006)  # replies are rounded


def test_a_caption_that_is_too_long_is_cut_at_its_end(checkpoint: Checkpoint) -> None:
    limit = model_facts(checkpoint).max_tokens

    starts, corners = lead(checkpoint, " ".join(["a cat"] * limit))

    assert len(starts) == len(corners) == limit
