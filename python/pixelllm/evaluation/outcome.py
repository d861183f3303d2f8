"""What a run leaves behind: predictions, a report as JSON, and one with pictures as Markdown."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pixelllm.data.sample import Dataset
from pixelllm.evaluation.case_pictures import draw_case
from pixelllm.evaluation.measures.base import Case, Scores
from pixelllm.evaluation.running import Tally

PREDICTIONS: Final = "predictions.json"
REPORT: Final = "report.json"
PAGE: Final = "report.md"
PICTURES: Final = "pictures"
SHOWN: Final = 6  # best and worst cases each
NAMED: Final = 20  # skipped images and refused questions in the page; the JSON has all


@dataclass(frozen=True)
class Outcome:
    """A run and its figures. `settings`: what was measured with what, by name."""

    settings: Mapping[str, Any]
    tally: Tally
    scores: Scores | None  # None where a run was stopped before anything was scored
    seconds: float

    def report(self) -> dict[str, Any]:
        """Everything but the cases."""
        tally, scores = self.tally, self.scores
        return {
            **self.settings,
            "partial": tally.partial,
            "counts": {
                "images": tally.images,
                "without_questions": tally.without_questions,
                "questions": tally.questions,
                "unanswered": tally.unanswered,
                "skipped": len(tally.skipped),
            },
            "figures": {one.name: one.value for one in scores.figures} if scores else {},
            "details": dict(scores.details) if scores else {},
            "skipped": [{"image": name, "reason": reason} for name, reason in tally.skipped],
            "refused": [{"image": name, "reason": reason} for name, reason in tally.refused],
            "seconds": round(self.seconds, 1),
        }


def write_outcome(folder: Path, outcome: Outcome, dataset: Dataset, cases: Sequence[Case]) -> None:
    """Write everything into a folder, which is made where it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    _write_json(folder / PREDICTIONS, outcome.tally.records)
    _write_json(folder / REPORT, outcome.report())
    ranked = sorted(cases, key=lambda case: -case.worth)
    best = ranked[: (len(ranked) + 1) // 2][:SHOWN]
    worst = ranked[len(best) :][::-1][:SHOWN]
    sections = [_page(outcome)]
    for name, chosen in (("worst", worst), ("best", best)):
        if chosen:
            sections.append(f"## The {name} answers\n\n{_LEGEND}\n")
            sections += [
                _show(folder, f"{name}_{number}", dataset, case)
                for number, case in enumerate(chosen, start=1)
            ]
    (folder / PAGE).write_text("\n".join(sections), "utf-8")


_LEGEND = "Green: what is true. Orange: what the model says."


def summary(outcome: Outcome) -> str:
    """The figures as a Markdown table."""
    rows = ["| figure | value | what it is |\n|---|---|---|\n"]
    for one in outcome.scores.figures if outcome.scores else ():
        rows.append(f"| `{one.name}` | {_shown(one.value)} | {one.meaning} |\n")
    return "".join(rows)


def _page(outcome: Outcome) -> str:
    tally, settings = outcome.tally, outcome.settings
    given = "".join(f"| {name} | {_cell(value)} |\n" for name, value in settings.items())
    counts = outcome.report()["counts"]
    counted = ", ".join(f"{name.replace('_', ' ')}: {count}" for name, count in counts.items())
    parts = [
        f"# {settings['task']} on {settings['dataset']}\n",
        "**Partial: the run was stopped before its end.**\n" if tally.partial else "",
        summary(outcome),
        f"{counted}. {outcome.seconds:.0f} s.\n",
        f"| setting | value |\n|---|---|\n{given}",
        _named("Skipped images", tally.skipped),
        _named("Refused questions", tally.refused),
    ]
    return "\n".join(part for part in parts if part)


def _named(title: str, entries: Sequence[tuple[str, str]]) -> str:
    if not entries:
        return ""
    lines = "".join(f"- `{name}`: {_cell(reason)}\n" for name, reason in entries[:NAMED])
    more = f"- and {len(entries) - NAMED} more in `{REPORT}`\n" if len(entries) > NAMED else ""
    return f"## {title}\n\n{lines}{more}"


def _show(folder: Path, name: str, dataset: Dataset, case: Case) -> str:
    path = folder / PICTURES / f"{name}.png"
    path.parent.mkdir(exist_ok=True)
    draw_case(dataset[case.index].image, case).save(path, format="PNG")
    lines = "".join(f"- {_cell(line)}\n" for line in case.lines)
    title = _cell(case.title)
    return f"![{title}]({PICTURES}/{path.name})\n\n**{title}** (`{case.image}`)\n\n{lines}"


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=1) + "\n", "utf-8")


def _shown(value: float | None) -> str:
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else f"{value:.4f}"


def _cell(value: object) -> str:
    """A text that is safe within a table or a line of Markdown."""
    return re.sub(r"([\\`*_|\[\]<])", r"\\\1", " ".join(str(value).split()))
