"""Batches of targets, and what of them is padding."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pixelllm.data.sample import Sample
from pixelllm.model.config import PixelLLMConfig
from pixelllm.model.tokenizer import Tokenizer
from pixelllm.training.batch import Batch
from pixelllm.training.joining import join, trimmed
from pixelllm.training.target_building import TargetBuilder, Targets
from pixelllm.training.targets import TargetOptions, mask_targets, phrase_targets
from pixelllm.training.transforms import FrameOptions
from tests.python.goldens import FOLDER
from tests.python.training.samples import HEIGHT, WIDTH, image, referred

CONFIG = PixelLLMConfig(image_size=64)  # as wide as the samples: at scale 1 they keep their pixels
SIDE = CONFIG.image_size
WHOLE = FrameOptions()


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.load(FOLDER / "tiny_t5like_spm.model")


def build(sample: Sample, options: TargetOptions, tokenizer: Tokenizer) -> Targets:
    return TargetBuilder(CONFIG, tokenizer, options).build(sample, np.random.default_rng(0))


def batch_of(tokenizer: Tokenizer) -> Batch:
    options = mask_targets(frame=WHOLE, choose="first")
    samples = (referred("a dog", masks=True), referred("the man", "a tree", masks=True))
    return join([build(sample, options, tokenizer) for sample in samples], options.teaches)


def test_batch_has_the_form_that_training_takes(tokenizer: Tokenizer) -> None:
    batch = batch_of(tokenizer)

    assert batch.ids == ("referred", "referred")
    assert batch.images.shape == (2, SIDE, SIDE, 3)
    assert batch.valid_size.tolist() == [[HEIGHT, WIDTH]] * 2
    assert batch.context.shape == batch.tokens.shape == (2, 16, 40)
    assert batch.corners.shape == (2, 16, 40, 2, 2)
    assert batch.boxes.shape == batch.prompts.shape == (2, 16, 4)
    assert batch.labels.sum(1).tolist() == [1, 2]
    assert batch.masks is not None
    assert batch.masks.shape == (2, 16, SIDE, SIDE)
    assert batch.masks.dtype == torch.bool
    assert batch.images.dtype == batch.corners.dtype == batch.boxes.dtype == torch.float32
    assert batch.tokens.dtype == batch.labels.dtype == torch.int64
    assert batch.weights.text.tolist() == [0, 0]
    assert batch.weights.point.tolist() == batch.weights.mask.tolist() == [1, 1]


def test_padding_that_all_have_can_be_cut(tokenizer: Tokenizer) -> None:
    batch = batch_of(tokenizer)

    short = trimmed(batch)

    texts, length = short.tokens.shape[1:]
    assert texts == 2
    assert (short.tokens[..., -1] != 0).any()
    assert (short.context[..., -1] != 0).any()
    assert not batch.tokens[:, texts:].any()
    assert not batch.tokens[:, :, length:].any()
    assert torch.equal(short.tokens, batch.tokens[:, :texts, :length])
    assert torch.equal(short.boxes, batch.boxes[:, :texts])
    assert short.masks is not None
    assert short.masks.shape == (2, texts, SIDE, SIDE)
    assert short.corners.shape == (2, texts, length, 2, 2)


def test_of_nothing_one_empty_text_is_left(tokenizer: Tokenizer) -> None:
    options = phrase_targets()

    short = trimmed(join([build(Sample(image()), options, tokenizer)], options.teaches))

    assert short.tokens.shape == (1, 1, 2)
    assert short.context.shape == (1, 1, 1)
