"""Calibration: scores come to mean what they say, and nothing else about a model changes."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from pixelllm.evaluation.calibrate import fit, fold, main
from pixelllm.model.config import PointHeadConfig
from pixelllm.model.point_head import PointHead, confidence


def sigmoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
    probability: NDArray[np.float64] = 1 / (1 + np.exp(-x))
    return probability


def test_the_fit_finds_how_sure_a_model_should_be() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(1.0, 2.0, 20000)
    right = rng.random(20000) < sigmoid(0.5 * logits - 1.0)

    slope, offset = fit(sigmoid(logits), right)

    assert slope == pytest.approx(0.5, abs=0.03)
    assert offset == pytest.approx(-1.0, abs=0.06)


def test_scores_of_0_and_1_do_not_break_the_fit() -> None:
    slope, offset = fit(np.array([0.0, 0.0, 1.0, 1.0, 1.0]), np.array([0, 0, 1, 1, 0], bool))

    assert np.isfinite([slope, offset]).all()
    assert slope > 0


@pytest.mark.parametrize("right", [True, False])
def test_nothing_is_fitted_to_answers_of_one_kind(right: bool) -> None:
    with pytest.raises(ValueError, match="nothing to fit"):
        fit(np.array([0.2, 0.7]), np.array([right, right]))


def test_a_folded_fit_changes_the_confidence_and_no_place() -> None:
    torch.manual_seed(0)
    head = PointHead(PointHeadConfig(hidden_dim=16, depth=3, confidence=True), dim=8).eval()
    hidden = torch.randn(5, 8)
    with torch.no_grad():
        points, before = head(hidden)
        fold(head, 0.7, -0.3)
        same_points, after = head(hidden)

    torch.testing.assert_close(same_points, points)
    torch.testing.assert_close(confidence(after), 0.7 * confidence(before) - 0.3)


def test_a_folder_without_a_model_ends_the_command_with_status_1(tmp_path: Path) -> None:
    assert main([str(tmp_path)]) == 1
