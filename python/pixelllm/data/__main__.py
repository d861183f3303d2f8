"""The command line: `python -m pixelllm.data check`, `write-scenes` and `write-plain`."""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from pixelllm.data.check import check_dataset
from pixelllm.data.check_report import write_report
from pixelllm.data.datasets import FORMATS, Spec, parse_spec
from pixelllm.data.errors import DatasetError
from pixelllm.data.scenes import EVALUATION_STREAM, TRAINING_STREAM
from pixelllm.data.write_plain import write_plain
from pixelllm.data.write_scenes import write_scenes
from pixelllm.parent import end_with_parent

MIN_IMAGE_SIDE = 32  # the shorter side is a third of it, and smaller things have no pixels
MAX_IMAGE_SIDE = 2048

logger = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> int:
    """Reads the command line and does what it says; returns the exit status."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        status: int = options.run(options)
    except DatasetError as error:
        logger.error("%s", error)
        return 1
    return status


def _check(options: argparse.Namespace) -> int:
    if options.json:
        return _report(options)
    found = check_dataset(_read_target(options.dataset), logger.info)
    logger.info("%s", found)
    return 1 if found.problems else 0


def _report(options: argparse.Namespace) -> int:
    """As the gateway runs it."""
    if options.parent is not None:
        end_with_parent(options.parent)
    folder = Path(options.dataset).expanduser()
    if not folder.is_dir():
        raise DatasetError(f"{folder} is no folder; --json takes a folder of our own layout")
    return 1 if write_report(folder, sys.stdout, options.max_memory).problems else 0


def _read_target(target: str) -> Spec:
    """A folder of our own layout, or a spec."""
    if Path(target).expanduser().is_dir():
        return Spec("own", Path(target).expanduser(), {})
    if ":" not in target:
        raise DatasetError(
            f"{target} is no folder; name a folder with images and data.jsonl, or a dataset as "
            f"FORMAT:PATH[,key=value...], of the formats {', '.join(FORMATS)}"
        )
    return parse_spec(target)


def _write_scenes(options: argparse.Namespace) -> int:
    write_scenes(
        options.folder,
        train=options.train,
        val=options.val,
        seed=options.seed,
        image_side=options.image_side,
        image_format=options.image_format,
        tell=logger.info,
    )
    logger.info("wrote %s; docs/datasets.md says how to name its parts", options.folder)
    return 0


def _write_plain(options: argparse.Namespace) -> int:
    write_plain(
        options.folder,
        scenes=options.scenes,
        seed=options.seed,
        stream=EVALUATION_STREAM if options.val else TRAINING_STREAM,
        new_things=options.new_things,
        image_side=options.image_side,
        tell=logger.info,
    )
    logger.info("wrote %s", options.folder)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m pixelllm.data", description="Datasets.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    check = commands.add_parser(
        "check",
        help="read a whole dataset and tell what is wrong with it",
        description="Read every image and every annotation, name everything that is wrong, and "
        "count what there is. The exit status is 1 if anything is wrong.",
    )
    check.add_argument(
        "dataset",
        metavar="DATASET",
        help="a folder of our own layout, or FORMAT:PATH[,key=value...]",
    )
    check.add_argument(
        "--json",
        action="store_true",
        help="of a folder of our own layout: write faults, samples and counts as JSON lines",
    )
    check.add_argument(
        "--max-memory", type=_count, metavar="BYTES", help="with --json: what it may take"
    )
    check.add_argument(
        "--parent", type=_count, metavar="PID", help="with --json: end with this process"
    )
    check.set_defaults(run=_check)

    scenes = commands.add_parser(
        "write-scenes",
        help="write synthetic scenes in the formats of the real datasets",
        description="Draw scenes and write them as Localized Narratives, COCO captions, RefCOCO, "
        "Visual Genome and GRiT, with their images.",
    )
    scenes.add_argument("folder", metavar="DIR", type=Path, help="a new or empty folder")
    scenes.add_argument("--train", required=True, type=_count, metavar="N", help="scenes to train")
    scenes.add_argument("--val", required=True, type=_count, metavar="M", help="scenes to validate")
    scenes.add_argument("--seed", type=_count, default=0, metavar="S", help="of the scenes (0)")
    scenes.add_argument(
        "--image-side", type=_side, default=128, metavar="PIXELS", help="the longer side (128)"
    )
    scenes.add_argument("--image-format", choices=("png", "jpg"), default="png", help="(png)")
    scenes.set_defaults(run=_write_scenes)

    plain = commands.add_parser(
        "write-plain",
        help="write synthetic scenes in our own layout",
        description="Draw scenes and write them as a folder of our own layout, with captions and "
        "their words' places, phrases with masks, and regions.",
    )
    plain.add_argument("folder", metavar="DIR", type=Path, help="a new or empty folder")
    plain.add_argument("--scenes", required=True, type=_count, metavar="N", help="how many")
    plain.add_argument("--seed", type=_count, default=0, metavar="S", help="of the scenes (0)")
    plain.add_argument("--val", action="store_true", help="of those for validation")
    plain.add_argument(
        "--new-things", action="store_true", help="things that tiny was never shown, too"
    )
    plain.add_argument(
        "--image-side", type=_side, default=128, metavar="PIXELS", help="the longer side (128)"
    )
    plain.set_defaults(run=_write_plain)
    return parser


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 0 on")
    return int(text)


def _side(text: str) -> int:
    if not text.isdecimal() or not MIN_IMAGE_SIDE <= int(text) <= MAX_IMAGE_SIDE:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no whole number from {MIN_IMAGE_SIDE} to {MAX_IMAGE_SIDE}"
        )
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
