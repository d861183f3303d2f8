"""The losses of each stage, and the small sums that they are made of."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from pixelllm.evaluation.metrics import box_iou
from pixelllm.model.config import tiny
from pixelllm.training.auxiliary import Probes
from pixelllm.training.initialise import new_model
from pixelllm.training.oracle import Oracle
from pixelllm.training.scene_batch import REGIONS, BatchBuilder, SceneBatch, Texts
from pixelllm.training.scene_losses import (
    HIDDEN_WORDS,
    LOSS_WEIGHTS,
    UNKNOWN,
    SceneLosses,
    box_overlap,
    end_boxes,
    exact,
    followed,
    hide_words,
    last_words,
    mask_overlap,
    mean_where,
    place_loss,
    trusted_boxes,
)
from tests.python.tokenizers import tiny_tokenizer

CONFIG = tiny()
TOKENS = torch.tensor([[0, 7, 8, 9, 1, 0], [0, 5, 1, 0, 0, 0]])  # begin, words, end, padding
ENCODERS = ("eva.", "sam.")
TELLERS = ("extractor.", "visual_projection.")
WRITERS = ("language.", "point_head.")
READERS = (*TELLERS, *WRITERS, "mask_adapter.")


@pytest.fixture(scope="module")
def batch() -> SceneBatch:
    return BatchBuilder(CONFIG, tiny_tokenizer()).build(0, range(2))


@pytest.fixture
def losses() -> SceneLosses:
    return SceneLosses(new_model(CONFIG, 0), Probes(CONFIG), Oracle(CONFIG).requires_grad_(False))


def trained(losses: SceneLosses, found: dict[str, Tensor]) -> set[str]:
    """The names of the parameters that losses reach."""
    torch.autograd.backward(torch.stack(list(found.values())).sum())
    named = losses.model.named_parameters()
    return {name for name, p in named if p.grad is not None and p.grad.any()}


def test_the_first_stage_trains_the_encoders_the_detector_and_the_masks(
    losses: SceneLosses, batch: SceneBatch
) -> None:
    found, rates = losses.perception(batch)

    assert all(loss.isfinite() and loss > 0 for loss in found.values())
    assert set(found) == {"cell_thing", "cell_kind", "cell_box", "detection", "mask"}
    assert set(rates) == {"detection_roi", "mask_iou"}
    names = trained(losses, found)
    for part in (*ENCODERS, "detector.", "mask_decoder."):
        assert any(name.startswith(part) for name in names), part
    assert not any(name.startswith(READERS) for name in names)


def test_the_second_stage_trains_what_reads_and_writes_alone(
    losses: SceneLosses, batch: SceneBatch
) -> None:
    found, rates = losses.language(batch)

    assert all(loss.isfinite() for loss in found.values())
    assert {"caption_text", "phrase_place", "region_text"} <= set(found)
    assert all(0 <= rate <= 1 for rate in rates.values())
    names = trained(losses, found)
    for part in WRITERS:
        assert any(name.startswith(part) for name in names), part
    assert all(name.startswith(WRITERS) for name in names)


def test_the_third_stage_trains_what_tells_the_language_model_and_not_itself(
    losses: SceneLosses, batch: SceneBatch
) -> None:
    found, _ = losses.alignment(batch)

    assert {"whole_ideal", "region_ideal", "whole_token_kind", "cell_setting"} <= set(found)
    names = trained(losses, found)
    for part in (*ENCODERS, "detector.", *TELLERS):
        assert any(name.startswith(part) for name in names), part
    assert not any(name.startswith((*WRITERS, "mask_")) for name in names)


def test_a_scene_without_a_picture_has_the_same_things_in_the_same_places() -> None:
    builder = BatchBuilder(CONFIG, tiny_tokenizer())
    painted, unpainted = (builder.build(3, range(2), painted=p) for p in (True, False))

    assert not unpainted.images.any()
    assert torch.equal(painted.settings, unpainted.settings)
    assert (painted.thing_boxes - unpainted.thing_boxes).abs().max() < 0.02 * CONFIG.image_size


def test_a_token_that_another_follows_has_a_state_that_counts() -> None:
    assert followed(TOKENS).tolist() == [
        [True, True, True, True, False, False],
        [True, True, False, False, False, False],
    ]


def test_the_last_stage_trains_everything_else_too(losses: SceneLosses, batch: SceneBatch) -> None:
    found, rates = losses.joint(batch)

    assert all(loss.isfinite() for loss in found.values())
    assert set(LOSS_WEIGHTS) <= set(found)
    assert {"caption_text", "region_text", "phrase_confidence", "mask"} <= set(found)
    assert all(0 <= rate <= 1 for name, rate in rates.items() if name != "detection_roi")
    names = trained(losses, found)
    for part in (*ENCODERS, "detector.", "mask_decoder.", *READERS):
        assert any(name.startswith(part) for name in names), part


def test_captions_and_regions_are_led_with_hidden_words_and_phrases_whole(
    losses: SceneLosses, batch: SceneBatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = []
    decode = losses.model.decode_text

    def remember(encoded: object, tokens: Tensor) -> tuple[Tensor, Tensor]:
        read.append(tokens)
        return decode(encoded, tokens)  # type: ignore[arg-type]

    monkeypatch.setattr(losses.model, "decode_text", remember)
    monkeypatch.setattr("pixelllm.training.scene_losses.HIDDEN_WORDS", 1.0)
    losses.joint(batch)

    texts = (batch.captions, batch.phrases, batch.regions)
    caption, phrase, region = (
        next(tokens for tokens in read if tokens.shape == text.tokens.shape) for text in texts
    )
    assert torch.equal(phrase, batch.phrases.tokens)
    for tokens, text in ((caption, batch.captions), (region, batch.regions)):
        words = text.tokens > UNKNOWN
        assert (tokens[words] == UNKNOWN).all()
        assert torch.equal(tokens[~words], text.tokens[~words])


def test_masks_are_prompted_with_the_true_box_while_the_model_errs(
    losses: SceneLosses, batch: SceneBatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompted = []
    embed = losses.model.prompt_encoder.embed_boxes

    def remember(boxes: Tensor, frame: tuple[int, int]) -> Tensor:
        prompted.append(boxes)
        return embed(boxes, frame)

    monkeypatch.setattr(losses.model.prompt_encoder, "embed_boxes", remember)
    losses.perception(batch)

    assert torch.equal(prompted[-1], batch.regions.boxes[::REGIONS])


def test_hidden_words_are_a_share_of_the_words_and_nothing_else() -> None:
    torch.manual_seed(0)
    tokens = torch.randint(0, 60, (200, 30))

    hidden = hide_words(tokens)

    words = tokens > UNKNOWN
    assert torch.equal(hidden[~words], tokens[~words])  # begin, end, padding, unknown
    changed = hidden != tokens
    assert (hidden[changed] == UNKNOWN).all()
    assert changed[words].float().mean().item() == pytest.approx(HIDDEN_WORDS, abs=0.02)


def test_the_last_word_stands_before_the_end() -> None:
    assert last_words(TOKENS).tolist() == [3, 1]


def test_a_texts_box_is_the_one_at_its_last_word() -> None:
    corners = torch.arange(2 * 6 * 4, dtype=torch.float32).view(2, 6, 2, 2)

    boxes = end_boxes(corners, TOKENS)

    assert boxes.tolist() == [[12, 13, 14, 15], [28, 29, 30, 31]]


def test_overlaps_are_those_of_the_measures() -> None:
    generator = torch.Generator().manual_seed(1)
    corners = torch.rand(40, 2, 2, 2, generator=generator) * 100
    boxes = torch.cat([corners.amin(1), corners.amax(1)], -1)  # [40, 2, 4]

    overlap, _ = box_overlap(boxes[:, 0], boxes[:, 1])

    assert overlap.numpy() == pytest.approx(box_iou(boxes[:, 0], boxes[:, 1]), abs=1e-5)


@pytest.mark.parametrize(
    ("box", "overlap", "generalised"),
    [
        ((0, 0, 10, 10), 1.0, 1.0),
        ((5, 0, 15, 10), 1 / 3, 1 / 3),  # the hull is the union
        ((20, 0, 30, 10), 0.0, -1 / 3),  # a third of the hull lies between
        ((10, 10, 0, 0), 0.0, 0.0),  # edges swapped: empty
    ],
)
def test_the_generalised_overlap_punishes_a_gap(
    box: tuple[float, ...], overlap: float, generalised: float
) -> None:
    found = box_overlap(torch.tensor([box], dtype=torch.float32), torch.tensor([[0.0, 0, 10, 10]]))

    assert [x.item() for x in found] == pytest.approx([overlap, generalised], abs=1e-6)


def test_a_predicted_box_is_trusted_where_it_is_near_the_true_one() -> None:
    true = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 10]])
    found = torch.tensor([[1.0, 0, 10, 10], [8, 0, 30, 10]], requires_grad=True)

    boxes = trusted_boxes(found, true)

    assert boxes.tolist() == [[1, 0, 10, 10], [0, 0, 10, 10]]
    assert not boxes.requires_grad


def test_a_text_is_exact_if_every_next_token_is_the_likeliest() -> None:
    logits = torch.zeros(2, 6, 12)
    for row, position in ((0, 0), (0, 1), (0, 2), (0, 3), (1, 0), (1, 1)):
        logits[row, position, TOKENS[row, position + 1]] = 1.0

    assert exact(logits, TOKENS).item() == 1.0
    logits[1, 0, 11] = 2.0
    assert exact(logits, TOKENS).item() == 0.5
    logits[1, 0, 11] = 0.0
    logits[1, 3, 11] = 2.0  # behind the end: nobody reads it
    assert exact(logits, TOKENS).item() == 1.0


def test_masks_are_compared_at_the_targets_size() -> None:
    logits = torch.full((2, 8, 8), -9.0)
    logits[:, :4] = 9.0
    target = torch.zeros(2, 32, 32, dtype=torch.bool)
    target[0, :16] = True
    target[1, 8:24] = True

    assert mask_overlap(logits, target).tolist() == pytest.approx([1.0, 1 / 3])


def test_means_are_over_the_rows_that_count() -> None:
    values = torch.tensor([1.0, 2.0, 30.0])

    assert mean_where(values, torch.tensor([True, True, False])).item() == 1.5
    assert mean_where(values, torch.tensor([False] * 3)).item() == 0.0


def test_places_count_where_there_is_one() -> None:
    corners = torch.zeros(1, 3, 2, 2)
    nowhere = torch.zeros(1, 3, 36, dtype=torch.bool)
    texts = Texts(
        *(torch.zeros(1, 1), TOKENS[:1, :3], torch.zeros(1, 3, 2, 2), torch.zeros(1, 4)),
        *(nowhere, nowhere),
    )
    texts.corners[0, 1] = 4.0
    corners[0, 2] = 100.0  # has no place

    assert place_loss(corners, texts).item() == pytest.approx(4.0)
