"""Names on the hub: the client is the real one, the hub a server in this process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pixelllm.model.checkpoint import CheckpointError
from pixelllm.weights.hub import download, is_hub_name
from tests.python.weights.hub_server import serve_hub

FILES = {
    "config.json": b"{}",
    "model.safetensors": b"weights",
    "spiece.model": b"pieces",
    "pytorch_model.bin": b"a pickle",
    "modeling.py": b"code",
}
DOWNLOAD = """
import sys
from pixelllm.model.checkpoint import CheckpointError
from pixelllm.weights.hub import download
try:
    sys.stdout.write("\\n".join(sorted(path.name for path in download(sys.argv[1]).iterdir())))
except CheckpointError as error:
    sys.exit(str(error))
"""


def run(name: str, address: str, home: Path) -> subprocess.CompletedProcess[str]:
    """Download in a process of its own: the client reads its address when it is imported."""
    hub = {"HF_ENDPOINT": address, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1"}
    return subprocess.run(
        [sys.executable, "-c", DOWNLOAD, name],
        env={**os.environ, **hub, "NO_PROXY": "127.0.0.1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("name", ["owner/name", "owner/name@main"])
def test_weights_are_downloaded_and_neither_pickles_nor_code(name: str, tmp_path: Path) -> None:
    with serve_hub("owner/name", FILES) as (address, sent):
        result = run(name, address, tmp_path)

    wanted = ["config.json", "model.safetensors", "spiece.model"]
    assert result.stdout.splitlines() == wanted, result.stderr
    assert sorted(sent) == wanted


def test_a_model_that_is_not_there_is_named_in_one_line(tmp_path: Path) -> None:
    with serve_hub("owner/name", FILES) as (address, _):
        result = run("owner/other", address, tmp_path)

    assert result.returncode == 1
    (line,) = [line for line in result.stderr.splitlines() if "owner/other" in line]
    assert line.startswith("there is no folder owner/other, and no model of that name")


def test_without_the_client_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)

    with pytest.raises(CheckpointError, match="pip install huggingface_hub"):
        download("owner/name")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("google/flan-t5-xl", True),
        ("timm/eva02_large_patch14_224.mim_in22k", True),
        ("owner/name@refs/pr/1", True),
        ("weights/sam.safetensors", False),
        ("sam", False),
        ("/absolute/path", False),
        ("a/b/c", False),
    ],
)
def test_a_name_has_an_owner(text: str, expected: bool) -> None:
    assert is_hub_name(text) is expected
