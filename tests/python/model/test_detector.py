"""The detector, part by part, against the authors' code."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from pixelllm.model.detector.boxes import decode_boxes, encode_boxes
from pixelllm.model.detector.centernet_head import CenterMaps
from pixelllm.model.detector.detector import Detector
from pixelllm.model.detector.nms import first_kept, suppress
from pixelllm.model.detector.proposals import Proposals, cell_centres, peaks, propose
from pixelllm.model.detector.rescoring import rank_captions
from pixelllm.model.detector.roi_align import align, pyramid_align
from pixelllm.training.detection_losses import (
    Sampling,
    caption_prompts,
    center_targets,
    detection_loss,
    sample_boxes,
    size_ranges,
)
from tests.python.goldens import FRAME as SIDE
from tests.python.goldens import MODULE, Golden, assert_close
from tests.python.model.small import SAMPLING
from tests.python.model.small_detector import (
    DETECTOR,
    check_losses,
    check_norms,
    check_samples,
    detector_of,
)

FRAME = (112, 112)
STRIDES = DETECTOR.strides


def maps_of(golden: Golden) -> CenterMaps:
    """The authors' maps."""
    return CenterMaps(
        [golden[f"out/heatmap{level}"][..., 0] for level in range(5)],
        [golden[f"out/box_reg{level}"] for level in range(5)],
    )


def test_golden_pyramid() -> None:
    golden = Golden("box_decoder")
    detector = detector_of(golden)

    pyramid = detector.fpn(golden["in/x"])

    assert len(pyramid) == 5
    for level, features in enumerate(pyramid):
        golden.check(f"out/fpn{level}", features.permute(0, 2, 3, 1))


def test_golden_center_maps() -> None:
    golden = Golden("box_decoder")
    detector = detector_of(golden)
    pyramid = [golden[f"out/fpn{level}"].permute(0, 3, 1, 2) for level in range(5)]

    maps = detector.proposal_generator(pyramid)

    for level in range(5):
        golden.check(f"out/heatmap{level}", maps.heat[level])
        golden.check(f"out/box_reg{level}", maps.distances[level])


def test_golden_cell_centres() -> None:
    golden = Golden("box_decoder")

    centres = cell_centres(maps_of(golden).shapes, STRIDES)

    golden.check("out/grids", centres, exact=True)


def test_golden_center_targets() -> None:
    golden = Golden("box_decoder")

    targets = center_targets(golden["in/gt_boxes"], maps_of(golden).shapes, STRIDES)

    golden.check("out/gt_heatmaps", targets.heat)
    assert torch.equal(targets.heat == 1, golden["out/gt_heatmaps"][..., 0] == 1)
    golden.check("out/gt_regs", targets.distances)
    check_norms(golden, detector_of(golden), golden["in/x"], golden["in/gt_boxes"])


def test_golden_peaks() -> None:
    golden = Golden("box_decoder")

    found = peaks(maps_of(golden), STRIDES, 100)

    golden.check("out/peak_scores", found.scores)
    golden.check("out/peak_boxes", found.boxes, scale=SIDE)


def test_golden_suppression() -> None:
    golden = Golden("box_decoder")
    boxes, scores = golden["out/peak_boxes"], golden["out/peak_scores"]

    places, real = first_kept(suppress(boxes, DETECTOR.proposal_overlap), 16)

    assert real.all()
    rows = torch.arange(2)[:, None]
    golden.check("out/nms_boxes", boxes[rows, places], exact=True)
    golden.check("out/nms_scores", scores[rows, places], exact=True)


def test_golden_roi_align() -> None:
    golden = Golden("box_decoder")
    pyramid = [golden[f"out/fpn{level}"].permute(0, 3, 1, 2) for level in range(5)]

    crops = pyramid_align(pyramid, STRIDES, golden["in/roi_boxes"], 7)

    golden.check("out/roi_align", crops)


def test_golden_box_corrections() -> None:
    golden = Golden("box_decoder")
    boxes, anchors = golden["in/gt_boxes"][0], golden["in/roi_boxes"][0, :3]

    corrections = encode_boxes(boxes, anchors)

    golden.check("out/encode", corrections)
    golden.check("out/decode", decode_boxes(golden["out/encode"], anchors), scale=SIDE)


def test_golden_box_head() -> None:
    golden = Golden("box_decoder")
    detector = detector_of(golden)
    pyramid = [golden[f"out/fpn{level}"].permute(0, 3, 1, 2) for level in range(5)]
    candidates = Proposals(golden["out/peak_boxes"], golden["out/peak_scores"])
    proposals = propose(candidates, DETECTOR.proposal_overlap, DETECTOR.proposals, FRAME)

    logits, corrections = detector.roi_head(pyramid, proposals.boxes)

    golden.check("out/test_class_outputs", logits)
    golden.check("out/test_box_outputs", corrections)


def test_golden_detections() -> None:
    golden = Golden("box_decoder")
    detector = detector_of(golden)

    found = detector(golden["in/x"], FRAME)

    golden.check("out/test_num_detections", found.counts)
    golden.check("out/test_detection_scores", found.scores)
    golden.check("out/test_detection_boxes", found.boxes, scale=SIDE)
    golden.check("out/test_detection_classes", torch.ones(2, DETECTOR.max_detections))  # all one


def test_golden_detection_training() -> None:
    golden = Golden("box_decoder")
    detector = detector_of(golden)
    boxes, labels = golden["in/gt_boxes"], golden["in/gt_classes"].long()

    loss, samples = detection_loss(detector, golden["in/x"], FRAME, boxes, labels, SAMPLING)

    golden.check("out/train_last_proposals", samples.boxes, scale=SIDE)
    prompts = caption_prompts(samples, boxes, labels, count=27)
    golden.check("out/match_idx", prompts.matches)
    golden.check("out/match_cls", prompts.labels)
    check_losses(golden, loss)
    check_samples(golden, detector, golden["in/x"], samples)


def greedy(boxes: Tensor, limit: float) -> list[bool]:
    """Suppression box by box."""
    keep: list[bool] = []
    for i, (x0, y0, x1, y1) in enumerate(boxes.double().tolist()):
        overlaps = []
        for j in (j for j in range(i) if keep[j]):
            a0, b0, a1, b1 = boxes[j].double().tolist()
            common = max(min(x1, a1) - max(x0, a0), 0) * max(min(y1, b1) - max(y0, b0), 0)
            union = (x1 - x0) * (y1 - y0) + (a1 - a0) * (b1 - b0) - common
            overlaps.append(common / (union + 1e-8))
        keep.append(max((x0, y0, x1, y1)) > 0 and all(o < limit for o in overlaps))
    return keep


@pytest.mark.parametrize("limit", [0.3, 0.5, 0.7, 0.9])
def test_suppression_is_the_greedy_rule(limit: float) -> None:
    generator = torch.Generator().manual_seed(7)
    corners = torch.rand(2, 300, 2, generator=generator) * 40
    boxes = torch.cat([corners, corners + 10 + 30 * torch.rand(2, 300, 2, generator=generator)], -1)

    keep = suppress(boxes, limit)

    assert keep.tolist() == [greedy(image, limit) for image in boxes]
    assert 1 < keep.sum() < keep.numel()


def test_every_image_can_have_its_own_limit_of_overlap() -> None:
    golden = Golden("box_decoder")
    detector, x = detector_of(golden), golden["in/x"]
    limits = [0.01, DETECTOR.detection_overlap, 1.0]

    together = detector(x[:1].expand(3, -1, -1, -1), FRAME, torch.tensor(limits))

    for row, limit in enumerate(limits):
        detector.config = replace(DETECTOR, detection_overlap=limit)
        alone = detector(x[:1], FRAME)
        assert_close(together.boxes[row : row + 1] / 112, alone.boxes / 112, MODULE)
        assert_close(together.scores[row : row + 1], alone.scores, MODULE)
    assert not torch.equal(together.boxes[0], together.boxes[2])


def test_suppression_drops_boxes_without_a_positive_coordinate() -> None:
    boxes = torch.tensor([[[0.0, 0, 0, 0], [0, 0, 0, 5], [1, 1, 2, 2]]])

    assert suppress(boxes, 0.5).tolist() == [[False, True, True]]


def test_slots_that_nothing_is_left_for_repeat_the_last_candidate() -> None:
    box = [4.0, 4.0, 20.0, 20.0]
    candidates = Proposals(torch.tensor([[box, box, box]]), torch.tensor([[0.9, 0.8, 0.7]]))

    proposals = propose(candidates, 0.9, 4, FRAME)

    assert proposals.scores.tolist() == [[pytest.approx(0.9), 0, 0, 0]]
    assert proposals.boxes.tolist() == [[box] * 4]


def test_proposals_stay_in_the_frame() -> None:
    boxes = torch.tensor([[[-5.0, 10, 50, 300], [20, -1, 90, 40]]])

    proposals = propose(Proposals(boxes, torch.tensor([[0.9, 0.8]])), 0.9, 2, (60, 80))

    assert proposals.boxes.tolist() == [[[0, 10, 50, 60], [20, 0, 80, 40]]]


def test_a_cell_aligned_crop_returns_the_cells() -> None:
    features = torch.randn(3, 6, 8)

    crop = align(features, torch.tensor([[2.0, 1.0, 6.0, 5.0]]), 2)

    cells = F.avg_pool2d(features[:, 1:5, 2:6], 2)
    torch.testing.assert_close(crop[0].permute(2, 0, 1), cells)


def test_every_size_is_learned_by_a_map() -> None:
    ranges = size_ranges(STRIDES)

    assert ranges[0][0] == 0
    assert ranges[-1][1] > 1e6
    assert all(after[0] < before[1] for before, after in pairwise(ranges))


def test_positive_samples_keep_their_share() -> None:
    boxes = torch.tensor([[[0.0, 0, 40, 40]]])
    near, elsewhere = torch.tensor([0.0, 0, 40, 38]), torch.tensor([60.0, 60, 90, 90])
    proposals = torch.stack([near] * 20 + [elsewhere] * 20)[None]
    sampling = Sampling(samples=16, positives=0.25)

    samples = sample_boxes(
        proposals, boxes, torch.ones(1, 1, dtype=torch.int64), sampling, torch.Generator()
    )

    assert samples.labels.tolist() == [[1] * 4 + [0] * 12]
    assert torch.equal(samples.boxes[0, 4:], elsewhere.expand(12, 4))


def test_surplus_positives_fill_up_as_negatives() -> None:
    boxes = torch.tensor([[[0.0, 0, 40, 40]]])
    sampling = Sampling(samples=8, positives=0.25)

    samples = sample_boxes(
        boxes.repeat(1, 11, 1), boxes, torch.ones(1, 1, dtype=torch.int64), sampling
    )

    assert samples.labels.tolist() == [[1] * 2 + [0] * 6]


def test_an_image_without_regions_teaches_that_there_are_none() -> None:
    detector = Detector(DETECTOR, 64)
    boxes, labels = torch.zeros(1, 2, 4), torch.zeros(1, 2, dtype=torch.int64)

    loss, samples = detection_loss(
        detector, torch.randn(1, 8, 8, 64), FRAME, boxes, labels, SAMPLING
    )
    torch.autograd.backward(loss.total)

    assert loss.center.positive == 0
    assert loss.center.distance == 0
    assert loss.roi.correction == 0
    assert loss.total.isfinite()
    assert not samples.labels.any()
    assert all(p.grad is None or p.grad.isfinite().all() for p in detector.parameters())


def test_losses_reach_every_part() -> None:
    detector = Detector(DETECTOR, 64)
    boxes = torch.tensor([[[10.0, 10, 30, 34], [20, 16, 100, 100]]])
    labels = torch.ones(1, 2, dtype=torch.int64)

    loss, _ = detection_loss(detector, torch.randn(1, 8, 8, 64), FRAME, boxes, labels, SAMPLING)
    torch.autograd.backward(loss.total)

    for part in (detector.fpn, detector.proposal_generator, detector.roi_head):
        assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in part.parameters())


def test_detects_in_bfloat16() -> None:
    detector = Detector(DETECTOR, 64).to(torch.bfloat16).eval()

    found = detector(torch.randn(1, 8, 8, 64, dtype=torch.bfloat16), FRAME)

    assert found.boxes.shape == (1, 6, 4)
    assert found.boxes.dtype == found.scores.dtype == torch.float32
    assert found.boxes.isfinite().all()


def test_rescoring_lets_one_region_come_with_two_captions() -> None:
    scores = torch.tensor([[0.9, 0.4, -1.0]])
    log_probs = torch.tensor([[[0.5, 0.8], [0.1, 0.9], [1.0, 1.0]]]).log()

    ranking = rank_captions(scores, log_probs, 3)

    assert ranking.regions.tolist() == [[0, 0, 1]]
    assert ranking.captions.tolist() == [[1, 0, 1]]
    torch.testing.assert_close(ranking.scores, torch.tensor([[0.72, 0.45, 0.36]]).sqrt())
