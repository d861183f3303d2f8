"""The ablations, at their smallest: every command that they are made of runs, and runs once."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest
import torch

from pixelllm.training import ablation, tiny
from pixelllm.training.ablation import FIGURES, VARIANTS, Sizes
from pixelllm.training.team import Team
from tests.python.tokenizers import tiny_tokenizer_model

SMALLEST = Sizes(16, 4, 1, 1, 1, 1, 2, 1)
CHOSEN = VARIANTS[3]  # what differs most from the authors' way


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose model has learned nothing."""
    folder = tmp_path_factory.mktemp("tiny")
    trainer = tiny.Trainer(tiny.Options(), Team(torch.device("cpu")))
    trainer.save(folder, tiny_tokenizer_model())
    return folder


def test_an_ablation_ends_in_a_table(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(tiny.__file__).parents[2]))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    sizes = [
        word
        for field in fields(Sizes)
        for word in (f"--{field.name.replace('_', '-')}", str(getattr(SMALLEST, field.name)))
    ]
    words = [str(tmp_path / "out"), "--run", str(run), "--variant", CHOSEN.name, *sizes]

    ablation.main(words)

    table = (tmp_path / "out" / "table.md").read_text("utf-8").splitlines()
    assert len(table) == 3
    cells = table[2].strip("| ").split(" | ")
    assert cells[:2] == ["no", "a LoRA learns"]
    assert len([float(cell) for cell in cells[2:]]) == len(FIGURES)
    with caplog.at_level("INFO"):
        ablation.main(words)
    assert len(caplog.records) == 1, "what is done is not done again"


def test_a_command_that_fails_ends_it_and_says_where_to_look(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"training\.tiny .* failed: see .*log\.txt"):
        ablation.main(
            [str(tmp_path), "--run", str(tmp_path / "none"), "--train", "2", "--val", "1"]
        )
