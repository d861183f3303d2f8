"""What a run leaves behind."""

import json
from pathlib import Path

from PIL import Image

from pixelllm.evaluation.measures.base import Case, Figure, Scores
from pixelllm.evaluation.outcome import SHOWN, Outcome, summary, write_outcome
from pixelllm.evaluation.running import Tally
from tests.python.evaluation.scene_data import SceneData

SCORES = Scores(
    (Figure("p50", 0.5, "a share"), Figure("none", None, "of nothing"), Figure("phrases", 3, "n")),
    {"profile": "scenic"},
)
SETTINGS = {"task": "locate", "dataset": "scenes", "model": "tiny"}


def outcome(tally: Tally | None = None, scores: Scores | None = SCORES) -> Outcome:
    return Outcome(SETTINGS, tally or Tally(images=2, questions=3), scores, 1.26)


def cases(count: int) -> list[Case]:
    return [Case(0, "scenes/1", i / 10, f"phrase {i}", (f"IoU {i / 10}",)) for i in range(count)]


def test_the_report_says_what_was_measured_with_what(tmp_path: Path) -> None:
    tally = Tally(images=2, questions=3, records=[{"image_id": 1}], skipped=[("a.png", "gone")])

    write_outcome(tmp_path, outcome(tally), SceneData(1), [])

    report = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert report["model"] == "tiny"
    assert report["partial"] is False
    assert report["figures"] == {"p50": 0.5, "none": None, "phrases": 3}
    assert report["details"] == {"profile": "scenic"}
    assert report["counts"]["skipped"] == 1
    assert report["skipped"] == [{"image": "a.png", "reason": "gone"}]
    assert report["seconds"] == 1.3
    assert json.loads((tmp_path / "predictions.json").read_text("utf-8")) == [{"image_id": 1}]
    assert "- `a.png`: gone" in (tmp_path / "report.md").read_text("utf-8")


def test_a_table_has_a_row_for_each_figure() -> None:
    rows = summary(outcome()).splitlines()

    assert rows[2:] == [
        "| `p50` | 0.5000 | a share |",
        "| `none` | - | of nothing |",
        "| `phrases` | 3 | n |",
    ]


def test_a_run_that_was_stopped_says_so(tmp_path: Path) -> None:
    write_outcome(tmp_path, outcome(Tally(partial=True), scores=None), SceneData(1), [])

    assert json.loads((tmp_path / "report.json").read_text("utf-8"))["partial"] is True
    assert "**Partial" in (tmp_path / "report.md").read_text("utf-8")


def test_the_best_and_the_worst_are_shown(tmp_path: Path) -> None:
    write_outcome(tmp_path, outcome(), SceneData(1), cases(40))

    page = (tmp_path / "report.md").read_text("utf-8")
    worst, best = page.index("## The worst"), page.index("## The best")
    assert page.index("**phrase 0**") < page.index("**phrase 5**") < best
    assert best < page.index("**phrase 39**") < page.index("**phrase 34**")
    assert worst < best
    pictures = sorted((tmp_path / "pictures").iterdir())
    assert len(pictures) == 2 * SHOWN
    with Image.open(pictures[0]) as picture:
        assert picture.format == "PNG"
    assert all(f"](pictures/{picture.name})" in page for picture in pictures)


def test_no_answer_is_shown_twice(tmp_path: Path) -> None:
    write_outcome(tmp_path, outcome(), SceneData(1), cases(3))

    page = (tmp_path / "report.md").read_text("utf-8")
    assert [page.count(f"**phrase {i}**") for i in range(3)] == [1, 1, 1]


def test_a_phrase_cannot_break_the_page(tmp_path: Path) -> None:
    case = Case(0, "scenes/1", 0.0, "a [link](x)\n# and | more", ())

    write_outcome(tmp_path, outcome(), SceneData(1), [case])

    page = (tmp_path / "report.md").read_text("utf-8")
    assert "**a \\[link\\](x) # and \\| more**" in page
