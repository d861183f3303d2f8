"""Sentences that a model reads before it writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from pixelllm.training.prefixes import fill, is_fixed, read_prefixes


def test_sentences_of_a_file_keep_their_spaces(tmp_path: Path) -> None:
    file = tmp_path / "prefixes.txt"
    file.write_text("A photo of \n\nDescribe it. \n", "utf-8")

    assert read_prefixes(file) == ("A photo of ", "Describe it. ")


def test_file_without_a_sentence_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "prefixes.txt"
    file.write_text("\n \n", "utf-8")

    with pytest.raises(ValueError, match=r"prefixes\.txt has no sentence"):
        read_prefixes(file)


def test_text_in_a_prefix_is_taken_as_it_is() -> None:
    assert fill("where is {phrase}?", phrase="the {question} {0}") == "where is the {question} {0}?"
    assert fill("{question} ", question="why") == "why "
    assert is_fixed("a photo of ")
    assert not is_fixed("where is {phrase}")
