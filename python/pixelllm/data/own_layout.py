"""Our own layout, for users' data: a folder with `images/` and `data.jsonl`, a line for each image.

Documented in docs/datasets.md. Boxes are in pixels of the image as a person sees it, after EXIF
rotation, as everywhere in the server: its replies can be written down as they are.
"""

from pathlib import Path
from typing import Final

from pixelllm.data.boxes import clip_box
from pixelllm.data.coco_masks import decode_segmentation
from pixelllm.data.errors import DatasetError
from pixelllm.data.file_dataset import Picture
from pixelllm.data.own_line import OwnLine, OwnPhrase, check_places, parse_line
from pixelllm.data.sample import Box, Caption, Image, Phrase, Region, Sample, WordPlace
from pixelllm.data.stored_json import StoredJson, parse_json, scan_lines

DATA: Final = "data.jsonl"


class OwnLayout:
    """The lines of `data.jsonl`.

    Args:
        folder: with `data.jsonl`.
        masks: whether phrases have masks, where they are written.

    Raises:
        DatasetError: a line is not as documented; it names the first. The command `check` of
            `python -m pixelllm.data` names them all.
    """

    name = "own"

    def __init__(self, folder: Path, *, masks: bool) -> None:
        path = folder / DATA
        self._masks = masks
        self._images: list[str] = []
        self._stored = StoredJson()
        self._stored.add_file(path)
        lines: dict[str, int] = {}
        for line in scan_lines(path):
            place = f"{path}:{line.number}"
            parsed = read_line(line.data, place)
            judge_repetition(parsed.image, lines, line.number, place)
            self._images.append(parsed.image)
            self._stored.add(line.start, line.start + len(line.data), line.number)

    def __len__(self) -> int:
        return len(self._images)

    def picture(self, index: int) -> Picture:
        name = self._images[index]
        return Picture(name, (name,))

    def describe(self, index: int, image: Image) -> Sample:
        place = self._stored.place(index)
        line = parse_line(self._stored.read(index))
        height, width = image.shape[:2]
        try:
            check_places(line, width, height)
        except DatasetError as error:
            raise DatasetError(f"{place}: {error}") from error
        return Sample(
            image=image,
            captions=tuple(_clip_words(caption, width, height) for caption in line.captions),
            phrases=tuple(self._phrase(phrase, width, height, place) for phrase in line.phrases),
            regions=tuple(Region(_clip(r.box, width, height), r.caption) for r in line.regions),
        )

    def _phrase(self, phrase: OwnPhrase, width: int, height: int, place: str) -> Phrase:
        mask = None
        if self._masks and phrase.mask is not None:
            mask = decode_segmentation(phrase.mask, height, width, place)
        return Phrase(phrase.phrase, _clip(phrase.box, width, height), mask)


def read_line(data: bytes, place: str) -> OwnLine:
    """A line of the file. Raises DatasetError, which begins with the place."""
    fields = parse_json(data, place)
    try:
        return parse_line(fields)
    except DatasetError as error:
        raise DatasetError(f"{place}: {error}") from error


def judge_repetition(image: str, lines: dict[str, int], number: int, place: str) -> None:
    """Notes the line of an image; raises DatasetError where it has one already."""
    first = lines.setdefault(image, number)
    if first != number:
        raise DatasetError(
            f"{place}: line {first} is about {image} too; an image has one line, which can have "
            "many captions, phrases and regions"
        )


def _clip(box: Box, width: int, height: int) -> Box:
    """What rounding left outside is cut off; there is always something inside."""
    clipped = clip_box(box, width, height)
    assert clipped is not None
    return clipped


def _clip_words(caption: Caption, width: int, height: int) -> Caption:
    words = (WordPlace(w.start, w.end, _clip(w.box, width, height)) for w in caption.words)
    return Caption(caption.text, tuple(words))
