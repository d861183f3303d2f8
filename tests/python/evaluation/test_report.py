"""The report: a row per figure, and every figure stands where the evaluation puts it."""

import pytest

from pixelllm.evaluation.report import FIGURES, VARIANTS, shown, table, value_at, with_table
from pixelllm.evaluation.scene_scores import Report
from pixelllm.evaluation.scenes import SceneScores


def test_every_figure_is_one_that_the_evaluation_gives() -> None:
    report = SceneScores().report()

    for figure in FIGURES:
        *path, last = figure.path
        parent = value_at(report, path)
        assert isinstance(parent, dict), figure
        assert last in parent, figure


def test_a_table_has_a_row_per_figure_and_a_column_per_variant() -> None:
    reports: dict[str, Report] = {name: {"caption": {"thing_f1": 0.5}} for name in VARIANTS}

    rows = [row.split(" | ") for row in table(reports).splitlines()]

    assert len(rows) == len(FIGURES) + 2
    assert {len(row) for row in rows} == {len(VARIANTS) + 2}
    assert rows[2][1] == "0.500"
    assert rows[2][2] == ">= 0.92"
    assert rows[3][1] == "-"


def test_what_was_not_measured_is_shown_as_a_dash() -> None:
    assert shown(None) == "-"
    assert shown(0.12345) == "0.123"
    assert value_at({"a": 1}, ("a", "b")) is None


def test_a_table_takes_the_place_of_the_one_before() -> None:
    page = "before\n<!-- metrics -->\n\n| old |\n\n<!-- /metrics -->\nafter\n"

    written = with_table(page, "| new |\n")

    assert written == "before\n<!-- metrics -->\n\n| new |\n\n<!-- /metrics -->\nafter\n"
    assert with_table(written, "| new |\n") == written


def test_a_page_without_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="no <!-- metrics -->"):
        with_table("nothing", "| new |\n")
