"""The command line: `python -m pixelllm.weights assemble` and `convert`."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import torch

from pixelllm.model.checkpoint import CheckpointError, load_config
from pixelllm.model.config import (
    DetectorConfig,
    MaskDecoderConfig,
    PixelLLMConfig,
    pixelllm_t5_xl,
)
from pixelllm.weights.assemble import Parts, assemble
from pixelllm.weights.convert import convert
from pixelllm.weights.sources import find_folder

DTYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16, "float32": torch.float32}
PLACE = "a folder, a .safetensors file, or a name on the Hugging Face hub"
FILE: Final[dict[str, Any]] = {"type": Path, "metavar": "PATH"}

logger = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> int:
    """Reads the command line and writes a checkpoint; returns the exit status."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        options.run(options)
    except CheckpointError as error:
        logger.error("%s", error)
        return 1
    logger.info("wrote %s: PIXELLLM_MODEL=%s npm start serves it", options.out, options.out)
    return 0


def _assemble(options: argparse.Namespace) -> None:
    config = _config(options)
    if options.segments:
        config = replace(config, masks=config.masks or MaskDecoderConfig())
    if options.detects:
        config = replace(config, detector=config.detector or DetectorConfig())
    parts = Parts(
        sam=find_folder(options.sam),
        eva=find_folder(options.eva),
        t5=find_folder(options.t5),
        tokenizer=options.tokenizer,
    )
    assemble(parts, config, options.out, dtype=DTYPES[options.dtype], seed=options.seed)


def _convert(options: argparse.Namespace) -> None:
    convert(
        find_folder(options.checkpoint),
        options.tokenizer,
        _config(options),
        options.out,
        dtype=DTYPES[options.dtype],
    )


def _config(options: argparse.Namespace) -> PixelLLMConfig:
    return pixelllm_t5_xl() if options.config is None else load_config(options.config)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m pixelllm.weights",
        description="Make a checkpoint that the server can serve from weights in other layouts. "
        "Memory holds one tensor at a time.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    base = commands.add_parser(
        "assemble",
        help="from published weights; what joins them is initialised, to be trained",
        description="Join published weights of Segment Anything, EVA02 and Flan-T5 into one "
        "checkpoint. PixelLLM's own parts are initialised as the authors' code does it: the "
        "checkpoint is where training starts, and its answers mean nothing yet.",
    )
    base.add_argument("--sam", required=True, metavar="PLACE", help=f"ViT-H: {PLACE}")
    base.add_argument("--eva", required=True, metavar="PLACE", help="pre-trained EVA02-L: likewise")
    base.add_argument("--t5", required=True, metavar="PLACE", help="Flan-T5: a folder or a name")
    base.add_argument("--tokenizer", **FILE, help="T5's spiece.model, if not in the folder of T5")
    base.add_argument("--segments", action="store_true", help="add SAM's mask decoder")
    base.add_argument("--detects", action="store_true", help="add a detector of regions")
    base.add_argument("--seed", type=int, default=0, help="of what is initialised (0)")
    base.set_defaults(run=_assemble)

    trained = commands.add_parser(
        "convert",
        help="from a model trained with the authors' code",
        description="Convert the parameters of the authors' JAX code, flattened to paths joined by "
        '"/" and written as .npz or safetensors (docs/model.md says how).',
    )
    trained.add_argument("checkpoint", metavar="CHECKPOINT", help="the parameters")
    trained.add_argument("--tokenizer", required=True, **FILE, help="T5's spiece.model")
    trained.set_defaults(run=_convert)

    for command in (base, trained):
        command.add_argument("--out", required=True, **FILE, help="the folder to write")
        command.add_argument("--dtype", choices=DTYPES, default="bfloat16", help="on disk")
        command.add_argument("--config", **FILE, help="a config.json; default: pixelllm_t5_xl's")
    return parser


if __name__ == "__main__":
    sys.exit(main())
