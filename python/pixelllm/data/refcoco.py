"""RefCOCO, RefCOCO+ and RefCOCOg as published: `refs(unc).p` and `instances.json` in a folder.

`refs(BY).p` is a pickle, read as plain data (`plain_pickle`): for each object its split and its
sentences. `instances.json` has the boxes and masks, in COCO's form. The text of a phrase is `sent`,
the cleaned sentence, which the authors train and evaluate with (`raw` is as it was typed).
"""

import re
from collections import Counter
from pathlib import Path
from typing import Any, Final

from pixelllm.data.coco_file import CocoFile, CocoReader
from pixelllm.data.errors import DatasetError
from pixelllm.data.expressions import read_phrases
from pixelllm.data.grouping import is_key
from pixelllm.data.plain_pickle import load_plain
from pixelllm.data.sample import Image, Phrase, Sample

REFS: Final = re.compile(r"refs\((\w+)\)\.p")
INSTANCES: Final = "instances.json"


class RefCoco(CocoReader):
    """The expressions of one split, by image.

    Args:
        folder: with `refs(BY).p` and `instances.json`; the dataset has its name.
        split: such as "train", "val", "testA".
        by: whose split: "unc", "umd", "google"; not needed where the folder has one.
        masks: whether phrases have masks.

    Raises:
        DatasetError: a file is missing or damaged, or there is no such split.
    """

    def __init__(self, folder: Path, split: str | None, by: str | None, *, masks: bool) -> None:
        self.name = folder.resolve().name
        self._masks = masks
        path = _refs_file(folder, by)
        self._sentences = _read_sentences(path, split)
        wanted = self._sentences
        super().__init__(
            CocoFile(
                folder / INSTANCES,
                wanted=lambda fields: is_key(fields.get("id")) and fields["id"] in wanted,
            )
        )
        found = sum(len(self._file.numbers(image)) for image in self._file.images)
        if found < len(self._sentences):
            raise DatasetError(
                f"{folder / INSTANCES} lacks {len(self._sentences) - found} of the objects that "
                f"{path.name} refers to: the files do not belong together"
            )

    def describe(self, index: int, image: Image) -> Sample:
        entry = self._entry(index, image)
        phrases: list[Phrase] = []
        for annotation in self._file.annotations(entry):
            phrases += read_phrases(
                self._sentences[annotation["id"]].values(),
                annotation.get("bbox"),
                annotation.get("segmentation") if self._masks else None,
                image,
                f"{self._file.path}, annotation {annotation['id']}",
            )
        return Sample(image=image, phrases=tuple(phrases))


def _refs_file(folder: Path, by: str | None) -> Path:
    there = sorted(m[1] for p in folder.glob("refs(*).p") if (m := REFS.fullmatch(p.name)))
    if not there:
        raise DatasetError(f"{folder} has no file such as refs(unc).p")
    if by is None and len(there) > 1:
        raise DatasetError(f"{folder} has splits by {', '.join(there)}; choose with by=")
    if by is not None and by not in there:
        raise DatasetError(f"{folder} has no refs({by}).p; there are splits by {', '.join(there)}")
    return folder / f"refs({by or there[0]}).p"


def _read_sentences(path: Path, split: str | None) -> dict[int, dict[int, str]]:
    """The sentences of a split by the id of their object, each object's by their own ids.

    A sentence that is there twice, with one id, is taken once.
    """
    try:
        refs = load_plain(path.read_bytes())
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror}") from error
    except DatasetError as error:
        raise DatasetError(f"{path}: {error}") from error
    if not isinstance(refs, list):
        raise DatasetError(f"{path} is no list of objects that are referred to")
    splits: Counter[str] = Counter()
    sentences: dict[int, dict[int, str]] = {}
    for number, ref in enumerate(refs):
        try:
            splits[ref["split"]] += 1
            if ref["split"] == split:
                texts = {s["sent_id"]: _text(s) for s in ref["sentences"]}
                sentences.setdefault(ref["ann_id"], {}).update(texts)
        except (KeyError, TypeError) as error:
            raise DatasetError(f"{path}: entry {number} is damaged: {error!r}") from error
    if split is None or split not in splits:
        there = ", ".join(f"{name} ({count} objects)" for name, count in splits.items())
        asked = "choose with split=" if split is None else f"there is no split {split}"
        raise DatasetError(f"{path}: {asked}; there are {there}")
    return sentences


def _text(sentence: dict[str, Any]) -> str:
    text = sentence["sent"]
    if not isinstance(text, str):
        raise TypeError("sent is no text")
    return text
