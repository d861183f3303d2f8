"""docs/evaluation.md: it has every task, profile and figure, and no other."""

import re
from pathlib import Path

import pytest

from pixelllm.evaluation.measures.catalogue import CATALOGUE, Texts, measure_of
from tests.python.evaluation.measures.samples import pets

PAGE = (Path(__file__).parents[3] / "docs/evaluation.md").read_text("utf-8")
COUNTS = {"phrases", "captions", "true_regions", "found_regions"}


def test_every_task_and_profile_is_in_the_table() -> None:
    rows = re.findall(r"^\| `(\w+)` \| [^|]+ \| [^|]+ \| (`[^|]+) \|$", PAGE, re.MULTILINE)

    assert {task: tuple(re.findall(r"`([^`]+)`", profiles)) for task, profiles in rows} == CATALOGUE


@pytest.mark.parametrize("task", CATALOGUE)
def test_every_figure_is_explained(task: str) -> None:
    texts = Texts(lambda candidates, references: {}, lambda caption, references: 0.0)
    measure = measure_of(task, None, lambda: texts)
    measure.add(0, pets(), [])

    names = {figure.name for figure in measure.scores().figures} - COUNTS

    assert not [
        name for name in names if f"`{name}`" not in PAGE and not name.startswith("detection_ap")
    ]
