"""The table of the goldens: complete, within the tolerances, and held to what a run compares."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.python.golden_table import (
    CONTENTS,
    DOCUMENT,
    complaints,
    insert,
    render,
    stated,
    uncompared,
    values_of,
)
from tests.python.goldens import COMMITTED, FOLDER, MODULE, Comparison, tolerance

ROOT = Path(__file__).parents[2]
FILE = "visual_project_linear"  # a golden of a single value


def run_of(error: float, file: str = FILE) -> list[Comparison]:
    """What a run compares that has all values of one file."""
    return [Comparison(file, key, False, error) for key in values_of(file)]


@pytest.fixture
def document() -> str:
    """A page whose table says 1e-6 of every file."""
    everything = [run for file in CONTENTS for run in run_of(1e-6, file)]
    return insert("<!-- goldens --><!-- /goldens -->", render(everything))


def test_every_golden_has_a_row() -> None:
    files = {path.stem for path in FOLDER.glob("*.npz") if any(values_of(path.stem))}

    assert files == set(CONTENTS)
    assert set(stated(DOCUMENT.read_text("utf-8"))) == set(CONTENTS)


def test_no_row_is_over_its_tolerance() -> None:
    for file, (error, limit) in stated(DOCUMENT.read_text("utf-8")).items():
        if error is None:
            assert limit == "exact", file
        else:
            assert error <= float(limit) == tolerance(file), file


@pytest.mark.skipif(FOLDER != COMMITTED, reason="the table is about the goldens of the repository")
@pytest.mark.parametrize(("error", "right"), [(1e-6, True), (8e-6, True), (2e-5, False)])
def test_error_of_another_order_than_the_table_says_is_told(
    error: float, right: bool, document: str
) -> None:
    found = complaints(document, run_of(error), whole=False)

    assert found == ([] if right else [f"{FILE}: the table says 1e-6, this run 2e-5"])


@pytest.mark.skipif(FOLDER != COMMITTED, reason="the table is about the goldens of the repository")
def test_table_that_says_more_than_a_run_finds_is_told(document: str) -> None:
    overstated = document.replace(
        f"`{FILE}` | the visual projection | 1e-6", f"`{FILE}` | x | 2e-5"
    )

    assert complaints(overstated, run_of(1e-6), whole=False)
    assert complaints(document, run_of(0.0), whole=False) == []  # the last bits may be right


def test_value_that_no_test_compares_is_named() -> None:
    comparisons = run_of(0.0)

    assert uncompared(FILE, comparisons) == []
    assert uncompared(FILE, comparisons[1:]) == ["out/y"]


def test_file_of_which_a_run_has_a_part_is_judged_in_a_whole_run_only(document: str) -> None:
    part = run_of(1.0)[1:]

    assert complaints(document, part, whole=False) == []
    assert f"{FILE}: no test compares out/y" in complaints(document, part, whole=True)


def test_document_keeps_what_is_around_its_table(document: str) -> None:
    page = f"before\n{document}\nafter"

    again = insert(page, "new\n")

    assert again == "before\n<!-- goldens -->\n\nnew\n\n<!-- /goldens -->\nafter"


@pytest.mark.skipif(FOLDER != COMMITTED, reason="the table is about the goldens of the repository")
@pytest.mark.parametrize("processes", [[], ["-n", "2"]])
def test_run_that_the_table_does_not_bear_out_fails(processes: list[str], tmp_path: Path) -> None:
    """A small run, in one process and in several, against the table and against a wrong one."""
    text = DOCUMENT.read_text("utf-8")
    row = next(line for line in text.splitlines() if line.startswith(f"| `{FILE}`"))
    wrong = tmp_path / "wrong.md"
    wrong.write_text(text.replace(row, f"| `{FILE}` | x | 9e-1 | {MODULE} |"), "utf-8")

    def run(document: Path) -> subprocess.CompletedProcess[str]:
        test = "tests/python/model/test_prompts.py::test_golden_visual_project_linear"
        options = ["-c", "python/pyproject.toml", "-p", "no:cacheprovider"]
        command = [sys.executable, "-m", "pytest", test, *options, *processes]
        return subprocess.run(
            [*command, "--golden-table", str(document)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    right = run(DOCUMENT)
    failed = run(wrong)

    assert right.returncode == 0, right.stdout
    assert failed.returncode == 1
    assert f"{FILE}: the table says 9e-1" in failed.stdout
