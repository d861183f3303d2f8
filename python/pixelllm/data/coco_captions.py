"""COCO captions: `captions_train2017.json` and its like; about five captions an image."""

from pathlib import Path

from pixelllm.data.coco_file import CocoFile, CocoReader
from pixelllm.data.errors import DatasetError
from pixelllm.data.sample import Caption, Image, Sample


class CocoCaptions(CocoReader):
    """The captions of a file, by image."""

    name = "coco_captions"

    def __init__(self, path: Path) -> None:
        super().__init__(CocoFile(path))

    def describe(self, index: int, image: Image) -> Sample:
        entry = self._entry(index, image)
        captions = [a.get("caption") for a in self._file.annotations(entry)]
        if not all(isinstance(text, str) for text in captions):
            raise DatasetError(f"{self._file.path}: an annotation of {entry.key} has no caption")
        return Sample(image=image, captions=tuple(Caption(str(t).strip()) for t in captions))
