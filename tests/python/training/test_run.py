"""A run goes on wherever it was stopped, and its numbers are those of one that was not."""

from __future__ import annotations

import itertools
import logging
import random
import signal
from pathlib import Path

import pytest
from safetensors.torch import load_file

from pixelllm.training.__main__ import main
from tests.python.training.commands import PLAIN, Material, curve, start
from tests.python.training.test_command import FORMATS

STEPS = 8
SETTINGS = {
    "steps": str(STEPS),
    "schedule.save_every": "2",
    "schedule.validate_every": "3",
    "schedule.report_every": "1",
    "schedule.keep": "2",
    "noise.drop_path": "0.3",
}
RECIPE = "joint"  # chance in the order, the crops, the dropout, the paths and the samples


@pytest.fixture(scope="module")
def whole(material: Material, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was not interrupted."""
    run = tmp_path_factory.mktemp("whole") / "run"
    process = start(material.command(RECIPE, run, FORMATS[RECIPE], SETTINGS))
    _, said = process.communicate(timeout=600)
    assert process.returncode == 0, said
    return run


def check_same(run: Path, whole: Path) -> None:
    """The same curve and the same models, to the last bit."""
    assert curve(run) == curve(whole)
    for name in ("model", "best"):
        file = Path(name) / "model.safetensors"
        found, expected = load_file(run / file), load_file(whole / file)
        assert found.keys() == expected.keys()
        assert [n for n in expected if not found[n].equal(expected[n])] == []


def interrupted(arguments: list[str], lines: int, number: signal.Signals) -> tuple[int, str]:
    """A process that gets a signal after so many lines; its exit status and what it said after."""
    process = start(arguments)
    assert process.stderr
    said = list(itertools.islice(process.stderr, lines))
    process.send_signal(number)
    said += process.stderr
    return process.wait(timeout=600), "".join(said)


def test_a_run_that_is_killed_again_and_again_ends_the_same(
    whole: Path, material: Material, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    chance = random.Random(3)
    arguments = material.command(RECIPE, run, FORMATS[RECIPE], SETTINGS)

    for _ in range(3):  # a line for each step, each validation and each checkpoint
        status, said = interrupted(arguments, chance.randint(3, 7), signal.SIGKILL)
        assert status == -signal.SIGKILL, said
        if any((run / "checkpoints").glob("step-*")):
            arguments = [RECIPE, str(run), "--resume", *PLAIN]
        else:
            run = tmp_path / f"run{chance.random()}"
            arguments = material.command(RECIPE, run, FORMATS[RECIPE], SETTINGS)
    process = start(arguments)
    _, said = process.communicate(timeout=600)

    assert process.returncode == 0, said
    check_same(run, whole)


def test_a_run_that_is_asked_to_end_saves_and_goes_on(
    whole: Path, material: Material, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    command = material.command(RECIPE, run, FORMATS[RECIPE], SETTINGS)

    status, said = interrupted(command, 1, signal.SIGTERM)
    assert status == 0, said
    (kept,) = (run / "checkpoints").iterdir()
    done = len([line for line in curve(run) if "total" in line])
    assert kept.name == f"step-{done:08d}"
    assert done < STEPS
    assert not (run / "model").exists()

    assert main([RECIPE, str(run), "--resume", *PLAIN]) == 0
    check_same(run, whole)


def test_a_finished_run_that_goes_on_is_finished(whole: Path) -> None:
    before = curve(whole)

    assert main([RECIPE, str(whole), "--resume", *PLAIN]) == 0

    assert curve(whole) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["ref"], "is a run of joint, not ref"),
        (["joint", "--model=tiny"], "name only the run"),
        (["joint", "--set=steps=9"], "may change machine. and schedule.* alone"),
    ],
)
def test_a_run_goes_on_only_as_it_began(
    arguments: list[str], message: str, whole: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recipe, *others = arguments

    with caplog.at_level(logging.ERROR):
        assert main([recipe, str(whole), "--resume", *others, *PLAIN]) == 1

    assert message in caplog.text
