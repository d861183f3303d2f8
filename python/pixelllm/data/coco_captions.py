"""COCO captions: `captions_train2017.json` and its like; about five captions an image."""

from pathlib import Path

from pixelllm.data.coco_file import CocoFile
from pixelllm.data.errors import DatasetError
from pixelllm.data.file_dataset import Picture
from pixelllm.data.sample import Caption, Image, Sample


class CocoCaptions:
    """The captions of a file, by image."""

    name = "coco_captions"

    def __init__(self, path: Path) -> None:
        self._file = CocoFile(path)

    def __len__(self) -> int:
        return len(self._file.images)

    def picture(self, index: int) -> Picture:
        image = self._file.images[index]
        return Picture(str(image.key), (image.file_name,))

    def describe(self, index: int, image: Image) -> Sample:
        entry = self._file.images[index]
        entry.check(image)
        captions = [a.get("caption") for a in self._file.annotations(entry)]
        if not all(isinstance(text, str) for text in captions):
            raise DatasetError(f"{self._file.path}: an annotation of {entry.key} has no caption")
        return Sample(image=image, captions=tuple(Caption(str(t).strip()) for t in captions))
