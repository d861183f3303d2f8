"""Answers on disk while a run goes on, so that one that is stopped loses none and can be gone on.

`answers.jsonl` has a line for each image that was asked about; `settings.json` says what was asked.
A line that was being written when the machine stopped is asked again.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from pixelllm.evaluation.results import Record

SETTINGS: Final = "settings.json"
ANSWERS: Final = "answers.jsonl"


class JournalError(Exception):
    """A folder holds another run; the message says what to do."""


@dataclass(frozen=True)
class Answered:
    """What is kept about one image: predictions, and which questions were refused, and why."""

    image: str  # the sample's id
    records: list[Record]
    refused: list[str] = field(default_factory=list)


class Journal:
    """The answers of one run, by the numbers of the samples.

    Args:
        folder: it is made where it is missing.
        settings: what answers depend on; those of an earlier run in the folder must be equal.

    Raises:
        JournalError: the folder holds a run with other settings.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / ANSWERS
        _agree(folder / SETTINGS, settings)
        self.answers = _read(self._path)
        lines = "".join(_line(index, one) for index, one in self.answers.items())
        self._path.write_text(lines, "utf-8")

    def write(self, index: int, answered: Answered) -> None:
        """Keep what was answered about the sample of this number."""
        self.answers[index] = answered
        with self._path.open("a", encoding="utf-8") as file:
            file.write(_line(index, answered))


def _agree(path: Path, settings: Mapping[str, Any]) -> None:
    if path.is_file():
        earlier = json.loads(path.read_text("utf-8"))
        names = [name for name in settings if earlier.get(name) != settings[name]]
        if names:
            differences = ", ".join(f"{n} {earlier.get(n)!r}, not {settings[n]!r}" for n in names)
            raise JournalError(
                f"{path.parent} holds a run with {differences}: name another folder with --out"
            )
    path.write_text(json.dumps(settings, indent=2) + "\n", "utf-8")


def _line(index: int, answered: Answered) -> str:
    return json.dumps({"index": index, **asdict(answered)}) + "\n"


def _read(path: Path) -> dict[int, Answered]:
    answers: dict[int, Answered] = {}
    if path.is_file():
        for line in path.read_text("utf-8").splitlines():
            try:
                fields = json.loads(line)
            except ValueError:
                continue
            index = fields.pop("index")
            answers[index] = Answered(**fields)
    return answers
