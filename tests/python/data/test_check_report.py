"""A check for programs: JSON lines that are bounded, in memory that is bounded."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pixelllm.data.check_report import MAX_ERRORS, MAX_LETTERS, MAX_SAMPLES, MAX_TEXTS
from tests.python.data.published import write_image, write_lines

CAPTION = {"captions": [{"caption": "a dog"}]}


def report(folder: Path, *lines: Any, options: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """What a check of these lines writes, in a process of its own, since it changes the folder."""
    for name in ("a.jpg", "b.jpg"):
        write_image(folder / "images" / name)
    write_lines(folder / "data.jsonl", lines)
    return run(str(folder), *options)[1]


def run(*arguments: str) -> tuple[int, list[dict[str, Any]]]:
    """The exit status, and the lines."""
    done = subprocess.run(
        [sys.executable, "-m", "pixelllm.data", "check", "--json", *arguments],
        stdout=subprocess.PIPE,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def test_samples_and_counts_are_told(tmp_path: Path) -> None:
    words = [{"start": 0, "end": 5, "box": [0, 0, 9, 9]}]
    mask = {"size": [30, 40], "counts": [1000, 200]}
    line = {
        "image": "a.jpg",
        "captions": [{"caption": "a dog", "words": words}, {"caption": "b"}],
        "phrases": [{"phrase": "it", "box": [0, 0, 9, 9], "mask": mask}],
        "regions": [{"box": [0, 0, 9, 9], "caption": "ear"}],
    }

    sample, end = report(tmp_path, line)

    assert sample == {
        "type": "sample",
        "sample": {
            "image": "a.jpg",
            "width": 40,
            "height": 30,
            "captions": ["a dog", "b"],
            "phrases": ["it"],
            "regions": ["ear"],
        },
    }
    assert end == {
        "type": "end",
        "counts": {
            "images": 1,
            "captions": 2,
            "placed_captions": 1,
            "phrases": 1,
            "masks": 1,
            "regions": 1,
        },
        "error_count": 0,
    }


def test_every_fault_has_its_file_and_line_and_no_path_of_the_server(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images/broken.jpg").write_bytes(b"no image")

    *errors, end = report(
        tmp_path,
        {"image": "none.jpg", **CAPTION},
        "",
        {"image": "broken.jpg", **CAPTION},
        "{",
    )

    assert [(e["error"]["file"], e["error"]["line"]) for e in errors] == [
        ("data.jsonl", 1),
        ("data.jsonl", 3),
        ("data.jsonl", 4),
    ]
    messages = [e["error"]["message"] for e in errors]
    assert messages[0] == "there is no image none.jpg in images"
    assert messages[1].startswith("images/broken.jpg: the file is not a JPEG")
    assert messages[2].startswith("no valid JSON")
    assert end["error_count"] == 3


@pytest.mark.parametrize("lacking", ["images", "data.jsonl"])
def test_a_fault_of_the_whole_has_no_line(tmp_path: Path, lacking: str) -> None:
    if lacking == "data.jsonl":
        (tmp_path / "images").mkdir()

    status, (error, end) = run(str(tmp_path))

    assert status == 1
    assert error["error"]["file"] == "data.jsonl"
    assert error["error"]["line"] is None
    assert error["error"]["message"].startswith(lacking)
    assert end["error_count"] == 1


def test_errors_are_counted_to_the_end_but_not_all_written(tmp_path: Path) -> None:
    *errors, end = report(tmp_path, *["{"] * (MAX_ERRORS + 7))

    assert len(errors) == MAX_ERRORS
    assert end["error_count"] == MAX_ERRORS + 7


def test_long_texts_and_many_are_cut(tmp_path: Path) -> None:
    many = [{"caption": "x" * 5000}] * (MAX_TEXTS + 1)

    error, sample, end = report(
        tmp_path,
        {"image": "a.jpg", "y" * 5000: 1},
        {"image": "a.jpg", "captions": many},
    )

    assert len(error["error"]["message"]) == MAX_LETTERS
    assert len(sample["sample"]["captions"]) == MAX_TEXTS
    assert len(sample["sample"]["captions"][0]) == MAX_LETTERS
    assert end["counts"]["captions"] == MAX_TEXTS + 1


def test_the_first_few_good_lines_are_samples(tmp_path: Path) -> None:
    names = [f"{number}.png" for number in range(MAX_SAMPLES + 2)]
    for name in names:
        write_image(tmp_path / "images" / name)

    *samples, _ = report(tmp_path, *[{"image": name, **CAPTION} for name in names])

    assert [line["sample"]["image"] for line in samples] == names[:MAX_SAMPLES]


def test_a_line_that_takes_too_much_memory_is_a_fault_of_that_line(tmp_path: Path) -> None:
    nested = '{"image": "a.jpg", "captions": [' + "[]," * 15_000_000 + "[]]}"

    error, sample, end = report(
        tmp_path,
        nested,
        {"image": "b.jpg", **CAPTION},
        options=("--max-memory", str(700 << 20)),
    )

    assert error["error"]["line"] == 1
    assert "memory" in error["error"]["message"]
    assert sample["sample"]["image"] == "b.jpg"
    assert end["error_count"] == 1


def test_it_ends_where_its_parent_is_gone(tmp_path: Path) -> None:
    write_lines(tmp_path / "data.jsonl", [])

    status, lines = run(str(tmp_path), "--parent", "1")

    assert (status, lines) == (1, [])


def test_a_spec_is_no_folder(tmp_path: Path) -> None:
    assert run(f"own:{tmp_path}") == (1, [])
