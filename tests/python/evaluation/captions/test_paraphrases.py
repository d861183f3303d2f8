"""The table of paraphrases, of a small one in METEOR's form."""

import gzip
from pathlib import Path

import pytest

from pixelllm.evaluation.captions.paraphrases import Paraphrases, hash_phrases, read_paraphrases

ENTRIES = [("a picture of", "an image of"), ("car", "automobile"), ("café", "coffee shop")]


def write_table(file: Path, entries: list[tuple[str, str]]) -> Path:
    """A table with these pairs."""
    with gzip.open(file, "wt", encoding="utf-8") as lines:
        lines.writelines(f"0.5\n{one}\n{other}\n" for one, other in entries)
    return file


def are(table: Paraphrases, one: str, other: str) -> bool:
    """Whether the table has a pair."""
    return bool(table.are(hash_phrases([one]), hash_phrases([other]))[0, 0])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The table of `ENTRIES`."""
    return write_table(tmp_path / "paraphrase-en.gz", ENTRIES)


def test_pairs_are_found_in_their_direction_only(file: Path) -> None:
    table = read_paraphrases(file)

    assert all(are(table, one, other) for one, other in ENTRIES)
    assert not any(are(table, other, one) for one, other in ENTRIES)
    assert not are(table, "car", "an image of")


def test_phrases_of_either_side_are_known(file: Path) -> None:
    table = read_paraphrases(file)

    asked = hash_phrases(["car", "automobile", "bus", "a picture"])

    assert table.known(asked).tolist() == [True, True, False, False]


def test_a_table_larger_than_a_block_is_read_whole(tmp_path: Path) -> None:
    entries = [(f"phrase number {i} of many", f"saying {i} in other words") for i in range(60_000)]
    table = read_paraphrases(write_table(tmp_path / "large.gz", entries))

    one = hash_phrases([one for one, _ in entries[::997]])
    other = hash_phrases([other for _, other in entries[::997]])

    assert len(table.pairs) == len(entries)
    assert table.are(one, other).sum() == len(one)


def test_a_kept_table_is_the_same(file: Path, tmp_path: Path) -> None:
    cache = tmp_path / "kept"
    read = read_paraphrases(file, cache)

    kept = read_paraphrases(file, cache)

    assert len(list(cache.iterdir())) == 1
    assert kept.pairs.tolist() == read.pairs.tolist()
    assert kept.phrases.tolist() == read.phrases.tolist()


def test_another_table_is_not_taken_for_the_kept_one(file: Path, tmp_path: Path) -> None:
    cache = tmp_path / "kept"
    read_paraphrases(file, cache)
    write_table(file, [("bus", "coach")])

    table = read_paraphrases(file, cache)

    assert are(table, "bus", "coach")
    assert not are(table, "car", "automobile")


def test_a_table_that_breaks_off_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "cut.gz"
    with gzip.open(file, "wt") as lines:
        lines.write("0.5\ncar\nautomobile\n0.5\nbus\n")

    with pytest.raises(ValueError, match="install it anew"):
        read_paraphrases(file)
