"""The figures of a model on scenes beside those aimed at: `python -m pixelllm.evaluation.report`.

Measures the model on unseen scenes, on colours and kinds never trained together, on square and on
long images, and on the smallest and largest inputs, and prints one Markdown table. The figures are
defined in `scene_scores`.
"""

import argparse
import json
import logging
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pixelllm.evaluation.metrics import Bin
from pixelllm.evaluation.reliability_plot import reliability_svg
from pixelllm.evaluation.scene_scores import Report
from pixelllm.evaluation.scenes import SceneOptions, evaluate_scenes, evaluation_scenes
from pixelllm.model.checkpoint import Checkpoint, CheckpointError, load_checkpoint

SEED: Final = 2026
BEGIN: Final = "<!-- metrics -->"
END: Final = "<!-- /metrics -->"
FEWER: Final = 0.4  # of the scenes, for each of the comparisons
VARIANTS: Final[Mapping[str, Mapping[str, object]]] = {
    "unseen scenes": {},
    "unseen pairs": {"held_out": True},
    "square": {"ratio": "square"},
    "2:1 and longer": {"ratio": "long"},
    "64 px": {"long_side": 64},
    "1024 px": {"long_side": 1024},
}


@dataclass(frozen=True)
class Figure:
    """One row: where its number stands in the report, and what is aimed at."""

    name: str
    path: tuple[str, ...]
    aim: str = ""


FIGURES: Final = (
    Figure("caption: F1 of (colour, kind) pairs", ("caption", "thing_f1"), ">= 0.92"),
    Figure(
        "place of a naming word, led: mean distance to its thing's centre, % of the diagonal",
        ("words", "error_percent"),
        "<= 2.5",
    ),
    Figure("`describe` a box: colour and kind exact", ("describe", "pair_exact"), ">= 0.95"),
    Figure("`describe` a box: size and texture too", ("describe", "all_exact")),
    Figure("`describe` a point: colour and kind exact", ("describe_point", "pair_exact")),
    Figure("`locate` P@0.5, several things", ("locate", "several_things", "p50"), ">= 0.92"),
    Figure("`locate` P@0.5, attributes", ("locate", "attribute", "p50")),
    Figure("`locate` P@0.5, order", ("locate", "order", "p50"), ">= 0.85"),
    Figure("`locate` P@0.5, relations", ("locate", "relation", "p50"), ">= 0.85"),
    Figure(
        "`locate` P@0.5 of another thing's true box, at random",
        ("locate", "several_things", "baseline_p50"),
    ),
    Figure("`segment` mean IoU, on predicted boxes", ("locate", "all", "mask_iou"), ">= 0.87"),
    Figure("`dense_caption` AP50, exact captions", ("dense_caption", "ap50_exact"), ">= 0.90"),
    Figure("`dense_caption` AP50, colour and kind", ("dense_caption", "ap50_pair")),
    Figure("`dense_caption` AP50, boxes alone", ("dense_caption", "ap50_box")),
    Figure("`dense_caption` mAP, exact matches", ("dense_caption", "map")),
    Figure("`locate` score: expected calibration error", ("locate", "score", "calibration_error")),
    Figure("`locate` score: AUROC of named against absent things", ("locate", "score", "auroc")),
)


def measure(checkpoint: Checkpoint, variant: str, count: int) -> Report:
    """The report of a variant."""
    own = count if variant in ("unseen scenes", "unseen pairs") else round(count * FEWER)
    options = SceneOptions(seed=SEED, count=own, **VARIANTS[variant])  # type: ignore[arg-type]
    return evaluate_scenes(checkpoint, evaluation_scenes(options), only_held_out=options.held_out)


def table(reports: Mapping[str, Report]) -> str:
    """A Markdown table: a row per figure, a column per variant and one for the aims."""
    names = list(reports)
    rows = [["", names[0], "aimed at", *names[1:]], ["---"] * (len(names) + 2)]
    for figure in FIGURES:
        values = [shown(value_at(reports[name], figure.path)) for name in names]
        rows.append([figure.name, values[0], figure.aim, *values[1:]])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def with_table(document: str, rows: str) -> str:
    """A Markdown document with the table between its markers.

    Raises:
        ValueError: it has no markers.
    """
    before, start, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not start or not end:
        raise ValueError(f"the document has no {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{rows}\n{END}{after}"


def value_at(report: Mapping[str, object], path: Sequence[str]) -> object:
    """What stands at a path of names; None where there is nothing."""
    value: object = report
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def shown(value: object) -> str:
    """A figure as it is printed."""
    return f"{value:.3f}" if isinstance(value, float) else "-"


def main(arguments: Sequence[str] | None = None) -> int:
    """Reads the command line, measures, prints the table; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m pixelllm.evaluation.report",
        description="Measure a model on scenes and print its figures as Markdown.",
    )
    parser.add_argument("--model", default="tiny", help="a shipped preset or a checkpoint folder")
    parser.add_argument("--count", type=int, default=500, help="scenes; fewer for comparisons")
    parser.add_argument(
        "--only", choices=VARIANTS, action="append", help="one variant; several times for several"
    )
    parser.add_argument("--json", type=Path, help="a file for all figures; what it has is kept")
    parser.add_argument("--svg", type=Path, help="a file for the plot of scores")
    parser.add_argument(
        "--write",
        type=Path,
        action="append",
        default=[],
        help=f"a Markdown file with {BEGIN} and {END}: the table goes between them",
    )
    parser.add_argument("--device", default="cpu", help="where torch runs the model")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        checkpoint = load_checkpoint(options.model, options.device)
    except CheckpointError as error:
        logging.getLogger(__name__).error("%s", error)
        return 1
    reports: dict[str, Report] = {}
    if options.json and options.json.is_file():
        reports = json.loads(options.json.read_text("utf-8"))
    for variant in options.only or VARIANTS:
        reports[variant] = measure(checkpoint, variant, options.count)
    reports = {name: reports[name] for name in VARIANTS if name in reports}
    if options.json:
        options.json.write_text(json.dumps(reports, indent=2) + "\n", "utf-8")
    if options.svg:
        options.svg.write_text(_plot(reports["unseen scenes"]), "utf-8")
    for page in options.write:
        page.write_text(with_table(page.read_text("utf-8"), table(reports)), "utf-8")
    sys.stdout.write(table(reports))
    return 0


def _plot(report: Report) -> str:
    bins = value_at(report, ("locate", "score", "reliability"))
    assert isinstance(bins, list)
    return reliability_svg([Bin(*one) for one in bins], "locate: score and right boxes")


if __name__ == "__main__":
    sys.exit(main())
