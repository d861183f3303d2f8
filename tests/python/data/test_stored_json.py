"""Large JSON files are gone through piece by piece, and pieces are read from their places."""

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from pixelllm.data import stored_json
from pixelllm.data.errors import DatasetError
from pixelllm.data.stored_json import (
    StoredJson,
    mend_text,
    parse_json,
    read_json,
    scan_json,
    scan_lines,
)

ELEMENTS = [{"text": 'café 猫 \\ " \n', "n": 1.5}, {}, [], {"deep": [[{"a": "]}"}]]}, 12345, None]


@pytest.fixture(params=[1, 7, 1 << 20])
def chunk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are read in pieces of a byte, of a few, and of many."""
    monkeypatch.setattr(stored_json, "CHUNK", request.param)


@pytest.mark.usefixtures("chunk")
@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_elements_are_read_back_from_their_places(
    tmp_path: Path, indent: int | None, ascii_only: bool
) -> None:
    path = tmp_path / "list.json"
    path.write_text(json.dumps(ELEMENTS, indent=indent, ensure_ascii=ascii_only), "utf-8")

    stored = StoredJson()
    stored.add_file(path)
    for element in scan_json(path):
        stored.add(element.start, element.end)

    assert stored.read_all(range(len(stored))) == ELEMENTS
    assert stored.read_all([3, 0, 3]) == [ELEMENTS[3], ELEMENTS[0], ELEMENTS[3]]


@pytest.mark.usefixtures("chunk")
def test_arrays_of_an_object_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "object.json"
    path.write_text(
        '\ufeff{"info": {"a": [1]}, "x": [1, 2 ], "none": [], "y":[3], "n": 7}', "utf-8"
    )

    elements = [(e.array, e.value) for e in scan_json(path)]

    assert elements == [("x", 1), ("x", 2), ("y", 3)]


@pytest.mark.usefixtures("chunk")
@pytest.mark.parametrize(
    "text",
    [
        "",
        "[1, 2",
        '[{"a": 1}, {"b": ',
        '{"x": [1] "y": 2}',
        "{x: 1}",
        "7",
        "[1 2]",
        "[1,]",
        "<html>",
    ],
)
def test_damage_is_named_with_its_place(tmp_path: Path, text: str) -> None:
    path = tmp_path / "damaged.json"
    path.write_text(text, "utf-8")

    with pytest.raises(DatasetError, match=r"damaged\.json, byte \d+"):
        list(scan_json(path))


def test_nesting_without_end_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "deep.json"
    path.write_text("[" * 200_000, "utf-8")

    with pytest.raises(DatasetError, match=r"deep\.json"):
        list(scan_json(path))
    with pytest.raises(DatasetError, match=r"deep\.json"):
        read_json(path)


@pytest.mark.parametrize("ascii_only", [True, False])
def test_texts_of_a_scan_can_be_mended(tmp_path: Path, ascii_only: bool) -> None:
    path = tmp_path / "text.json"
    path.write_text(json.dumps(["café 猫"], ensure_ascii=ascii_only), "utf-8")

    (element,) = scan_json(path)

    assert mend_text(element.value) == "café 猫"


def test_lines_have_their_numbers_and_places(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_bytes('{"a": "é"}\r\n\n  \n[2]'.encode())

    lines = list(scan_lines(path))

    assert [(line.number, line.start) for line in lines] == [(1, 0), (4, 17)]
    assert parse_json(lines[1].data, "here") == [2]


def test_a_line_without_end_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_json, "MAX_LINE", 100)
    path = tmp_path / "lines.jsonl"
    path.write_text("1\n" + "x" * 200, "utf-8")

    with pytest.raises(DatasetError, match=r"lines\.jsonl:2: a line has more than 100 bytes"):
        list(scan_lines(path))


@pytest.mark.parametrize(("data", "what"), [(b'{"a"', "no valid JSON"), (b"\xff", "no UTF-8 text")])
def test_no_json_is_named_with_its_place(data: bytes, what: str) -> None:
    with pytest.raises(DatasetError, match=f"here:3: {what}"):
        parse_json(data, "here:3")


def test_a_large_file_takes_little_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_json, "CHUNK", 1 << 16)
    path = tmp_path / "large.json"
    path.write_text(json.dumps([{"n": n, "text": "x" * 1000} for n in range(8000)]), "utf-8")
    stored = StoredJson()
    stored.add_file(path)

    tracemalloc.start()
    for element in scan_json(path):
        stored.add(element.start, element.end)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert stored.read(7999)["n"] == 7999
    assert path.stat().st_size > 8_000_000
    assert peak < 1_500_000


def test_a_file_that_changed_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_text('{"a": 1}\n', "utf-8")
    stored: Any = StoredJson()
    stored.add_file(path)
    stored.add(0, 8, line=1)
    path.write_text('{"a', "utf-8")

    with pytest.raises(DatasetError, match=r"lines\.jsonl:1: no valid JSON"):
        stored.read(0)


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"none\.json cannot be read: No such file"):
        list(scan_json(tmp_path / "none.json"))
