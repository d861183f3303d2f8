"""Masks and regions in batches, against the same model asked directly for one at a time."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from pixelllm.inference.carrying_out import carry_out
from pixelllm.inference.picture import fit_picture
from pixelllm.inference.runner import EncodedImage, Runner
from pixelllm.model.checkpoint import Checkpoint, load_checkpoint
from pixelllm.model.config import GitBertConfig
from pixelllm.model.pixelllm import PixelLLM, Prompts
from pixelllm.model.tokenizer import Tokenizer
from pixelllm.tasks.base import BoxPrompt, Detect, FoundMask, Read, Regions, Segment, Text, Write
from pixelllm.tasks.frame import Box
from pixelllm.tasks.masks import decode_mask, empty_mask, encode_mask
from tests.python.checkpoints import SEED
from tests.python.inference.pictures import picture_of
from tests.python.tasks.language import TOKENIZER
from tests.python.tasks.pictures import gradient

PHRASES = ("the lake", "a blue building on the left of the clock", "a")
BOXES: tuple[Box, ...] = ((10, 12, 70, 50), (0, 0, 96, 96), (30, 30, 31, 60), (-20, 5, 150, 40))
SIZES = [(8, 8), (8, 256), (256, 8), (64, 64), (1024, 1024), (120, 360), (360, 120)]


@pytest.fixture
def runner(whole_checkpoint: Checkpoint) -> Runner:
    return Runner(whole_checkpoint, slots=8)


def read_plan(phrase: str, checkpoint: Checkpoint, box: Box = (0, 0, 60, 60)) -> Read:
    tokenizer = checkpoint.tokenizer
    prefix = tokenizer.encode_prefix(f"where is {phrase}")
    return Read(BoxPrompt(box), prefix, tokenizer.encode(phrase), keep_states=True)


def segment_directly(
    model: PixelLLM, image: EncodedImage, plan: Read, box: Box
) -> tuple[torch.Tensor, float]:
    """The model's own way from a phrase to its mask, without a batch, a cache or padding."""
    visual = model.visual_prefix(image.features, Prompts.of_boxes(torch.tensor([plan.prompt.box])))  # type: ignore[union-attr]
    encoded = model.encode_prefix(visual, torch.tensor([plan.prefix]))
    _, hidden = model.decode_text(encoded, torch.tensor([[0, *plan.text, 1]]))
    boxes = torch.tensor([box])
    logits, overlap = model.segment(image.features, boxes, visual, hidden[:, :-1])
    return logits[0], float(overlap)


def same_mask(found: FoundMask, logits: torch.Tensor, image: EncodedImage, side: int) -> bool:
    """Whether a mask is that of the logits; where these are 0 but for rounding, either will do."""
    low, high = (
        decode_mask(encode_mask((logits + shift).numpy(), image.frame, side))
        for shift in (-1e-4, 1e-4)
    )
    mask = decode_mask(found.mask)
    return bool((low <= mask).all() and (mask <= high).all())


def test_phrases_segmented_together_are_those_segmented_directly(
    runner: Runner, whole_checkpoint: Checkpoint
) -> None:
    images = runner.encode([picture_of(number, whole_checkpoint) for number in (0, 1, 2)])
    reads = [read_plan(phrase, whole_checkpoint) for phrase in PHRASES]

    texts = runner.read(reads, images)
    plans = [Segment(box, text.states) for box, text in zip(BOXES, texts, strict=False)]
    found = runner.segment(plans, images)

    side = whole_checkpoint.config.image_size
    for mask, image, read, plan in zip(found, images, reads, plans, strict=True):
        logits, overlap = segment_directly(whole_checkpoint.model, image, read, plan.box)
        assert same_mask(mask, logits, image, side)
        assert mask.score == pytest.approx(min(max(overlap, 0), 1), abs=1e-4)
    assert len({decode_mask(mask.mask).mean() for mask in found}) == len(found)


def test_boxes_with_and_without_a_text_share_a_batch(
    runner: Runner, whole_checkpoint: Checkpoint
) -> None:
    model, side = whole_checkpoint.model, whole_checkpoint.config.image_size
    (image,) = runner.encode([picture_of(3, whole_checkpoint)])
    read = read_plan(PHRASES[0], whole_checkpoint)
    (text,) = runner.read([read], [image])

    mixed = [Segment(BOXES[0]), Segment(BOXES[0], text.states), Segment(BOXES[1])]
    found = runner.segment(mixed, [image] * 3)

    for mask, plan in zip(found, mixed, strict=True):
        if plan.states is None:
            corners = model.box_corners(torch.tensor([plan.box]))
            logits, _ = model.decode_masks(image.features, corners)
            assert same_mask(mask, logits[0], image, side)
    logits, _ = segment_directly(model, image, read, BOXES[0])
    assert same_mask(found[1], logits, image, side)
    assert found[0].mask != found[1].mask, "the text makes a difference"


def test_text_keeps_no_states_unless_it_is_asked_to(
    runner: Runner, whole_checkpoint: Checkpoint
) -> None:
    images = runner.encode([picture_of(0, whole_checkpoint)])
    plan = read_plan(PHRASES[0], whole_checkpoint)

    (text,) = runner.read([replace(plan, keep_states=False)], images)

    assert text.states is None


def test_image_whose_map_is_no_number_has_no_mask_and_its_neighbour_its_own(
    runner: Runner, whole_checkpoint: Checkpoint
) -> None:
    sound, broken = runner.encode([picture_of(number, whole_checkpoint) for number in (0, 1)])
    (alone,) = runner.segment([Segment(BOXES[0])], [sound])
    broken.features.sam[:] = torch.nan

    beside = runner.segment([Segment(BOXES[0])] * 2, [broken, sound])

    assert math.isnan(beside[0].score)
    assert beside[0].mask == empty_mask(broken.frame)
    assert beside[1].mask == alone.mask


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_mask_has_the_size_of_the_image(
    height: int, width: int, runner: Runner, whole_checkpoint: Checkpoint
) -> None:
    images = runner.encode([fit_picture(gradient(height, width), whole_checkpoint.config)])

    found = runner.segment([Segment(box) for box in BOXES], images * len(BOXES))

    for mask in found:
        assert decode_mask(mask.mask).shape == (height, width)
        assert 0 <= mask.score <= 1


def detect_directly(checkpoint: Checkpoint, image: EncodedImage, overlap: float) -> Regions:
    found = checkpoint.model.detect(image.features, torch.tensor([overlap]))
    count = int(found.counts)
    boxes = [(x0, y0, x1, y1) for x0, y0, x1, y1 in found.boxes[0, :count].tolist()]
    return Regions(boxes, found.scores[0, :count].tolist())


def test_images_looked_through_together_are_those_looked_through_directly(
    runner: Runner, whole_checkpoint: Checkpoint
) -> None:
    numbers, overlaps = (0, 1, 2, 1), (0.5, 0.5, 0.9, 1.0)
    images = runner.encode([picture_of(number, whole_checkpoint) for number in numbers])

    found = runner.detect([Detect(overlap) for overlap in overlaps], images)

    for regions, image, overlap in zip(found, images, overlaps, strict=True):
        alone = detect_directly(whole_checkpoint, image, overlap)
        assert len(regions.boxes) == len(regions.scores) == len(alone.boxes)
        np.testing.assert_allclose(regions.boxes, alone.boxes, atol=1e-3)
        np.testing.assert_allclose(regions.scores, alone.scores, atol=1e-5)
        assert list(regions.scores) == sorted(regions.scores, reverse=True)
        assert min(regions.scores) > 0
    assert found[3].boxes != found[1].boxes, "a looser limit keeps others"


def test_image_without_numbers_has_a_region_without_one_and_its_neighbour_its_own(
    runner: Runner, whole_checkpoint: Checkpoint
) -> None:
    sound, broken = runner.encode([picture_of(number, whole_checkpoint) for number in (0, 1)])
    (alone,) = runner.detect([Detect(0.5)], [sound])
    broken.features.fused[0, 3, 3] = torch.nan

    beside = runner.detect([Detect(0.5)] * 2, [broken, sound])

    assert [math.isnan(score) for score in beside[0].scores] == [True]
    assert len(beside[1].boxes) == len(alone.boxes)


def test_other_language_model_segments_what_it_reads(whole_checkpoint: Checkpoint) -> None:
    language = GitBertConfig(
        vocab_size=256, dim=64, heads=4, layers=3, mlp_dim=96, begin_id=2, end_id=1
    )
    torch.manual_seed(SEED)
    model = PixelLLM(replace(whole_checkpoint.config, language=language)).eval()
    bert = Checkpoint(model, Tokenizer.load(TOKENIZER), "bert", "")
    runner = Runner(bert, slots=4)
    images = runner.encode([picture_of(number, bert) for number in (0, 1)])
    reads = [read_plan(phrase, bert) for phrase in PHRASES[:2]]

    texts = runner.read(reads, images)
    together = runner.segment([Segment(BOXES[0], text.states) for text in texts], images)

    for read, image, mask in zip(reads, images, together, strict=True):
        (text,) = runner.read([read], [image])
        (alone,) = runner.segment([Segment(BOXES[0], text.states)], [image])
        assert mask.score == pytest.approx(alone.score, abs=1e-4)
        assert np.mean(decode_mask(mask.mask) != decode_mask(alone.mask)) < 0.01


def test_model_in_half_the_bits_segments_and_detects(whole_folder: Path) -> None:
    half = load_checkpoint(str(whole_folder), dtype=torch.bfloat16)
    runner = Runner(half, slots=2)
    images = runner.encode([picture_of(0, half)])

    (text,) = runner.read([read_plan(PHRASES[0], half)], images)
    found = runner.segment([Segment(BOXES[0], text.states), Segment(BOXES[1])], images * 2)
    (regions,) = runner.detect([Detect(0.5)], images)

    assert all(0 <= mask.score <= 1 for mask in found)
    assert all(decode_mask(mask.mask).any() for mask in found)
    assert len(regions.boxes) > 0


def test_warm_up_of_a_model_with_all_parts_leaves_the_runner_as_it_was(
    runner: Runner, whole_checkpoint: Checkpoint
) -> None:
    images = runner.encode([picture_of(0, whole_checkpoint)])
    before = runner.segment([Segment(BOXES[0])], images), runner.detect([Detect(0.5)], images)

    runner.warm_up()
    after = runner.segment([Segment(BOXES[0])], images), runner.detect([Detect(0.5)], images)

    assert before == after


def test_facts_say_which_parts_there_are(checkpoint: Checkpoint, runner: Runner) -> None:
    plain = Runner(checkpoint, slots=1)

    assert (plain.facts.masks, plain.facts.detector) == (False, False)
    assert (runner.facts.masks, runner.facts.detector) == (True, True)


def test_text_says_what_its_search_found(runner: Runner, whole_checkpoint: Checkpoint) -> None:
    images = runner.encode([picture_of(0, whole_checkpoint)])
    prefix = whole_checkpoint.tokenizer.encode_prefix("an object of")

    (text,) = carry_out(runner, [Write(BoxPrompt(BOXES[0]), prefix, 9, 1)], images)

    assert isinstance(text, Text)
    assert text.score is not None
    # Of the tokens, and of the end token where it was written.
    assert text.score <= sum(text.log_probs) / len(text.tokens) + 1e-6
