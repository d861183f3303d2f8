"""`python -m pixelllm.data`: its commands, what they say, and their exit status."""

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pixelllm.data.__main__ import main
from tests.python.data.published import write_image, write_lines


@pytest.fixture(autouse=True)
def _told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


def test_scenes_are_written_and_found_good(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "scenes"

    wrote = main(["write-scenes", str(folder), "--train", "3", "--val", "2", "--image-side", "64"])
    checked = main(["check", f"refcoco:{folder}/refcoco,split=val"])

    assert (wrote, checked) == (0, 0)
    assert "images: 2, " in caplog.text
    assert "no problems" in caplog.text


def test_a_bad_line_makes_the_exit_status_1(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_image(tmp_path / "images/a.jpg")
    write_lines(tmp_path / "data.jsonl", [{"image": "a.jpg", "captions": [{"caption": "a"}]}, "{"])

    assert main(["check", str(tmp_path)]) == 1
    assert main(["check", f"own:{tmp_path}"]) == 1
    assert caplog.text.count("data.jsonl:2: no valid JSON") == 2
    assert caplog.text.count("images: 1, captions: 1; 1 problem") == 2


@pytest.mark.parametrize(
    ("target", "what"),
    [("/no/folder", "no/folder is no folder; name a folder"), ("web:/data", "'web' is no format")],
)
def test_a_wrong_name_is_one_sentence(
    target: str, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert main(["check", target]) == 1
    assert what in caplog.text


def test_a_folder_with_files_is_left_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_image(tmp_path / "a.jpg")

    assert main(["write-scenes", str(tmp_path), "--train", "1", "--val", "1"]) == 1
    assert "is not empty" in caplog.text


@pytest.mark.parametrize(
    "option",
    [("--train", "-1"), ("--train", "x"), ("--image-side", "8"), ("--image-format", "gif")],
)
def test_numbers_are_checked(
    option: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["write-scenes", str(tmp_path / "new"), "--train", "1", "--val", "1", *option]

    with pytest.raises(SystemExit, match="2"):
        main(arguments)

    assert option[0] in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_it_is_a_program(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pixelllm.data", "check", str(tmp_path)]

    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )

    assert done.returncode == 1
    assert "images is no folder" in done.stderr
    assert done.stdout == ""
