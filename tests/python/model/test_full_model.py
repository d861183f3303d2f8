"""The whole model against the authors': forward passes, losses, gradients, decoding."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from pixelllm.model.decoding import BeamSearch, Decoded, Greedy, Search
from pixelllm.model.pixelllm import PixelLLM
from pixelllm.model.t5 import T5
from pixelllm.training.losses import (
    POINT_WEIGHT,
    corners_of_boxes,
    end_box_positions,
    point_loss,
    text_loss,
    word_positions,
)
from tests.python.goldens import Golden, assert_close
from tests.python.model.searching import finish
from tests.python.model.small import (
    LANGUAGE,
    encoded_of,
    features_of,
    rows,
    whole_model,
)

FULL_PASS = 1e-4
MAX_TOKENS = LANGUAGE.max_text_tokens


def test_golden_trace_forward_and_losses() -> None:
    golden = Golden("full_trace_train")
    model = whole_model(golden)

    features = features_of(model, golden)
    encoded = encoded_of(model, golden, features)
    tokens = rows(golden["in/text_tokens"])
    logits, hidden = model.decode_text(encoded, tokens)
    corners = model.place(hidden, features.valid_size)

    assert_close(features.sam, golden["inter/sam_backbone/call0/out0"], FULL_PASS)
    assert_close(logits, golden["inter/textual/call0/out0"], FULL_PASS)
    assert_close(hidden, golden["inter/textual/call0/out1"], FULL_PASS)
    relative, extra = model.point_head(hidden)
    assert_close(relative, golden["inter/point_predictor/call0/out0"].flatten(0, 1), FULL_PASS)
    assert_close(extra, golden["out/point_logits"].flatten(0, 1), FULL_PASS)
    pixels = golden["out/point_coords"].flatten(0, 1)
    assert_close(corners / 112, pixels / 112, FULL_PASS)  # pixels: FULL_PASS of the frame
    valid = word_positions(tokens)
    assert torch.equal(valid, golden["out/point_valid_mask"].flatten(0, 1))
    assert_close(text_loss(logits, tokens), golden["loss/text_loss"], FULL_PASS)
    points = point_loss(corners, golden["in/points"].flatten(0, 1), valid)
    assert_close(points * POINT_WEIGHT, golden["loss/point_loss_scaled"], FULL_PASS)


def test_golden_trace_gradients() -> None:
    golden = Golden("full_trace_train")
    gradients = Golden("full_trace_grads")
    model = whole_model(golden)

    features = features_of(model, golden)
    tokens = rows(golden["in/text_tokens"])
    logits, hidden = model.decode_text(encoded_of(model, golden, features), tokens)
    corners = model.place(hidden, features.valid_size)
    points = point_loss(corners, golden["in/points"].flatten(0, 1), word_positions(tokens))
    torch.autograd.backward(text_loss(logits, tokens) + POINT_WEIGHT * points)

    expected = gradients.params(prefix="grad/")
    ours = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    assert expected
    for name, gradient in expected.items():
        largest = gradient.abs().max()
        assert_close(ours[name] / largest, gradient / largest, FULL_PASS)


def test_golden_trace_gradient_norms() -> None:
    golden = Golden("full_trace_train")
    gradients = Golden("full_trace_grads")
    model = whole_model(golden)

    features = features_of(model, golden)
    tokens = rows(golden["in/text_tokens"])
    logits, hidden = model.decode_text(encoded_of(model, golden, features), tokens)
    corners = model.place(hidden, features.valid_size)
    points = point_loss(corners, golden["in/points"].flatten(0, 1), word_positions(tokens))
    torch.autograd.backward(text_loss(logits, tokens) + POINT_WEIGHT * points)

    names = [str(name) for name in gradients.arrays["grad_norm_names"]]
    norms = dict(zip(names, gradients["grad_norms"].tolist(), strict=True))
    total = sum(p.grad.square().sum().item() for p in model.parameters() if p.grad is not None)
    # The Fourier matrix is a constant here and has no gradient there.
    assert total**0.5 == pytest.approx(sum(n * n for n in norms.values()) ** 0.5, rel=FULL_PASS)


def test_golden_ref_forward_and_losses() -> None:
    golden = Golden("full_ref_train")
    model = whole_model(golden)

    features = features_of(model, golden)
    tokens = rows(golden["in/text_tokens"])
    logits, hidden = model.decode_text(encoded_of(model, golden, features), tokens)
    corners = model.place(hidden, features.valid_size)

    assert_close(logits, golden["inter/textual/call0/out0"], FULL_PASS)
    assert_close(hidden, golden["inter/textual/call0/out1"], FULL_PASS)
    assert_close(corners / 112, golden["out/point_coords"].flatten(0, 1) / 112, FULL_PASS)
    valid = end_box_positions(tokens)
    assert torch.equal(valid, golden["out/point_valid_mask"].flatten(0, 1))
    labelled = golden["in/labels"].flatten() > 0
    assert_close(text_loss(logits, tokens, labelled), golden["loss/text_loss"], FULL_PASS)
    target = corners_of_boxes(golden["in/boxes"].flatten(0, 1), tokens.shape[1])
    points = point_loss(corners, target, valid & labelled[:, None])
    assert_close(points * POINT_WEIGHT, golden["loss/point_loss_scaled"], FULL_PASS)


def test_golden_ref_inference_places_the_given_phrase() -> None:
    golden = Golden("full_ref_train")
    expected = Golden("full_ref_infer")
    model = whole_model(golden)

    features = features_of(model, golden)
    tokens = rows(expected["out/text_tokens"])
    _, hidden = model.decode_text(encoded_of(model, golden, features), tokens)
    corners = model.place(hidden, features.valid_size)

    assert torch.equal(tokens, rows(golden["in/text_tokens"]))
    assert_close(corners / 112, expected["out/point_coords"].flatten(0, 1) / 112, FULL_PASS)
    valid = end_box_positions(tokens)
    assert torch.equal(valid, expected["out/point_valid_mask"].flatten(0, 1))
    boxes = expected["out/detection_boxes"].flatten(0, 1)
    for row in valid.any(1).nonzero().flatten().tolist():
        points = corners[row][valid[row]].flatten(0, 1)
        box = torch.cat([points.amin(0), points.amax(0)])
        assert_close(box / 112, boxes[row] / 112, FULL_PASS)


def greedy() -> Greedy:
    return Greedy(LANGUAGE.begin_id, LANGUAGE.end_id, MAX_TOKENS)


def beam4_2() -> BeamSearch:
    return BeamSearch(LANGUAGE.begin_id, LANGUAGE.end_id, MAX_TOKENS, beams=4, per_beam=2)


def beam3_1() -> BeamSearch:
    return BeamSearch(LANGUAGE.begin_id, LANGUAGE.end_id, MAX_TOKENS, beams=3, per_beam=1)


@pytest.mark.parametrize(
    ("file", "search"),
    [
        ("full_trace_infer_greedy1_2", greedy),
        ("full_trace_infer_beam4_2", beam4_2),
        ("full_trace_infer_beam3_1", beam3_1),
    ],
)
def test_golden_trace_decoding(file: str, search: Callable[[], Search]) -> None:
    golden = Golden("full_trace_train")
    expected = Golden(file)
    model = whole_model(golden)

    decoded = decode(model, golden, search)

    check_decoding(model, golden, decoded, expected, "out/", word_positions)


@pytest.mark.parametrize(
    ("prefix", "search", "positions"),
    [
        ("trace_greedy/out/", greedy, word_positions),
        ("trace_beam4/out/", beam4_2, word_positions),
        ("endm1_greedy/out/", greedy, end_box_positions),
        ("endm1_beam3/out/", beam3_1, end_box_positions),
    ],
)
def test_golden_decoding_with_real_ends(
    prefix: str, search: Callable[[], Search], positions: Callable[[Tensor], Tensor]
) -> None:
    golden = Golden("full_trace_train")
    expected = Golden("full_trace_infer_eos")
    model = whole_model(golden)
    override = expected["in/logits_dense_kernel_override"].T
    assert isinstance(model.language, T5)
    model.language.lm_head.weight.data.copy_(override)

    decoded = decode(model, golden, search)

    check_decoding(model, golden, decoded, expected, prefix, positions)


def decode(model: PixelLLM, golden: Golden, search: Callable[[], Search]) -> list[Decoded]:
    """Decode every prompt of the golden with cached steps, all in one batch of slots."""
    with torch.inference_mode():
        encoded = encoded_of(model, golden, features_of(model, golden))
        searches = [search() for _ in encoded.states]
        finish(model, encoded, searches, MAX_TOKENS)
    return [s.result() for s in searches]


def check_decoding(
    model: PixelLLM,
    golden: Golden,
    decoded: list[Decoded],
    expected: Golden,
    prefix: str,
    positions: Callable[[Tensor], Tensor],
) -> None:
    """Compare tokens, scores, and the places of a second, teacher-forced pass."""
    tokens = torch.zeros(len(decoded), MAX_TOKENS, dtype=torch.int64)
    for row, text in enumerate(decoded):
        written = [LANGUAGE.begin_id, *text.tokens, LANGUAGE.end_id]
        tokens[row, : len(written)] = torch.tensor(written)
    # The authors' post-processing: what follows the first end token becomes padding.
    assert torch.equal(tokens, rows(expected[prefix + "text_tokens"]))
    scores = torch.tensor([text.score for text in decoded])
    assert_close(scores, expected[prefix + "log_probs"].flatten(), FULL_PASS)

    features = features_of(model, golden)
    _, hidden = model.decode_text(encoded_of(model, golden, features), tokens)
    corners = model.place(hidden, features.valid_size)
    valid = positions(tokens)
    assert torch.equal(valid, expected[prefix + "point_valid_mask"].flatten(0, 1))
    places = expected[prefix + "point_coords"].flatten(0, 1)
    assert_close(corners[valid] / 112, places[valid] / 112, FULL_PASS)
