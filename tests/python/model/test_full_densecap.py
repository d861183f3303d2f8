"""Dense captioning as a whole against the authors': training pass, detections, captions."""

from __future__ import annotations

import torch
from torch import Tensor

from pixelllm.model.decoding import BeamSearch, Decoded, Greedy
from pixelllm.model.detector.rescoring import rank_captions
from pixelllm.model.detector.roi_head import Detections
from pixelllm.model.pixelllm import PixelLLM, Prompts
from pixelllm.training.detection_losses import caption_prompts, detection_loss
from pixelllm.training.losses import text_loss
from tests.python.goldens import Golden, assert_close
from tests.python.model.searching import finish
from tests.python.model.small import LANGUAGE, for_prompts, images_of, rows
from tests.python.model.small_detector import (
    DETECTOR,
    SAMPLING,
    captioner,
    check_losses,
    check_samples,
)

FULL_PASS = 1e-4
FRAME = (112, 112)
PROMPTS = 5
MAX_TOKENS = LANGUAGE.max_text_tokens


def test_golden_densecap_training() -> None:
    golden = Golden("full_densecap_train")
    model = captioner(golden)
    boxes, labels = golden["in/boxes"], golden["in/labels"].long()
    features = images_of(model, golden)
    image = torch.arange(2)[:, None]

    detection, samples = detection_loss(
        model.detector, features.fused, FRAME, boxes, labels, SAMPLING
    )
    prompts = caption_prompts(samples, boxes, labels, count=PROMPTS)
    texts = golden["in/text_tokens"][image, prompts.matches]
    prefixes = golden["in/context_tokens"][image, prompts.matches]
    visual = model.visual_prefix(
        for_prompts(features, PROMPTS), Prompts.of_boxes(prompts.boxes.flatten(0, 1))
    )
    logits, _ = model.decode_text(model.encode_prefix(visual, rows(prefixes)), rows(texts))
    captions = text_loss(logits, rows(texts), prompts.labels.flatten() > 0)

    check_losses(golden, detection)
    check_samples(golden, model.detector, features.fused, samples)
    assert_close(samples.boxes / 112, golden["out/last_proposals"] / 112, FULL_PASS)
    assert_close(prompts.boxes / 112, golden["out/prompt_boxes"] / 112, FULL_PASS)
    assert torch.equal(prompts.labels, golden["out/gt_classes"].long())
    assert torch.equal(boxes[image, prompts.matches], golden["out/gt_boxes"])
    assert torch.equal(texts, golden["out/gt_text_tokens"])
    assert torch.equal(prefixes, golden["out/context_tokens"])
    assert_close(visual, golden["out/visual_features"].flatten(0, 1), FULL_PASS)
    assert_close(captions, golden["loss/text_loss"], FULL_PASS)
    assert_close(captions + detection.total, golden["loss/total_loss"], FULL_PASS)


def caption(
    model: PixelLLM, golden: Golden, regions: Detections, beams: int
) -> tuple[Tensor, list[list[Decoded]]]:
    """Visual tokens float[P, Q, C], and all texts kept of each region, worst first."""
    images, count = regions.scores.shape
    corners = regions.boxes.new_zeros(images * count, 4, 2)  # what an empty slot is prompted with
    prompts = Prompts(regions.boxes.flatten(0, 1), corners)
    visual = model.visual_prefix(for_prompts(images_of(model, golden), count), prompts)
    prefix = golden["in/context_tokens"][:, :1].expand(-1, count, -1)
    encoded = model.encode_prefix(visual, rows(prefix))
    begin, end = LANGUAGE.begin_id, LANGUAGE.end_id
    if beams == 1:
        greedy = [Greedy(begin, end, MAX_TOKENS) for _ in encoded.states]
        finish(model, encoded, greedy, MAX_TOKENS)
        return visual, [[search.result()] for search in greedy]
    search = [BeamSearch(begin, end, MAX_TOKENS, beams=beams, per_beam=1) for _ in encoded.states]
    finish(model, encoded, search, MAX_TOKENS)
    return visual, [beam.results() for beam in search]


def buffer(text: Decoded) -> list[int]:
    """The text as the authors keep it, filled up with end tokens."""
    written = [LANGUAGE.begin_id, *text.tokens]
    return written + [LANGUAGE.end_id] * (MAX_TOKENS - len(written))


def test_golden_densecap_greedy() -> None:
    golden = Golden("full_densecap_train")
    expected = Golden("full_densecap_infer_greedy1_mult0")
    model = captioner(golden)

    with torch.inference_mode():
        regions = model.detect(images_of(model, golden))
        visual, texts = caption(model, golden, regions, beams=1)

    assert torch.equal(regions.counts, expected["out/num_detections"])
    assert_close(regions.scores, expected["out/detection_scores"], FULL_PASS)
    assert_close(regions.boxes / 112, expected["out/detection_boxes"] / 112, FULL_PASS)
    real = regions.boxes.flatten(0, 1).amax(1) > 0
    assert torch.equal(real, expected["out/box_valid_mask"].flatten())
    assert_close(visual, expected["out/visual_features"].flatten(0, 1), FULL_PASS)
    tokens = torch.tensor([buffer(text) for (text,) in texts])
    assert torch.equal(tokens, rows(expected["out/text_tokens"]))
    scores = torch.tensor([text.score for (text,) in texts])
    assert_close(scores, expected["out/log_probs"].flatten(), FULL_PASS)


def test_golden_densecap_beam_rescored_by_captions() -> None:
    golden = Golden("full_densecap_train")
    expected = Golden("full_densecap_infer_beam3_mult1")
    model = captioner(golden)
    image = torch.arange(2)[:, None]
    slots = (2, DETECTOR.max_detections)

    with torch.inference_mode():
        regions = model.detect(images_of(model, golden))
        visual, texts = caption(model, golden, regions, beams=3)
        log_probs = torch.tensor([[text.score for text in beams] for beams in texts])
        log_probs = torch.unflatten(log_probs, 0, slots)
        ranking = rank_captions(regions.scores, log_probs, DETECTOR.max_detections)

    tokens = torch.tensor([[buffer(text) for text in beams] for beams in texts])
    tokens = torch.unflatten(tokens, 0, slots)[image, ranking.regions, ranking.captions]
    assert torch.equal(tokens, expected["out/text_tokens"].long())
    assert torch.equal((ranking.scores > 0).sum(1), expected["out/num_detections"])
    largest = expected["out/detection_scores"].max()  # the scores are tiny: compare their ratio
    scores = expected["out/detection_scores"] / largest
    assert_close(ranking.scores / largest, scores, FULL_PASS)
    boxes = regions.boxes[image, ranking.regions]
    assert_close(boxes / 112, expected["out/detection_boxes"] / 112, FULL_PASS)
    visual = torch.unflatten(visual, 0, slots)[image, ranking.regions]
    assert_close(visual, expected["out/visual_features"], FULL_PASS)
