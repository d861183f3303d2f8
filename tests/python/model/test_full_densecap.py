"""Dense captioning as a whole against the authors': training pass, detections, captions."""

from __future__ import annotations

import torch
from torch import Tensor

from pixelllm.model.box_points import points_of_boxes, solid_grid
from pixelllm.model.decoding import BeamSearch, Decoded, Greedy
from pixelllm.model.detector.rescoring import rank_captions
from pixelllm.model.detector.roi_head import Detections
from pixelllm.model.pixelllm import PixelLLM, Prompts
from tests.python.goldens import FRAME as SIDE
from tests.python.goldens import Golden
from tests.python.model.searching import finish
from tests.python.model.small import (
    LANGUAGE,
    batch_of,
    check_prompts,
    check_reading,
    check_reading_of,
    check_total,
    for_prompts,
    images_of,
    objective_of,
    rows,
)
from tests.python.model.small_detector import (
    DETECTOR,
    captioner,
    check_losses,
    check_norms,
    check_samples,
)

MAX_TOKENS = LANGUAGE.max_text_tokens


def test_golden_densecap_training() -> None:
    golden = Golden("full_densecap_train")
    model = captioner(golden)
    objective = objective_of(model, "detection")
    batch = batch_of(golden)

    reading = objective.read(batch)
    losses = objective(batch)

    assert reading.detection
    assert reading.samples
    fused = reading.features.fused
    check_losses(golden, reading.detection)
    check_samples(golden, model.detector, fused, reading.samples)
    check_norms(golden, model.detector, fused, batch.boxes)
    check_prompts(golden, reading.prompts.boxes)
    golden.check("out/last_proposals", reading.samples.boxes, scale=SIDE)
    check_reading_of(golden, reading)
    check_total(golden, losses)


def caption(
    model: PixelLLM, golden: Golden, regions: Detections, beams: int
) -> tuple[Tensor, list[list[Decoded]]]:
    """Visual tokens float[P, Q, C], and all texts kept of each region, worst first."""
    count = regions.scores.shape[1]
    corners = points_of_boxes(regions.boxes, solid_grid(2, inset=False)).flatten(0, 1)
    prompts = Prompts(regions.boxes.flatten(0, 1), corners)  # an empty slot has four points
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


def check_detections(expected: Golden, golden: Golden, regions: Detections) -> None:
    """What the regions that were found are captioned with."""
    check_prompts(expected, regions.boxes)
    expected.check("out/prompt_boxes", regions.boxes, scale=SIDE)
    expected.check("out/detection_classes", torch.ones_like(regions.scores))  # there is one class
    prefix = golden["in/context_tokens"][:, :1]  # every region is captioned behind the same
    check_reading(expected, prefix.expand(-1, DETECTOR.max_detections, -1))


def test_golden_densecap_greedy() -> None:
    golden = Golden("full_densecap_train")
    expected = Golden("full_densecap_infer_greedy1_mult0")
    model = captioner(golden)

    with torch.inference_mode():
        regions = model.detect(images_of(model, golden))
        visual, texts = caption(model, golden, regions, beams=1)

    check_detections(expected, golden, regions)
    expected.check("out/num_detections", regions.counts)
    expected.check("out/detection_scores", regions.scores)
    expected.check("out/detection_boxes", regions.boxes, scale=SIDE)
    expected.check("out/visual_features", visual)
    tokens = torch.tensor([buffer(text) for (text,) in texts])
    expected.check("out/text_tokens", tokens)
    expected.check("out/beam_text_tokens", tokens)
    scores = torch.tensor([text.score for (text,) in texts])
    expected.check("out/log_probs", scores)
    expected.check("out/beam_log_probs", scores)


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
    check_detections(expected, golden, regions)
    expected.check("out/text_tokens", tokens)
    expected.check("out/num_detections", (ranking.scores > 0).sum(1))
    largest = expected["out/detection_scores"].max()  # they are tiny: compare their ratio
    expected.check("out/detection_scores", ranking.scores, scale=largest)
    expected.check("out/detection_boxes", regions.boxes[image, ranking.regions], scale=SIDE)
    visual = torch.unflatten(visual, 0, slots)[image, ranking.regions]
    expected.check("out/visual_features", visual)
