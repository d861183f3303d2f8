"""A check of our own layout for a program to read: JSON lines, as `contract.CheckLine` describes.

The gateway runs it on what strangers send. So it may use only so much memory, it names no path but
those inside the dataset, and it writes only so much whatever the dataset is.
"""

import json
import os
import resource
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final, TextIO

from pixelllm.contract import (
    CheckedError,
    CheckedSample,
    CheckEnd,
    CheckLine,
    DatasetCounts,
    DatasetError,
    DatasetSample,
)
from pixelllm.data.check import Fault, Findings, check_own
from pixelllm.data.own_layout import DATA
from pixelllm.data.own_line import OwnLine

IMAGES: Final = "images"
MAX_ERRORS: Final = 10_000  # that are written; the others are counted
MAX_SAMPLES: Final = 5
MAX_TEXTS: Final = 10  # of a kind in a sample
MAX_LETTERS: Final = 500  # of a message or a text; both can quote what they are about
NICENESS: Final = 10  # answers come first


def write_report(folder: Path, out: TextIO, max_memory_bytes: int | None = None) -> Findings:
    """Checks the dataset in a folder, which becomes the working directory, so that paths are short.

    Args:
        folder: with `data.jsonl` and `images`.
        out: gets the lines.
        max_memory_bytes: what this process may take; it runs at a low priority, too.
    """
    os.chdir(folder)
    if max_memory_bytes is not None:
        os.nice(NICENESS)
        resource.setrlimit(resource.RLIMIT_AS, (max_memory_bytes, max_memory_bytes))
    found = Findings()
    check_own(Path(DATA), Path(IMAGES), found, _Report(out), upright=True)
    _write(out, CheckEnd(type="end", counts=_counts(found), error_count=found.problems))
    out.flush()
    return found


@dataclass
class _Report:
    """Writes faults, and the first lines without any."""

    out: TextIO
    errors: int = 0
    samples: int = 0

    def fault(self, fault: Fault) -> None:
        self.errors += 1
        if self.errors > MAX_ERRORS:
            return
        message = _short(fault.message)
        error = DatasetError(file=str(fault.file), line=fault.line, message=message)
        _write(self.out, CheckedError(type="error", error=error))

    def good(self, line: OwnLine, width: int, height: int) -> None:
        if self.samples == MAX_SAMPLES:
            return
        self.samples += 1
        sample = DatasetSample(
            image=_short(line.image),
            width=width,
            height=height,
            captions=_texts(caption.text for caption in line.captions),
            phrases=_texts(phrase.phrase for phrase in line.phrases),
            regions=_texts(region.caption for region in line.regions),
        )
        _write(self.out, CheckedSample(type="sample", sample=sample))


def _counts(found: Findings) -> DatasetCounts:
    counts = found.counts
    return DatasetCounts(
        images=counts["images"],
        captions=counts["captions"],
        placed_captions=counts["captions with places of words"],
        phrases=counts["phrases"],
        masks=counts["phrases with masks"],
        regions=counts["regions"],
    )


def _texts(texts: Iterable[str]) -> list[str]:
    return [_short(text) for text in islice(texts, MAX_TEXTS)]


def _short(text: str) -> str:
    return text if len(text) <= MAX_LETTERS else f"{text[: MAX_LETTERS - 1]}…"


def _write(out: TextIO, line: CheckLine) -> None:
    out.write(f"{json.dumps(line)}\n")
