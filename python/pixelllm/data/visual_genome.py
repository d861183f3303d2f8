"""Visual Genome's region descriptions, as published and as GRiT has them.

Published: `region_descriptions.json`, an entry for each image; `image_data.json` with the sizes of
images; an image's file is its id. Splits are of the dense captioning paper: `densecap_splits.json`
(jcjohnson/densecap, info/).

GRiT: `train.json` and `test.json` in COCO's form, with its preprocessing and its splits; PixelLLM
trains and is evaluated on these.
"""

from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from pixelllm.data.boxes import box_from_size, clip_box
from pixelllm.data.coco_file import CocoFile, CocoReader
from pixelllm.data.errors import DatasetError
from pixelllm.data.file_dataset import Picture, check_size
from pixelllm.data.sample import Image, Region, Sample
from pixelllm.data.stored_json import StoredJson, read_json, scan_json

DESCRIPTIONS: Final = "region_descriptions.json"
IMAGES: Final = "image_data.json"
SPLITS: Final = "densecap_splits.json"


class VisualGenome:
    """The regions of the published files, by image.

    Args:
        folder: with `region_descriptions.json` and `image_data.json`.
        split: of `densecap_splits.json` in the same folder; all images by default.
    """

    name = "visual_genome"

    def __init__(self, folder: Path, split: str | None) -> None:
        path = folder / DESCRIPTIONS
        chosen = None if split is None else _read_split(folder / SPLITS, split)
        self._sizes = _read_sizes(folder / IMAGES)
        self._stored = StoredJson()
        self._stored.add_file(path)
        self._ids = array("q")
        for element in scan_json(path):
            key = element.value.get("id") if isinstance(element.value, dict) else None
            if not isinstance(key, int):
                raise DatasetError(f"{path}, byte {element.start}: an entry has no id of an image")
            if chosen is None or key in chosen:
                self._ids.append(key)
                self._stored.add(element.start, element.end)

    def __len__(self) -> int:
        return len(self._ids)

    def picture(self, index: int) -> Picture:
        key = self._ids[index]
        return Picture(str(key), (f"{key}.jpg", f"{key}.png"))

    def describe(self, index: int, image: Image) -> Sample:
        key, place = self._ids[index], self._stored.place(index)
        if key in self._sizes:
            check_size(image, *self._sizes[key], f"{key}.jpg")
        regions = self._stored.read(index).get("regions")
        if not isinstance(regions, list) or not all(isinstance(r, dict) for r in regions):
            raise DatasetError(f"{place}: image {key} has no list of regions")
        boxes = ([r.get(k) for k in ("x", "y", "width", "height")] for r in regions)
        texts = (r.get("phrase") for r in regions)
        return Sample(
            image=image, regions=tuple(_regions(zip(boxes, texts, strict=True), image, place))
        )


class Grit(CocoReader):
    """The regions of a file of GRiT's, by image."""

    name = "grit"

    def __init__(self, path: Path) -> None:
        super().__init__(CocoFile(path))

    def describe(self, index: int, image: Image) -> Sample:
        entry = self._entry(index, image)
        pairs = ((a.get("bbox"), a.get("caption")) for a in self._file.annotations(entry))
        place = f"{self._file.path}, image {entry.key}"
        return Sample(image=image, regions=tuple(_regions(pairs, image, place)))


def find_grit_file(path: Path, split: str | None) -> Path:
    """The file of a split in a folder, or the path itself."""
    if not path.is_dir():
        return path
    if split is None:
        raise DatasetError(f"{path} is a folder; choose a file in it with split=train or test")
    places = (path / f"{split}.json", path / "annotations" / f"{split}.json")
    found = [place for place in places if place.is_file()]
    if not found:
        raise DatasetError(f"there is neither {places[0]} nor {places[1]}")
    return found[0]


def _regions(pairs: Iterable[tuple[Any, Any]], image: Image, place: str) -> Iterator[Region]:
    """Regions of (x, y, width, height) and text; those without text or outside are left out."""
    height, width = image.shape[:2]
    for box, text in pairs:
        if not isinstance(text, str):
            raise DatasetError(f"{place}: a region has no text")
        clipped = clip_box(box_from_size(box, place), width, height)
        if clipped is not None and text.strip():
            yield Region(clipped, text.strip())


def _read_sizes(path: Path) -> dict[int, tuple[int, int]]:
    """Width and height by image."""
    sizes: dict[int, tuple[int, int]] = {}
    for element in scan_json(path):
        fields = element.value
        try:
            key = fields["image_id"] if "image_id" in fields else fields["id"]
            sizes[key] = int(fields["width"]), int(fields["height"])
        except (KeyError, TypeError, ValueError) as error:
            what = f"{path}, byte {element.start}: an image lacks image_id, width or height"
            raise DatasetError(what) from error
    return sizes


def _read_split(path: Path, split: str) -> frozenset[int]:
    splits = read_json(path)
    if not isinstance(splits, dict) or not isinstance(splits.get(split), list):
        there = ", ".join(splits) if isinstance(splits, dict) else "none"
        raise DatasetError(f"{path} has no split {split}; there are {there}")
    if not all(type(key) is int for key in splits[split]):
        raise DatasetError(f"{path}: the split {split} is no list of ids of images")
    return frozenset(splits[split])
