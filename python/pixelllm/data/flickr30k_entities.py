"""Flickr30k Entities: five sentences an image, their phrases, and the boxes of what those name.

A folder has `Annotations/ID.xml`, `Sentences/ID.txt` and `train.txt`, `val.txt`, `test.txt`
(BryanPlummer/flickr30k_entities). In a sentence, `[/EN#283585/people Two young guys]` is a phrase
of the entity 283585; the boxes of an entity are in the xml, and it may have none (a scene, or what
is not to be seen). Their coordinates begin at 1 and the last pixel is in the box, as the dataset's
own reader says: a box here is (xmin - 1, ymin - 1, xmax, ymax).

An entity with several boxes is either one phrase with the box around them, or a phrase for each.
"""

import re
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

from pixelllm.data.boxes import box_around, clip_box
from pixelllm.data.errors import DatasetError
from pixelllm.data.file_dataset import Picture, check_size
from pixelllm.data.sample import Box, Caption, Image, Phrase, Sample

SEVERAL: Final = ("merge", "each")

_PHRASE: Final = re.compile(r"\[/EN#(\d+)(?:/[^\s\]]*)*\s+([^\]]*)\]")


class Flickr30kEntities:
    """The sentences and phrases of a split, by image.

    Args:
        folder: with `Annotations` and `Sentences`.
        split: the file `SPLIT.txt` there has the ids of images; all of `Sentences` by default.
        boxes: "merge" or "each", for entities with several.
    """

    name = "flickr30k_entities"

    def __init__(self, folder: Path, split: str | None, boxes: str) -> None:
        if boxes not in SEVERAL:
            raise DatasetError(f"boxes={boxes}: there are {', '.join(SEVERAL)}")
        self._folder = folder
        self._boxes = boxes
        sentences = folder / "Sentences"
        if not sentences.is_dir() or not (folder / "Annotations").is_dir():
            raise DatasetError(f"{folder} has no folders Annotations and Sentences")
        if split is None:
            self._ids = sorted(path.stem for path in sentences.glob("*.txt"))
        else:
            self._ids = _read_text(folder / f"{split}.txt").split()

    def __len__(self) -> int:
        return len(self._ids)

    def picture(self, index: int) -> Picture:
        key = self._ids[index]
        return Picture(key, (f"{key}.jpg",))

    def describe(self, index: int, image: Image) -> Sample:
        key = self._ids[index]
        boxes = self._read_boxes(self._folder / "Annotations" / f"{key}.xml", image)
        captions, phrases = [], []
        for sentence in _read_text(self._folder / "Sentences" / f"{key}.txt").splitlines():
            if not sentence.strip():
                continue
            captions.append(Caption(_PHRASE.sub(r"\2", sentence).strip()))
            for entity, text in _PHRASE.findall(sentence):
                phrases += [Phrase(text.strip(), box) for box in boxes.get(entity, ())]
        return Sample(image=image, captions=tuple(captions), phrases=tuple(phrases))

    def _read_boxes(self, path: Path, image: Image) -> dict[str, list[Box]]:
        """The boxes of each entity, by its id."""
        height, width = image.shape[:2]
        boxes: dict[str, list[Box]] = {}
        try:
            root = ElementTree.fromstring(_read_text(path))
            size = root.find("size")
            if size is not None:
                check_size(
                    image, int(_field(size, "width")), int(_field(size, "height")), str(path)
                )
            for thing in root.findall("object"):
                for place in thing.findall("bndbox"):
                    x0, y0, x1, y1 = (
                        float(_field(place, name)) for name in ("xmin", "ymin", "xmax", "ymax")
                    )
                    box = clip_box((x0 - 1, y0 - 1, x1, y1), width, height)
                    for name in thing.findall("name"):
                        if box is not None and name.text:
                            boxes.setdefault(name.text.strip(), []).append(box)
        except (ElementTree.ParseError, ValueError) as error:
            if isinstance(error, DatasetError):
                raise
            raise DatasetError(f"{path} is damaged: {error}") from error
        if self._boxes == "merge":
            return {entity: [box_around(several)] for entity, several in boxes.items()}
        return boxes


def _field(element: ElementTree.Element, name: str) -> str:
    text = element.findtext(name)
    if text is None:
        raise ValueError(f"there is no {name} in {element.tag}")
    return text


def _read_text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path} is no UTF-8 text: {error}") from error
