"""The probes' losses: nothing where the answer is right, and blind to what has no label."""

from __future__ import annotations

import pytest
import torch

from pixelllm.data.scene_vocabulary import SETTINGS
from pixelllm.model.config import tiny
from pixelllm.training.auxiliary import BOX, SIZES, Probes, box_distance, classification
from pixelllm.training.scene_labels import ATTRIBUTES, UNLABELLED

CONFIG = tiny()


def sure(labels: torch.Tensor, margin: float = 20.0) -> torch.Tensor:
    """Logits that give int[..., 4] labels, float[..., sum(SIZES)]."""
    parts = [
        margin * torch.nn.functional.one_hot(labels[..., i].clamp(min=0), size).float()
        for i, size in enumerate(SIZES)
    ]
    return torch.cat(parts, -1)


def labels_of(rows: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.stack([torch.randint(n, (rows,), generator=generator) for n in SIZES], -1)


def test_there_is_an_output_for_every_name() -> None:
    probes = Probes(CONFIG)

    assert [len(names) for names in ATTRIBUTES] == SIZES
    assert probes.token.out_features == sum(SIZES) + BOX
    assert probes.cell.out_features == sum(SIZES) + BOX + 1


def test_right_attributes_cost_nothing_and_each_wrong_one_its_share() -> None:
    labels = labels_of(6)
    wrong = labels.clone()
    wrong[:, 1] = (wrong[:, 1] + 1) % SIZES[1]

    assert classification(sure(labels), labels).item() == pytest.approx(0.0, abs=1e-4)
    assert classification(sure(wrong), labels).item() == pytest.approx(20.0 / 4, rel=1e-3)


def test_what_has_no_label_does_not_count() -> None:
    labels = labels_of(6)
    unlabelled = labels.clone()
    unlabelled[3:] = UNLABELLED
    x = sure(labels)
    x[3:] = torch.randn(3, sum(SIZES))
    boxes = torch.rand(6, BOX)
    found = boxes.clone()
    found[:3] += 0.25
    found[3:] += 9.0

    assert classification(x, unlabelled).item() == pytest.approx(0.0, abs=1e-4)
    assert box_distance(found, boxes, unlabelled).item() == pytest.approx(0.25)


def test_nothing_labelled_is_no_distance() -> None:
    labels = torch.full((2, 3, 4), UNLABELLED)

    assert box_distance(torch.ones(2, 3, 4), torch.zeros(2, 3, 4), labels).item() == 0.0


def test_a_cell_learns_whether_a_thing_is_there() -> None:
    probes = Probes(CONFIG)
    labels = torch.full((1, 2, 2, 4), UNLABELLED)
    labels[0, 0] = 0
    boxes = torch.zeros(1, 2, 2, 4)
    fused = torch.zeros(1, 2, 2, CONFIG.feature_dim)
    fused[0, 0] = 1.0

    before = probes.cell_losses(fused, labels, boxes)
    with torch.no_grad():
        probes.cell.weight[-1] = 40.0 / CONFIG.feature_dim
        probes.cell.bias[-1] = -20.0
    after = probes.cell_losses(fused, labels, boxes)

    assert set(after) == {"cell_thing", "cell_kind", "cell_box"}
    assert after["cell_thing"].item() == pytest.approx(0.0, abs=1e-4)
    assert before["cell_thing"].item() > 0.1
    assert after["cell_kind"].item() == before["cell_kind"].item()


def test_the_setting_is_read_from_cells_and_from_tokens() -> None:
    probes = Probes(CONFIG)
    with torch.no_grad():
        for probe in (probes.cell_setting, probes.token_setting):
            probe.weight.zero_()
            probe.bias.copy_(torch.tensor([20.0, 0.0, 0.0, 0.0]))
    fused = torch.randn(2, 3, 3, CONFIG.feature_dim)
    whole = torch.randn(2, 5, CONFIG.language.dim)

    right = probes.setting_losses(fused, whole, torch.tensor([0, 0]))
    half = probes.setting_losses(fused, whole, torch.tensor([0, 1]))

    assert len(SETTINGS) == 4
    for name in ("cell_setting", "token_setting"):
        assert right[name].item() == pytest.approx(0.0, abs=1e-4)
        assert half[name].item() == pytest.approx(10.0, rel=1e-3)


def test_tokens_learn_attributes_and_boxes() -> None:
    losses = Probes(CONFIG).token_losses(
        torch.randn(2, 5, CONFIG.language.dim), labels_of(10).view(2, 5, 4), torch.rand(2, 5, BOX)
    )

    assert set(losses) == {"token_kind", "token_box"}
    assert all(loss > 0 for loss in losses.values())
