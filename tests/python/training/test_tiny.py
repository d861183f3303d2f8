"""Training the tiny model: it learns, resumes exactly, shares its work, and tells what is wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from pixelllm.model.checkpoint import load_checkpoint
from pixelllm.model.config import tiny as tiny_config
from pixelllm.training import scene_tokenizer, tiny
from pixelllm.training.scene_batch import BatchBuilder, SceneBatches
from pixelllm.training.team import Team
from tests.python.tokenizers import tiny_tokenizer

CONFIG = tiny_config()
CPU = torch.device("cpu")
SHORT = tiny.Options(
    perception_steps=2,
    language_steps=1,
    alignment_steps=1,
    joint_steps=1,
    batch_size=1,
    warm_up=2,
)
ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True, scope="module")
def _quick() -> Iterator[None]:
    """A tokenizer of few scenes, and sums that do not depend on the number of cores."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scene_tokenizer, "CORPUS_SCENES", 40)
        yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a short run that was not interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    tiny.train(SHORT, folder, resume=False, device=CPU)
    return folder


def kept(folder: Path) -> dict[str, Tensor]:
    """Weights and optimiser of a run."""
    return load_file(folder / "checkpoint" / "training.safetensors")


def different(one: dict[str, Tensor], other: dict[str, Tensor]) -> list[str]:
    """The names under which two states differ."""
    names = one.keys() | other.keys()
    both = one.keys() & other.keys()
    return sorted(n for n in names if n not in both or not torch.equal(one[n], other[n]))


def test_a_resumed_run_ends_with_the_same_weights(whole_run: Path, tmp_path: Path) -> None:
    tiny.train(SHORT, tmp_path, resume=False, device=CPU, until=1)
    tiny.train(SHORT, tmp_path, resume=True, device=CPU, until=3)  # from one stage into the next
    tiny.train(SHORT, tmp_path, resume=True, device=CPU)

    assert different(kept(whole_run), kept(tmp_path)) == []


def test_another_seed_ends_with_other_weights(whole_run: Path, tmp_path: Path) -> None:
    options = tiny.Options(**{**asdict(SHORT), "seed": 1})
    tiny.train(options, tmp_path, resume=False, device=CPU, until=1)

    assert different(kept(whole_run), kept(tmp_path))


def test_a_finished_run_is_a_model_that_loads(whole_run: Path) -> None:
    checkpoint = load_checkpoint(str(whole_run / "model"))

    assert len(checkpoint.tokenizer.encode("a red car")) == 3
    own = {f"model.{name}": value for name, value in checkpoint.model.state_dict().items()}
    halved = {n: x.half().float() for n, x in kept(whole_run).items() if n.startswith("model.")}
    assert different(own, halved) == []


def test_a_run_says_how_far_it_is_and_what_decided_it(whole_run: Path) -> None:
    state = json.loads((whole_run / "checkpoint" / "state.json").read_text("utf-8"))

    assert state == {"step": SHORT.steps, "options": asdict(SHORT)}


def test_weights_and_step_are_kept_together(tmp_path: Path) -> None:
    """A process that is killed between two files leaves what goes on from the newer weights."""
    trainer = tiny.Trainer(SHORT, Team(CPU))
    trainer.save(tmp_path, b"tokenizer")
    path = tmp_path / "checkpoint" / "state.json"
    stale = path.read_text("utf-8")
    trainer.step = 3
    trainer.save(tmp_path, b"tokenizer")
    path.write_text(stale, "utf-8")

    resumed = tiny.Trainer(SHORT, Team(CPU))
    resumed.resume(tmp_path)

    assert resumed.step == 3


def test_a_model_to_start_from_gives_its_weights_and_its_tokenizer(whole_run: Path) -> None:
    trainer = tiny.Trainer(SHORT, Team(CPU))
    probes = {name: value.clone() for name, value in trainer.probes.state_dict().items()}

    tokenizer = trainer.start_from(str(whole_run / "model"))

    assert tokenizer == (whole_run / "model" / "tokenizer.model").read_bytes()
    assert trainer.step == 0
    assert different(dict(trainer.probes.state_dict()), probes) == []
    served = load_checkpoint(str(whole_run / "model")).model
    assert different(dict(trainer.model.state_dict()), dict(served.state_dict())) == []


def test_what_is_drawn_in_a_step_depends_on_its_number_alone() -> None:
    batch = BatchBuilder(CONFIG, tiny_tokenizer()).build(0, [0])
    losses = []
    for disturbance in (1, 2):
        trainer = tiny.Trainer(SHORT, Team(CPU))
        torch.manual_seed(disturbance)
        trainer.step = SHORT.perception_steps
        losses.append(trainer.train_step(batch)["total"].item())

    assert losses[0] == losses[1]


def test_a_few_scenes_are_soon_seen() -> None:
    """Two scenes, shown again and again: perception must fall well below chance."""
    first, last = _learn(tiny.Options(perception_steps=100, warm_up=10), scenes=2, steps=16)

    assert last["total"] < 0.6 * first["total"]
    assert last["cell_kind"] < 0.6 * first["cell_kind"]


def test_a_caption_is_soon_written() -> None:
    """One scene, shown again and again: its caption is soon known by heart."""
    first, last = _learn(tiny.Options(0, 0, 0, joint_steps=100, warm_up=10), scenes=1, steps=17)

    assert last["caption_text"] < 0.6 * first["caption_text"]
    assert last["region_text"] < 0.6 * first["region_text"]


def _learn(
    options: tiny.Options, scenes: int, steps: int
) -> tuple[dict[str, float], dict[str, float]]:
    """What the first and the last of some steps on one batch report."""
    trainer = tiny.Trainer(options, Team(CPU))
    batch = BatchBuilder(trainer.model.config, tiny_tokenizer()).build(0, range(scenes))
    reports = [trainer.train_step(batch) for _ in range(steps)]
    first, last = ({n: x.item() for n, x in reports[i].items()} for i in (0, -1))
    return first, last


def test_stages_follow_each_other() -> None:
    options = tiny.Options(300, 400, 200, 100)

    assert options.steps == 1000
    assert [options.stage_of(step) for step in (0, 299, 300, 699, 700, 899, 900, 999)] == [
        *("perception", "perception", "language", "language"),
        *("alignment", "alignment", "joint", "joint"),
    ]
    assert list(tiny.Options(0, 0, 0, 5).stages["joint"]) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("start", [300, 900])
def test_where_texts_are_written_the_rate_warms_up_and_falls(start: int) -> None:
    options = tiny.Options(300, 400, 200, 100, warm_up=10)
    steps = options.stages[options.stage_of(start)]
    rates = [tiny.learning_rate(step, options) for step in steps]

    assert rates[0] == pytest.approx(1e-4)
    assert max(rates) > 9e-4
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] < 3e-5


@pytest.mark.parametrize("start", [0, 700])
def test_where_the_model_learns_to_see_the_rate_stays(start: int) -> None:
    options = tiny.Options(300, 400, 200, 100, warm_up=10)
    steps = options.stages[options.stage_of(start)]
    rates = [tiny.learning_rate(step, options) for step in steps]

    assert rates[0] == pytest.approx(1e-4)
    assert set(rates[9:]) == {1e-3}


@dataclass(frozen=True)
class Recorder(Team):
    """One of a team that keeps its gradients and stops before it uses them."""

    gradients: list[Tensor] = field(default_factory=list)

    def add_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        self.gradients.extend(p.grad.clone() for p in parameters if p.grad is not None)
        raise InterruptedError


@dataclass(frozen=True)
class Informed(Team):
    """One of a team whose summed gradients are known."""

    gradients: tuple[Tensor, ...] = ()

    def add_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        own = [p.grad for p in parameters if p.grad is not None]
        for gradient, whole in zip(own, self.gradients, strict=True):
            gradient.copy_(whole)


def test_two_processes_train_as_one_that_adds_their_gradients(
    whole_run: Path, tmp_path: Path
) -> None:
    options = tiny.Options(**{**asdict(SHORT), "language_steps": 0, "alignment_steps": 0})
    start = str(whole_run / "model")
    _train_in_two_processes(options, tmp_path, start)

    trainer = tiny.Trainer(options, Team(CPU))
    tokenizer = trainer.start_from(start)
    for pair in zip(*(_batches(options, tokenizer, rank) for rank in range(2)), strict=True):
        recorders = [Recorder(CPU, rank, 2) for rank in range(2)]
        for recorder, batch in zip(recorders, pair, strict=True):
            trainer.team = recorder
            with pytest.raises(InterruptedError):
                trainer.train_step(batch)
        sums = [a + b for a, b in zip(*(r.gradients for r in recorders), strict=True)]
        trainer.team = Informed(CPU, 0, 2, tuple(sums))
        trainer.train_step(pair[0])

    expected = {name: x.detach() for name, x in trainer.everything.state_dict().items()}
    found = {n: x for n, x in kept(tmp_path).items() if not n.startswith("optimiser/")}
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=0, atol=1e-5)


def _train_in_two_processes(options: tiny.Options, folder: Path, start: str) -> None:
    """As `torchrun` does it."""
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in asdict(options).items()]
    flags += [f"--start-from={start}"]
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m"]
    subprocess.run(
        [sys.executable, *launch, "pixelllm.training.tiny", str(folder), *flags],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT / "python")},
        check=True,
        timeout=240,
        capture_output=True,
    )


def _batches(options: tiny.Options, tokenizer: bytes, rank: int) -> SceneBatches:
    return SceneBatches(
        CONFIG,
        tokenizer,
        seed=options.seed,
        batch_size=options.batch_size,
        first_step=0,
        steps=options.steps,
        rank=rank,
        ranks=2,
    )


def test_a_report_is_the_mean_since_the_last_one(tmp_path: Path) -> None:
    report = tiny.Report(tmp_path / "new" / "metrics.jsonl")

    for value in (1.0, 3.0):
        report.add({"total": torch.tensor(value, requires_grad=True)})
    report.write(2, SHORT)
    report.add({"total": torch.tensor(7.0)})
    report.write(3, SHORT)

    lines = [json.loads(line) for line in report.path.read_text("utf-8").splitlines()]
    assert [(line["step"], line["total"]) for line in lines] == [(2, 2.0), (3, 7.0)]
    assert all(line["lr"] > 0 and line["step_s"] >= 0 for line in lines)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["--resume"], "no checkpoint to resume"), (["--batch-size", "few"], "invalid int value")],
)
def test_wrong_arguments_are_explained(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["tiny", str(tmp_path), *arguments])

    with pytest.raises(SystemExit):
        tiny.main()

    assert message in capsys.readouterr().err


def test_a_run_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "checkpoint").mkdir()
    monkeypatch.setattr(sys, "argv", ["tiny", str(tmp_path)])

    with pytest.raises(SystemExit):
        tiny.main()

    assert "holds a run already" in capsys.readouterr().err
