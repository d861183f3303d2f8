"""JSON values that stay on disk: an annotation file is gone through once, and its parts are read
again when they are asked for.

The published files are large (Visual Genome's has 5.4 million regions in a gigabyte). `scan_json`
hands out the elements of a file's arrays one by one, so that one of them is in memory at a time,
and says where each is; `StoredJson` remembers the places and reads them.

Places are in bytes, while Python parses text. So the scan takes each byte for a character
(Latin-1): the structure of JSON is ASCII, which UTF-8 leaves alone. Texts other than ASCII are
therefore wrong in what `scan_json` yields (`mend_text`); they are right in what `StoredJson` reads.
"""

import json
import re
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

from pixelllm.data.errors import DatasetError

CHUNK: Final = 4 << 20  # bytes that are read at once
MAX_VALUE: Final = 256 << 20  # of one element; the published ones have some kilobytes
MAX_LINE: Final = 64 << 20

_SPACE: Final = re.compile(r"[ \t\n\r]*")
_DECODER: Final = json.JSONDecoder()
_UTF8_MARK: Final = "\xef\xbb\xbf"


@dataclass(frozen=True)
class Element:
    """An element of an array of a JSON file: `data[start:end]` of its bytes.

    `array` is the key of the array in the file's object, "" where the file is the array. Texts in
    `value` are right only where they are ASCII.
    """

    array: str
    start: int
    end: int
    value: Any


@dataclass(frozen=True)
class Line:
    """A line of a file with something in it; numbers begin with 1."""

    number: int
    start: int
    data: bytes


def scan_json(path: Path) -> Iterator[Element]:
    """The elements of an array, or of every array in an object, in the order of the file.

    Raises DatasetError where the file is missing or no such JSON, after the elements before it.
    """
    with _open(path) as file:
        window = _Window(path, file)
        if window.peek() == "[":
            yield from _elements(window, "")
            return
        window.take("{")
        while window.peek() != "}":
            key = window.value()
            window.take(":")
            if window.peek() == "[":
                yield from _elements(window, str(key))
            else:
                window.value()
            if window.peek() != "}":
                window.take(",")


def mend_text(text: str) -> str:
    """A text that `scan_json` yielded, as it is meant."""
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text  # it was written with \\u


def scan_lines(path: Path) -> Iterator[Line]:
    """The lines of a file, but for empty ones. Raises DatasetError where the file is missing."""
    with _open(path) as file:
        start = number = 0
        while data := file.readline(MAX_LINE):
            number += 1
            if len(data) == MAX_LINE:
                raise DatasetError(f"{path}:{number}: a line has more than {MAX_LINE} bytes")
            if data.strip():
                yield Line(number, start, data)
            start += len(data)


def read_json(path: Path) -> Any:
    """The whole of a small file. Raises DatasetError where it is missing or no JSON."""
    with _open(path) as file:
        data = file.read(MAX_VALUE + 1)
    if len(data) > MAX_VALUE:
        raise DatasetError(f"{path} has more than {MAX_VALUE} bytes")
    return parse_json(data, str(path))


def parse_json(data: bytes, place: str) -> Any:
    """A JSON text. Raises DatasetError, which begins with the place, where it is none."""
    try:
        return json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise DatasetError(f"{place}: no UTF-8 text at byte {error.start}") from error
    except json.JSONDecodeError as error:
        what = f"{error.msg} at character {error.pos + 1}"
        raise DatasetError(f"{place}: no valid JSON, {what}") from error
    except (RecursionError, ValueError) as error:
        raise DatasetError(f"{place}: no valid JSON, {error}") from error


class StoredJson:
    """The values at remembered places of files, by number."""

    def __init__(self) -> None:
        self.files: list[Path] = []
        self._file = array("H")
        self._start = array("q")
        self._size = array("q")
        self._line = array("l")

    def __len__(self) -> int:
        return len(self._start)

    def add_file(self, path: Path) -> None:
        """The file of the places that are remembered next."""
        self.files.append(path)

    def add(self, start: int, end: int, line: int = 0) -> int:
        """Remembers a place of the last file; returns its number."""
        self._file.append(len(self.files) - 1)
        self._start.append(start)
        self._size.append(end - start)
        self._line.append(line)
        return len(self._start) - 1

    def place(self, number: int) -> str:
        """Where a value is, for people."""
        path, line = self.files[self._file[number]], self._line[number]
        return f"{path}:{line}" if line else f"{path}, byte {self._start[number]}"

    def read(self, number: int) -> Any:
        """The value. Raises DatasetError where the file has changed or is no JSON there."""
        return self.read_all((number,))[0]

    def read_all(self, numbers: Iterable[int]) -> list[Any]:
        """The values, for which each file is opened once."""
        values: dict[int, Any] = {}
        numbers = list(numbers)
        for file_number in sorted({self._file[n] for n in numbers}):
            with _open(self.files[file_number]) as file:
                for number in numbers:
                    if self._file[number] == file_number:
                        file.seek(self._start[number])
                        data = file.read(self._size[number])
                        values[number] = parse_json(data, self.place(number))
        return [values[n] for n in numbers]


class _Window:
    """The text of a file from `at` on, as far as it has been read; a character is a byte."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._path = path
        self._file = file
        self._text = ""
        self._at = 0
        self._offset = 0  # of the text in the file
        self._ended = False
        while len(self._text) < len(_UTF8_MARK) and not self._ended:
            self._read_more()
        if self._text.startswith(_UTF8_MARK):
            self._at = len(_UTF8_MARK)

    @property
    def position(self) -> int:
        """Of the next character, in bytes of the file."""
        return self._offset + self._at

    def peek(self) -> str:
        """The next character that is no space, "" at the end."""
        while True:
            match = _SPACE.match(self._text, self._at)
            assert match is not None  # it also matches nothing
            self._at = match.end()
            if self._at < len(self._text):
                return self._text[self._at]
            if self._ended:
                return ""
            self._read_more()

    def take(self, character: str) -> None:
        """Goes past a character, which has to be there."""
        found = self.peek()
        if found != character:
            what = f"{found!r} is" if found else "the file ends"
            raise DatasetError(
                f"{self._path}, byte {self.position}: {what} where {character!r} is expected; "
                "the file is cut short or no JSON: download it again"
            )
        self._at += 1

    def value(self) -> Any:
        """Goes past a value."""
        self.peek()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
            except (json.JSONDecodeError, RecursionError, ValueError) as error:
                if self._ended or len(self._text) - self._at > MAX_VALUE:
                    raise DatasetError(
                        f"{self._path}, byte {self.position}: no valid JSON: {error}"
                    ) from error
            else:
                if end < len(self._text) or self._ended:  # else a number may go on
                    self._at = end
                    return value
            self._read_more()

    def _read_more(self) -> None:
        """Reads as much again as there is, so that a long value is tried few times."""
        rest = self._text[self._at :]
        data = self._file.read(max(CHUNK, len(rest)))
        self._text = rest + data.decode("latin-1")
        self._offset += self._at
        self._at = 0
        self._ended = not data


def _elements(window: _Window, array_name: str) -> Iterator[Element]:
    window.take("[")
    if window.peek() == "]":
        window.take("]")
        return
    while True:
        window.peek()
        start = window.position
        value = window.value()
        yield Element(array_name, start, window.position, value)
        if window.peek() == "]":
            window.take("]")
            return
        window.take(",")


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror}") from error
