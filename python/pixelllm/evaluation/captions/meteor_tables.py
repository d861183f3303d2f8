"""METEOR 1.5's tables, read from an installed `pycocoevalcap`, which carries its Java program.

None of the program is run: the tables are files in its archive. WordNet's synsets and irregular
forms, METEOR's function words and abbreviations, and beside the archive its paraphrases.
"""

import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from pixelllm.evaluation.captions.meteor_text import Abbreviations
from pixelllm.evaluation.captions.paraphrases import Paraphrases, read_paraphrases

PACKAGE: Final = "pycocoevalcap"
INSTALL: Final = "pip install --no-deps pycocoevalcap==1.2"


class TablesMissingError(Exception):
    """METEOR's tables are not on this machine; the message says how to get them."""


@dataclass(frozen=True)
class MeteorTables:
    """What METEOR knows of English.

    abbreviations: words whose full stop ends no sentence, to whether only before numbers.
    function_words: those that count less.
    synsets: of each word, numbers of WordNet's sets of synonyms.
    bases: of irregular forms, what they are forms of.
    """

    abbreviations: Abbreviations
    function_words: frozenset[str]
    synsets: Mapping[str, frozenset[int]]
    bases: Mapping[str, tuple[str, ...]]
    paraphrases: Paraphrases


def tables_folder() -> Path | None:
    """Where METEOR's archive and paraphrases are, if they are."""
    spec = find_spec(PACKAGE)
    for place in (spec.submodule_search_locations or ()) if spec else ():
        folder = Path(place, "meteor")
        if _archive(folder).exists() and _paraphrases(folder).exists():
            return folder
    return None


def read_tables(cache: Path | None = None) -> MeteorTables:
    """All tables.

    Args:
        cache: a folder for what is made of the paraphrases, or none.

    Raises:
        TablesMissingError: the package that has them is not installed.
    """
    folder = tables_folder()
    if folder is None:
        raise TablesMissingError(
            f"METEOR needs the tables of the package {PACKAGE} (100 MB): {INSTALL}"
        )
    with zipfile.ZipFile(_archive(folder)) as archive:
        return MeteorTables(
            abbreviations=dict(_abbreviations(_lines(archive, "nonbreaking/english.prefixes"))),
            function_words=frozenset(_lines(archive, "function/english.words")),
            synsets=_synsets(_lines(archive, "synonym/english.synsets")),
            bases=_bases(_lines(archive, "synonym/english.exceptions")),
            paraphrases=read_paraphrases(_paraphrases(folder), cache),
        )


def _archive(folder: Path) -> Path:
    return folder / "meteor-1.5.jar"


def _paraphrases(folder: Path) -> Path:
    return folder / "data" / "paraphrase-en.gz"


def _lines(archive: zipfile.ZipFile, name: str) -> list[str]:
    return archive.read(name).decode().splitlines()


def _abbreviations(lines: list[str]) -> Iterator[tuple[str, bool]]:
    """Pairs of an abbreviation and whether it is one before numbers only."""
    for line in lines:
        word, _, mark = line.strip().partition(" ")
        if word and not word.startswith("#"):
            yield word, "NUMERIC_ONLY" in mark


def _synsets(lines: list[str]) -> dict[str, frozenset[int]]:
    """Of lines that are by turns a word and the numbers of its synsets."""
    return {word: frozenset(map(int, sets.split())) for word, sets in _by_two(lines)}


def _bases(lines: list[str]) -> dict[str, tuple[str, ...]]:
    """Of lines that are by turns a word and its irregular forms."""
    found: dict[str, tuple[str, ...]] = {}
    for base, forms in _by_two(lines):
        for form in forms.split():
            found[form] = (*found.get(form, ()), base)
    return found


def _by_two(lines: list[str]) -> Iterator[tuple[str, str]]:
    return zip(lines[::2], lines[1::2], strict=True)
