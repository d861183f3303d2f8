"""The example of docs/training-data.md prints what the page says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def test_example_of_the_page_runs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (ROOT / "docs" / "training-data.md").read_text("utf-8")
    example = re.search(r"```python\n(?P<code>.*?)```\n\n```\n(?P<output>.*?)```", page, re.DOTALL)
    assert example is not None
    monkeypatch.chdir(ROOT)

    exec(compile(example["code"], "training-data.md", "exec"), {"__name__": "example"})

    assert capsys.readouterr().out == example["output"]
