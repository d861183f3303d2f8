"""Localized Narratives: captions of COCO, Flickr30k, ADE20k and Open Images, with traces.

A file has one narrative a line, and several of an image; the files of a set come in shards
(google.github.io/localized-narratives). All narratives of an image are one sample. The files of
captions alone, without traces, have the same form.

Lines are long: opening a file looks at the beginning and the end of each and parses none, unless
its fields are not in the published order. So damage inside a line shows when its sample is read.
"""

import re
from pathlib import Path
from typing import Any, Final

import numpy as np

from pixelllm.data.errors import DatasetError
from pixelllm.data.file_dataset import Picture
from pixelllm.data.grouping import Groups
from pixelllm.data.narrative import Narrative, utterance_boxes
from pixelllm.data.sample import Caption, Image, Sample, SpokenCaption
from pixelllm.data.spoken_words import place_words
from pixelllm.data.stored_json import Line, StoredJson, parse_json, scan_lines

NAMED_LINES: Final = 10  # broken lines that an error names
SUFFIXES: Final = (".jpg", ".png", ".jpeg", ".webp")

_BEGINNING: Final = re.compile(rb'\s*\{"dataset_id": ?"([^"\\]*)", ?"image_id": ?"([^"\\]*)",')
_COCO: Final = ("{}", "COCO_train2014_{}", "COCO_val2014_{}")  # as COCO names its files


class LocalizedNarratives:
    """The narratives of one or more files, by image. Raises DatasetError, naming broken lines."""

    name = "localized_narratives"

    def __init__(self, paths: list[Path]) -> None:
        self._stored = StoredJson()
        self._images: Groups[tuple[str, str]] = Groups()  # of (dataset_id, image_id)
        broken: list[str] = []
        for path in paths:
            self._stored.add_file(path)
            for line in scan_lines(path):
                try:
                    self._images.add(_image_of(line, path))
                except DatasetError as error:
                    broken.append(str(error))
                    continue
                self._stored.add(line.start, line.start + len(line.data), line.number)
        if broken:
            more = len(broken) - NAMED_LINES
            rest = [f"and {more} more lines"] if more > 0 else []
            raise DatasetError("\n".join([*broken[:NAMED_LINES], *rest]))

    def __len__(self) -> int:
        return len(self._images)

    def picture(self, index: int) -> Picture:
        dataset, image = self._images.keys[index]
        return Picture(image, file_names(dataset, image))

    def describe(self, index: int, image: Image) -> Sample:
        members = self._images.members(index)
        narratives = zip(members, self._stored.read_all(members), strict=True)
        return Sample(
            image=image,
            captions=tuple(
                read_narrative(fields, image, self._stored.place(number))
                for number, fields in narratives
            ),
        )


def file_names(dataset_id: str, image_id: str) -> tuple[str, ...]:
    """The names that the file of an image may have: COCO's have twelve digits, and in the release
    of 2014 also their part; the others are the id."""
    if dataset_id.startswith("mscoco") and image_id.isdecimal():
        stems = tuple(form.format(image_id.zfill(12)) for form in _COCO)
    else:
        stems = (image_id,)
    return tuple(stem + suffix for suffix in SUFFIXES for stem in stems)


def read_narrative(fields: Any, image: Image, place: str) -> Caption:
    """The caption of a line, with places where it has a trace and words that were spoken.

    Traces outside the image are clipped to it. Raises DatasetError where the line is damaged.
    """
    try:
        if "timed_caption" not in fields and "traces" not in fields:
            return Caption(fields["caption"])  # a file without traces
        narrative = Narrative.from_json(fields)
        if not narrative.timed_caption or not any(len(trace) for trace in narrative.traces):
            return Caption(narrative.caption)
        height, width = image.shape[:2]
        boxes = utterance_boxes(narrative) * np.array((width, height, width, height), np.float64)
        spoken = [u.utterance for u in narrative.timed_caption]
        words = place_words(narrative.caption, spoken, boxes)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DatasetError(f"{place}: no Localized Narrative: {error!r}") from error
    return SpokenCaption(narrative.caption, words, narrative=narrative)


def _image_of(line: Line, path: Path) -> tuple[str, str]:
    place = f"{path}:{line.number}"
    match = _BEGINNING.match(line.data)
    if match is not None and line.data.rstrip().endswith(b"}"):
        return match[1].decode("utf-8", "replace"), match[2].decode("utf-8", "replace")
    fields = parse_json(line.data, place)
    if not isinstance(fields, dict) or not isinstance(fields.get("image_id"), (str, int)):
        raise DatasetError(f"{place}: no Localized Narrative: it has no image_id")
    return str(fields.get("dataset_id", "")), str(fields["image_id"])
