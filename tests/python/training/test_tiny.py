"""Training the tiny model: it learns, it resumes exactly, and it tells what is wrong."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from pixelllm.model.checkpoint import load_checkpoint
from pixelllm.model.tokenizer import Tokenizer
from pixelllm.training import scene_tokenizer, tiny
from pixelllm.training.scene_batch import BatchBuilder
from pixelllm.training.scene_tokenizer import train_tokenizer

CPU = torch.device("cpu")
SHORT = tiny.Options(steps=4, perception_steps=2, batch_size=2, warm_up=2)


@pytest.fixture(autouse=True, scope="module")
def _small_corpus() -> Iterator[None]:
    """A tokenizer in a tenth of the time; the words are the same."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scene_tokenizer, "CORPUS_SCENES", 300)
        yield


def test_a_resumed_run_ends_with_the_same_weights(tmp_path: Path) -> None:
    whole, halves = tmp_path / "whole", tmp_path / "halves"

    tiny.train(SHORT, whole, resume=False, device=CPU)
    tiny.train(SHORT, halves, resume=False, device=CPU, until=3)
    tiny.train(SHORT, halves, resume=True, device=CPU)

    one = load_file(whole / "checkpoint" / "training.safetensors")
    other = load_file(halves / "checkpoint" / "training.safetensors")
    assert one.keys() == other.keys()
    assert [name for name in one if not torch.equal(one[name], other[name])] == []


def test_a_finished_run_is_a_model_that_loads(tmp_path: Path) -> None:
    tiny.train(SHORT, tmp_path, resume=False, device=CPU)

    checkpoint = load_checkpoint(str(tmp_path / "model"))

    assert checkpoint.tokenizer.encode("a large red circle")
    state = json.loads((tmp_path / "checkpoint" / "state.json").read_text())
    assert state["step"] == SHORT.steps


def test_a_few_scenes_are_soon_seen() -> None:
    """Eight scenes, shown again and again: perception must fall well below chance."""
    options = tiny.Options(steps=100, perception_steps=100, warm_up=10)
    trainer = tiny.Trainer(options, CPU)
    tokenizer = Tokenizer(train_tokenizer(trainer.model.config.language.vocab_size))
    batch = BatchBuilder(trainer.model.config, tokenizer).build(0, range(8))

    first = trainer.train_step(batch)["total"].item()
    for _ in range(25):
        last = trainer.train_step(batch)["total"].item()

    assert last < 0.6 * first


def test_the_rate_warms_up_in_both_stages_and_falls_in_the_second() -> None:
    options = tiny.Options(steps=1000, perception_steps=300, warm_up=10)
    rates = [tiny.learning_rate(step, options) for step in range(1000)]

    assert rates[0] == rates[300] == pytest.approx(1e-4)
    assert max(rates) == rates[299] == pytest.approx(1e-3)
    assert rates[310:] == sorted(rates[310:], reverse=True)
    assert rates[-1] < 3e-5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["--resume"], "no checkpoint to resume"), (["--steps", "few"], "invalid int value")],
)
def test_wrong_arguments_are_explained(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["tiny", "--run", str(tmp_path), *arguments])

    with pytest.raises(SystemExit):
        tiny.main()

    assert message in capsys.readouterr().err


def test_a_run_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "checkpoint").mkdir()
    monkeypatch.setattr(sys, "argv", ["tiny", "--run", str(tmp_path)])

    with pytest.raises(SystemExit):
        tiny.main()

    assert "holds a run already" in capsys.readouterr().err
