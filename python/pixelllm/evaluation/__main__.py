"""Measures a model on a dataset: `python -m pixelllm.evaluation TASK --model M --data SPEC`.

What each task asks and what each figure means is said in docs/evaluation.md.
"""

import argparse
import logging
import signal
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from pixelllm.data.datasets import open_files, parse_spec
from pixelllm.data.errors import DatasetError
from pixelllm.evaluation.captions import Meteor, TablesMissingError, caption_scores
from pixelllm.evaluation.journal import Journal, JournalError
from pixelllm.evaluation.measures.catalogue import (
    CATALOGUE,
    Texts,
    UnknownMeasureError,
    measure_of,
    profile_of,
)
from pixelllm.evaluation.outcome import Outcome, summary, write_outcome
from pixelllm.evaluation.results import ResultsError, read_predictions
from pixelllm.evaluation.running import (
    Answers,
    GivenAnswers,
    NothingToMeasureError,
    evaluate,
    model_answers,
)
from pixelllm.model.checkpoint import CheckpointError, load_checkpoint

STOPPED = 130  # the exit status of a program that Ctrl-C ended

logger = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> int:
    """Reads the command line, measures, reports; returns the exit status."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        outcome = _run(options)
    except (
        CheckpointError,
        DatasetError,
        JournalError,
        NothingToMeasureError,
        ResultsError,
        UnknownMeasureError,
    ) as error:
        logger.error("%s", error)
        return 1
    except KeyboardInterrupt:
        logger.warning("stopped before anything was measured, or while the report was written")
        return STOPPED
    sys.stdout.write(summary(outcome))
    if options.out:
        logger.info("written to %s", options.out)
    if outcome.tally.partial:
        logger.warning("stopped: these are the figures of %d images", outcome.tally.images)
        return STOPPED
    return 0


def _run(options: argparse.Namespace) -> Outcome:
    started = time.monotonic()
    measure = measure_of(options.task, options.profile, _texts, masks=options.masks)
    if options.masks and options.task != "dense_caption":
        raise UnknownMeasureError("--masks is for dense_caption; segment always finds masks")
    settings = _settings(options)
    predictions = read_predictions(options.predictions) if options.predictions else None
    dataset = open_files(parse_spec(options.data), masks=options.task == "segment")
    answers: Answers
    if predictions is None:
        checkpoint = load_checkpoint(options.model, options.device)
        journal = Journal(options.out, settings) if options.out else None
        answers = model_answers(checkpoint, measure, journal)
    else:
        answers = GivenAnswers(predictions)
    count = min(options.limit or len(dataset), len(dataset))
    with tqdm(total=count, desc=options.task, unit="image", disable=None) as bar:
        tally = evaluate(
            dataset, measure, answers, count=count, batch=options.batch, progress=bar.update
        )
    if predictions is not None and not tally.records:
        raise ResultsError(f"{options.predictions} predicts nothing about images of {options.data}")
    tally.skipped += [(name, "there is no such file") for name in dataset.missing]
    whole = {**settings, **_circumstances(options), "dataset": dataset.name}
    scores = measure.scores() if measure.cases else None
    outcome = Outcome(whole, tally, scores, time.monotonic() - started)
    if options.out:
        write_outcome(options.out, outcome, dataset, measure.cases)
    return outcome


@cache
def _texts() -> Texts:
    """How texts are scored. METEOR's tables take a while to read."""
    try:
        meteor = Meteor()
    except TablesMissingError as error:
        logger.warning("%s. Until then METEOR is left out, and mAP, which needs it.", error)
        return Texts(caption_scores, None)
    return Texts(partial(caption_scores, meteor=meteor), meteor.score)


def _settings(options: argparse.Namespace) -> dict[str, Any]:
    """What answers depend on."""
    given = options.predictions is not None
    return {
        "task": options.task,
        "profile": profile_of(options.task, options.profile),
        "model": None if given else options.model,
        "predictions": str(options.predictions) if given else None,
        "data": options.data,
        "masks": options.masks,
        "decoding": None if given else "greedy",
    }


def _circumstances(options: argparse.Namespace) -> dict[str, Any]:
    return {
        "limit": options.limit,
        "device": None if options.predictions else options.device,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _parser() -> argparse.ArgumentParser:
    tasks = "; ".join(f"{task} ({', '.join(profiles)})" for task, profiles in CATALOGUE.items())
    parser = argparse.ArgumentParser(
        prog="python -m pixelllm.evaluation",
        description="Measure a model, or predictions in a file, on a dataset.",
        epilog=f"Tasks and their profiles, the default first: {tasks}.",
    )
    parser.add_argument("task", help="one of those below")
    parser.add_argument(
        "--data", required=True, help="FORMAT:PATH[,key=value...]; docs/datasets.md"
    )
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--model", default="tiny", help="a shipped preset or a checkpoint folder")
    source.add_argument("--predictions", type=Path, help="a file to score instead of a model")
    parser.add_argument("--profile", help="how figures are computed, where there are several ways")
    parser.add_argument("--limit", type=_positive, help="images; all by default")
    parser.add_argument("--out", type=Path, help="a folder for report, pictures and predictions")
    parser.add_argument(
        "--masks", action="store_true", help="dense_caption: keep a mask of each region too"
    )
    parser.add_argument("--batch", type=_positive, default=8, help="images encoded together")
    parser.add_argument("--device", default="cpu", help="where torch runs the model")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a scheduler's way to say Ctrl-C
    sys.exit(main())
