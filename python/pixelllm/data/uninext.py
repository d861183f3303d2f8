"""RefCOCO and its like as UNINEXT (and SeqTR) has them: {"train": [...], "val": [...], ...}.

An entry is an object of an image with its `expressions`, `bbox` and `mask`. In the mixed file
`data_source` says where the image is from; an image's file is named as in the authors' reader
(scenic, projects/pixel_llm, tools/build_uninext_ref_tfrecord.py).
"""

from pathlib import Path
from typing import Any, Final

from pixelllm.data.errors import DatasetError
from pixelllm.data.expressions import read_phrases
from pixelllm.data.file_dataset import Picture, check_size
from pixelllm.data.grouping import Groups, is_key
from pixelllm.data.sample import Image, Phrase, Sample
from pixelllm.data.stored_json import StoredJson, scan_json

SOURCES: Final = ("coco", "vg", "flickr")


class Uninext:
    """The expressions of one split, by image.

    Args:
        path: of the json.
        split: a key of its object.
        source: only what is from there: "coco", "vg" or "flickr". All by default; entries that do
            not say where they are from are from there, or from COCO.
        masks: whether phrases have masks.

    Raises:
        DatasetError: the file is damaged, or there is no such split.
    """

    name = "uninext"

    def __init__(self, path: Path, split: str | None, source: str | None, *, masks: bool) -> None:
        if source is not None and source not in SOURCES:
            raise DatasetError(f"source={source}: there are {', '.join(SOURCES)}")
        self._masks = masks
        self._stored = StoredJson()
        self._stored.add_file(path)
        self._images: Groups[tuple[str, int | str]] = Groups()
        splits: set[str] = set()
        for element in scan_json(path):
            splits.add(element.array)
            if element.array != split:
                continue
            fields = element.value
            if not isinstance(fields, dict) or not is_key(fields.get("image_id")):
                raise DatasetError(f"{path}, byte {element.start}: an entry has no image_id")
            origin = str(fields.get("data_source") or source or SOURCES[0])
            if source in (None, origin):
                self._images.add((origin, fields["image_id"]))
                self._stored.add(element.start, element.end)
        if split not in splits:
            asked = "choose with split=" if split is None else f"there is no split {split}"
            raise DatasetError(f"{path}: {asked}; there are {', '.join(sorted(splits)) or 'none'}")

    def __len__(self) -> int:
        return len(self._images)

    def picture(self, index: int) -> Picture:
        origin, key = self._images.keys[index]
        if origin == "coco" and isinstance(key, int):
            names: tuple[str, ...] = (f"COCO_train2014_{key:012d}.jpg", f"{key:012d}.jpg")
        else:
            names = (f"{key}.jpg",)
        return Picture(f"{origin}/{key}", names)

    def describe(self, index: int, image: Image) -> Sample:
        members = self._images.members(index)
        phrases: list[Phrase] = []
        for number, fields in zip(members, self._stored.read_all(members), strict=True):
            phrases += self._phrases(fields, image, self._stored.place(number))
        return Sample(image=image, phrases=tuple(phrases))

    def _phrases(self, fields: dict[str, Any], image: Image, place: str) -> list[Phrase]:
        if "width" in fields and "height" in fields:
            check_size(image, fields["width"], fields["height"], place)
        texts = fields.get("expressions")
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise DatasetError(f"{place}: expressions is no list of texts")
        mask = fields.get("mask") if self._masks else None
        return list(read_phrases(texts, fields.get("bbox"), mask, image, place))
