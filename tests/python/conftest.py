"""Holds the table of the goldens in docs/model.md to every run, and writes it when asked; and small
real models on disk.

Tests may run in several processes: each hands what it compared to the one that started it.
"""

from __future__ import annotations

from dataclasses import astuple
from pathlib import Path
from typing import Any, Final

import pytest

from pixelllm.model.checkpoint import Checkpoint, load_checkpoint
from tests.python import golden_table
from tests.python.checkpoints import plain, whole, write_checkpoint
from tests.python.goldens import COMMITTED, COMPARISONS, FOLDER, Comparison

HERE: Final = Path(__file__).parent
WRITE: Final = "--write-golden-table"
DOCUMENT: Final = "--golden-table"
REPORT: Final = pytest.StashKey[str]()
WITH_GOLDENS: Final = ("model", "training")  # folders of tests that compare goldens
OUTPUT: Final = "goldens"  # under this name a worker hands over what it compared


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the table be asked for."""
    parser.addoption(
        WRITE,
        action="store_true",
        help="write the largest error of every golden to docs/model.md; "
        "of other goldens (PIXELLLM_GOLDENS), print it",
    )
    parser.addoption(
        DOCUMENT,
        type=Path,
        default=golden_table.DOCUMENT,
        help="the page that has the table (default: docs/model.md)",
    )


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take what a process of pytest-xdist compared."""
    rows = getattr(node, "workeroutput", {}).get(OUTPUT, ())  # one that crashed hands over nothing
    COMPARISONS.extend(Comparison(*row) for row in rows)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Judge the table by a run in which all tests passed, or write it."""
    config = session.config
    if hasattr(config, "workeroutput"):
        config.workeroutput[OUTPUT] = [astuple(comparison) for comparison in COMPARISONS]
        return
    if session.exitstatus != pytest.ExitCode.OK or config.option.collectonly:
        return
    page: Path = config.getoption(DOCUMENT)
    document = page.read_text("utf-8")
    asked = config.getoption(WRITE)
    if asked:
        document = golden_table.insert(document, golden_table.render(COMPARISONS))
    found = golden_table.complaints(document, COMPARISONS, whole=asked or has_all_tests(config))
    if found:
        config.stash[REPORT] = "\n".join(found)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    elif asked and FOLDER == COMMITTED:
        page.write_text(document, "utf-8")
        config.stash[REPORT] = f"written to {page}"
    elif asked:
        config.stash[REPORT] = f"of {FOLDER}\n\n{golden_table.render(COMPARISONS)}"


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say what was found or written."""
    report = config.stash.get(REPORT, None)
    if report is not None:
        terminalreporter.section("table of the goldens")
        terminalreporter.line(report)


def has_all_tests(config: pytest.Config) -> bool:
    """Whether the run chose no tests out of those that compare goldens."""
    chosen = (config.option.keyword, config.option.markexpr, config.getoption("deselect"))
    paths = [Path(argument).resolve() for argument in config.args]
    folders = (HERE / name for name in WITH_GOLDENS)
    return not any(chosen) and all(
        any(folder.is_relative_to(path) for path in paths) for folder in folders
    )


@pytest.fixture(scope="session")
def checkpoint_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that captions, describes and locates, and has no other parts."""
    folder = tmp_path_factory.mktemp("checkpoints") / "seeded"
    write_checkpoint(folder, plain())
    return folder


@pytest.fixture(scope="session")
def checkpoint(checkpoint_folder: Path) -> Checkpoint:
    """The model of `checkpoint_folder`."""
    return load_checkpoint(str(checkpoint_folder))


@pytest.fixture(scope="session")
def whole_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with a mask decoder and a detector too."""
    folder = tmp_path_factory.mktemp("checkpoints") / "whole"
    write_checkpoint(folder, whole())
    return folder


@pytest.fixture(scope="session")
def whole_checkpoint(whole_folder: Path) -> Checkpoint:
    """The model of `whole_folder`."""
    return load_checkpoint(str(whole_folder))
