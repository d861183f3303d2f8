"""The whole model against the authors': forward passes, losses, gradients, decoding."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor

from pixelllm.model.decoding import BeamSearch, Decoded, Greedy
from pixelllm.model.pixelllm import ImageFeatures, PixelLLM
from pixelllm.model.point_head import points_box
from pixelllm.model.t5 import T5
from pixelllm.training.losses import end_box_positions, word_positions
from pixelllm.training.objective import Reading
from pixelllm.weights.flax import TOKEN_HEAD, rename
from tests.python.goldens import FRAME, Golden, outputs_of
from tests.python.model.searching import finish
from tests.python.model.small import (
    LANGUAGE,
    batch_of,
    check_prompts,
    check_reading,
    check_reading_of,
    check_total,
    encoded_of,
    features_of,
    objective_of,
    rows,
    visual_of,
    whole_model,
)

MAX_TOKENS = LANGUAGE.max_text_tokens


@dataclass(frozen=True)
class Pass:
    """A teacher-forced pass over the golden's prompts, one row each."""

    features: ImageFeatures
    tokens: Tensor
    visual: Tensor
    logits: Tensor
    hidden: Tensor
    corners: Tensor


def teacher_forced(model: PixelLLM, golden: Golden, tokens: Tensor) -> Pass:
    """Lead the model through int[P, T] texts."""
    features = features_of(model, golden)
    visual = visual_of(model, golden, features)
    encoded = model.encode_prefix(visual, rows(golden["in/context_tokens"]))
    logits, hidden = model.decode_text(encoded, tokens)
    corners = model.place(hidden, features.valid_size)
    return Pass(features, tokens, visual, logits, hidden, corners)


def check_modules(golden: Golden, model: PixelLLM, found: Reading) -> None:
    """What the parts of the model said on the way."""
    golden.check("inter/visual_project_layers/call0/out0", found.visual)
    golden.check("inter/textual/call0/out0", found.logits)
    golden.check("inter/textual/call0/out1", found.hidden)
    relative, extra = model.point_head(found.hidden)
    golden.check("inter/point_predictor/call0/out0", relative)
    golden.check("inter/point_predictor/call0/out1", extra)


def test_golden_trace_forward_and_losses() -> None:
    golden = Golden("full_trace_train")
    model = whole_model(golden)
    objective = objective_of(model, "point")
    batch = batch_of(golden)

    with outputs_of({"eva": model.eva.norm}) as outputs:
        reading = objective.read(batch)
    losses = objective(batch)

    golden.check("inter/git_backbone/call0/out0", outputs["eva"])
    golden.check("inter/sam_backbone/call0/out0", reading.features.sam)
    check_modules(golden, model, reading)
    check_prompts(golden, golden["in/prompt_boxes"])
    check_reading_of(golden, reading)
    golden.check("out/point_logits", model.point_head(reading.hidden)[1])
    check_total(golden, losses)


@pytest.fixture(scope="module")
def trained() -> dict[str, Tensor]:
    """Gradients of the trace golden's loss, by our names; zeros where there is none.

    Nothing reaches some parameters, which have a gradient of zeros there; so has the matrix of the
    Fourier positions, which is a constant here.
    """
    golden = Golden("full_trace_train")
    model = whole_model(golden)
    losses = objective_of(model, "point")(batch_of(golden))
    torch.autograd.backward(losses.total)
    return {
        name: torch.zeros_like(tensor) if tensor.grad is None else tensor.grad
        for name, tensor in model.state_dict(keep_vars=True).items()
    }


def of_flax(gradients: Mapping[str, Tensor], path: str) -> Tensor:
    """Our gradient of what the authors call by this path; a matrix as they lay it out."""
    name = rename(path.removeprefix("grad/"))
    head = TOKEN_HEAD.match(name)
    if head:  # one layer per token there, and one tensor of all layers here
        leaf = "weight" if head[2] == "kernel" else "bias"
        return gradients[f"extractor.token_heads.{leaf}"][int(head[1])]
    if not name.endswith(".kernel"):
        return gradients[name]
    gradient = gradients[name.removesuffix("kernel") + "weight"]
    return gradient.T if gradient.ndim == 2 else gradient


def test_golden_trace_gradients(trained: dict[str, Tensor]) -> None:
    golden = Golden("full_trace_grads")
    paths = [path for path in golden if path.startswith("grad/")]
    assert paths

    for path in paths:
        golden.check(path, of_flax(trained, path), scale=golden[path].abs().max())


def test_golden_trace_gradient_norms(trained: dict[str, Tensor]) -> None:
    golden = Golden("full_trace_grads")
    paths = [str(name) for name in golden.arrays["grad_norm_names"]]

    norms = torch.stack([of_flax(trained, path).norm() for path in paths])

    # In parts of itself; what is below is the rounding of a gradient of zero (a key's bias).
    golden.check("grad_norms", norms, scale=golden["grad_norms"].clamp(min=1e-2))


def test_golden_ref_forward_and_losses() -> None:
    golden = Golden("full_ref_train")
    model = whole_model(golden)
    objective = objective_of(model, "point")
    batch = batch_of(golden)

    reading = objective.read(batch)
    losses = objective(batch)

    check_modules(golden, model, reading)
    check_reading_of(golden, reading)
    boxes = points_box(reading.corners, reading.places)
    golden.check("out/detection_boxes_from_points", boxes, scale=FRAME)
    check_total(golden, losses)


def test_golden_ref_inference_places_the_given_phrase() -> None:
    golden = Golden("full_ref_train")
    expected = Golden("full_ref_infer")
    model = whole_model(golden)
    tokens = rows(golden["in/text_tokens"])

    found = teacher_forced(model, golden, tokens)

    check_prompts(expected, golden["in/prompt_boxes"])
    check_reading(expected, golden["in/context_tokens"])
    expected.check("out/text_tokens", tokens)
    check_places(expected, "out/", model, found, end_box_positions(tokens))
    expected.check("out/visual_features", found.visual)
    expected.check("out/point_logits", model.point_head(found.hidden)[1])


def check_places(
    expected: Golden, prefix: str, model: PixelLLM, found: Pass, valid: Tensor
) -> None:
    """Where the words of a text are, and the box around them."""
    expected.check(f"{prefix}point_coords", found.corners, scale=FRAME)
    expected.check(f"{prefix}point_valid_mask", valid)
    boxes = points_box(found.corners, valid)
    expected.check(f"{prefix}detection_boxes", boxes, scale=FRAME)


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
def test_golden_trace_decoding(file: str, search: Callable[[], BeamSearch | Greedy]) -> None:
    golden = Golden("full_trace_train")
    expected = Golden(file)
    model = whole_model(golden)

    decoded = decode(model, golden, search)

    check_decoding(model, golden, decoded, expected, "out/", word_positions)
    check_prompts(expected, golden["in/prompt_boxes"])
    check_reading(expected, golden["in/context_tokens"])
    found = teacher_forced(model, golden, rows(expected["out/text_tokens"]))
    expected.check("out/visual_features", found.visual)
    expected.check("out/point_logits", model.point_head(found.hidden)[1])


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
    prefix: str, search: Callable[[], BeamSearch | Greedy], positions: Callable[[Tensor], Tensor]
) -> None:
    golden = Golden("full_trace_train")
    expected = Golden("full_trace_infer_eos")
    model = whole_model(golden)
    override = expected["in/logits_dense_kernel_override"].T
    assert isinstance(model.language, T5)
    model.language.lm_head.weight.data.copy_(override)

    decoded = decode(model, golden, search)

    check_decoding(model, golden, decoded, expected, prefix, positions)


def decode(
    model: PixelLLM, golden: Golden, make: Callable[[], BeamSearch | Greedy]
) -> list[list[Decoded]]:
    """All texts kept of every prompt, worst first; cached steps, all in one batch of slots."""
    with torch.inference_mode():
        encoded = encoded_of(model, golden, features_of(model, golden))
        searches = [make() for _ in encoded.states]
        finish(model, encoded, searches, MAX_TOKENS)
    return [s.results() if isinstance(s, BeamSearch) else [s.result()] for s in searches]


def check_decoding(
    model: PixelLLM,
    golden: Golden,
    decoded: list[list[Decoded]],
    expected: Golden,
    prefix: str,
    positions: Callable[[Tensor], Tensor],
) -> None:
    """Compare tokens, scores, and the places of a second, teacher-forced pass."""
    kept = expected.arrays[f"{prefix}beam_log_probs"].shape[2]
    for row, texts in enumerate(decoded):
        part = np.s_[row, 0, kept - len(texts) :]
        tokens = torch.tensor([buffer(text) for text in texts])
        expected.check(f"{prefix}beam_text_tokens", tokens, part=part)
        scores = torch.tensor([text.score for text in texts])
        expected.check(f"{prefix}beam_log_probs", scores, part=part)
    best = [texts[-1] for texts in decoded]
    expected.check(f"{prefix}log_probs", torch.tensor([text.score for text in best]))
    # The authors' post-processing: what follows the first end token becomes padding.
    tokens = torch.zeros(len(best), MAX_TOKENS, dtype=torch.int64)
    for row, text in enumerate(best):
        written = [LANGUAGE.begin_id, *text.tokens, LANGUAGE.end_id]
        tokens[row, : len(written)] = torch.tensor(written)
    expected.check(f"{prefix}text_tokens", tokens)
    found = teacher_forced(model, golden, tokens)
    check_places(expected, prefix, model, found, positions(tokens))


def buffer(text: Decoded) -> list[int]:
    """The text as the authors keep it, filled up with end tokens."""
    written = [LANGUAGE.begin_id, *text.tokens]
    return written + [LANGUAGE.end_id] * (MAX_TOKENS - len(written))
