"""Answers that outlive the run that got them."""

from pathlib import Path

import pytest

from pixelllm.evaluation.journal import ANSWERS, Answered, Journal, JournalError

CAT = Answered("pets/1", [{"image_id": 1, "caption": "a cat"}])
DOG = Answered("pets/2", [], ["question 0: the phrase is blank"])


def test_answers_are_there_again_for_the_next_run(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "run", {"task": "caption"})
    journal.write(0, CAT)
    journal.write(5, DOG)

    again = Journal(tmp_path / "run", {"task": "caption"})

    assert again.answers == {0: CAT, 5: DOG}


def test_a_line_that_was_cut_short_is_forgotten(tmp_path: Path) -> None:
    journal = Journal(tmp_path, {})
    journal.write(0, CAT)
    journal.write(1, DOG)
    path = tmp_path / ANSWERS
    path.write_text(path.read_text("utf-8")[:-20], "utf-8")

    again = Journal(tmp_path, {})
    again.write(1, DOG)

    assert Journal(tmp_path, {}).answers == {0: CAT, 1: DOG}
    assert len(path.read_text("utf-8").splitlines()) == 2


def test_a_run_with_other_settings_is_not_gone_on_with(tmp_path: Path) -> None:
    Journal(tmp_path, {"task": "caption", "model": "tiny"}).write(0, CAT)

    with pytest.raises(JournalError, match=r"model 'tiny', not 'large'.*--out"):
        Journal(tmp_path, {"task": "caption", "model": "large"})
    assert Journal(tmp_path, {"task": "caption", "model": "tiny"}).answers == {0: CAT}
