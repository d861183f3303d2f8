"""METEOR's table of paraphrases, in the little memory that looking pairs up needs.

The table (paraphrase-en.gz) has 5 million pairs of phrases as three lines each: a probability,
which the scoring does not use, the phrase and its paraphrase. Kept are 64-bit hashes of the pairs,
sorted. That two phrases of a table of this size have the same hash is a chance of one in a million, and a
wrong answer to a single question a thousand times less probable still.
"""

import gzip
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, cast

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]

LONGEST: Final = 7  # words of the longest phrases
_LINES: Final = 3  # of each pair
_BLOCK: Final = 1 << 21  # bytes read at a time
_NEWLINE: Final = 10
_FIRST, _SECOND = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD1B54A32D192ED03)


@dataclass(frozen=True)
class Paraphrases:
    """Which phrases are paraphrases of which.

    pairs: sorted hashes of (phrase, paraphrase).
    phrases: sorted hashes of all phrases on either side.
    """

    pairs: Hashes
    phrases: Hashes

    def known(self, hashes: Hashes) -> NDArray[np.bool_]:
        """Which phrases are in the table at all."""
        return _contains(self.phrases, hashes)

    def are(self, phrases: Hashes, paraphrases: Hashes) -> NDArray[np.bool_]:
        """bool[n, m], which of n phrases have which of m others as a paraphrase."""
        return _contains(self.pairs, _pair(phrases[:, None], paraphrases[None]))


def hash_phrases(phrases: Sequence[str]) -> Hashes:
    """uint64[n], a hash of each phrase, its words separated by single blanks."""
    return _hash_lines("".join(f"{phrase}\n" for phrase in phrases).encode())


def read_paraphrases(file: Path, cache: Path | None = None) -> Paraphrases:
    """The table in a file.

    Args:
        file: paraphrase-en.gz of METEOR 1.5.
        cache: a folder for what is made of the table, which is mapped into memory the next time
            instead of being read anew.
    """
    kept = cache / f"paraphrases-{_mark(file)}.npy" if cache else None
    if kept is not None and kept.exists():
        return _split(np.load(kept, mmap_mode="r", allow_pickle=False))
    with gzip.open(file) as lines:
        table = _read(cast(IO[bytes], lines))
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        aside = kept.with_suffix(".part")
        with aside.open("wb") as out:
            np.save(out, _join(table), allow_pickle=False)
        aside.replace(kept)
    return table


def _read(lines: IO[bytes]) -> Paraphrases:
    hashes = [_hash_lines(block).reshape(-1, _LINES)[:, 1:].copy() for block in _blocks(lines)]
    table = np.concatenate(hashes)
    return Paraphrases(pairs=np.sort(_pair(table[:, 0], table[:, 1])), phrases=_distinct(table))


def _blocks(lines: IO[bytes]) -> Iterator[bytes]:
    """The file in pieces of whole entries."""
    rest = b""
    while block := lines.read(_BLOCK):
        block = rest + block
        ends = np.flatnonzero(np.frombuffer(block, np.uint8) == _NEWLINE)
        whole = len(ends) // _LINES * _LINES
        cut = int(ends[whole - 1]) + 1 if whole else 0
        rest = block[cut:]
        if cut:
            yield block[:cut]
    if rest.strip():
        raise ValueError("the table of paraphrases ends in the middle of an entry: install it anew")


def _hash_lines(block: bytes) -> Hashes:
    """uint64[n], of each line: a polynomial of random numbers for its bytes, mixed."""
    if not block:
        return np.zeros(0, np.uint64)
    data = np.frombuffer(block, np.uint8)
    ends = np.flatnonzero(data == _NEWLINE) + 1
    starts = np.concatenate([[0], ends[:-1]])
    lengths = ends - starts
    place = np.arange(len(data)) - np.repeat(starts, lengths)
    base = np.full(int(lengths.max()), _FIRST, np.uint64)
    base[0] = 1
    powers = np.multiply.accumulate(base)
    letters = _mix(np.arange(256, dtype=np.uint64))
    return _mix(np.add.reduceat(letters[data] * powers[place], starts))


def _mix(numbers: Hashes) -> Hashes:
    """Splitmix64 (Steele et al., 2014): a bit of a number changes half of the result's."""
    z = numbers + _FIRST
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def _distinct(table: Hashes) -> Hashes:
    """Those of both columns, sorted, once each."""
    ordered = np.sort(table, axis=None)
    return ordered[np.concatenate([[True], ordered[1:] != ordered[:-1]])]


def _pair(phrase: Hashes, paraphrase: Hashes) -> Hashes:
    return _mix(phrase * _FIRST + paraphrase * _SECOND)


def _contains(ordered: Hashes, asked: Hashes) -> NDArray[np.bool_]:
    place = np.searchsorted(ordered, asked)
    return cast(NDArray[np.bool_], ordered[np.minimum(place, len(ordered) - 1)] == asked)


def _mark(file: Path) -> str:
    """The checksum and the size that a gzip file ends with."""
    with file.open("rb") as data:
        data.seek(-8, 2)
        return data.read().hex()


def _join(table: Paraphrases) -> Hashes:
    count = np.array([len(table.phrases)], np.uint64)
    return np.concatenate([count, table.phrases, table.pairs])


def _split(kept: Hashes) -> Paraphrases:
    count = int(kept[0])
    return Paraphrases(pairs=kept[1 + count :], phrases=kept[1 : 1 + count])
