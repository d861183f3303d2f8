"""RefCOCO, RefCOCO+ and RefCOCOg as MDETR has them, one json for each split.

MDETR has an image entry for each expression, with the expression as its `caption`; they are joined
again by `original_id` (`original_img_id` in some), as the authors do it
(scenic, projects/pixel_llm, tools/build_mdetr_ref_tfrecord.py). The file that their tool writes,
where an object has lists of expressions (`refexp_sent`), is read too.
"""

from pathlib import Path
from typing import Any

from pixelllm.data.coco_file import CocoFile, CocoImage
from pixelllm.data.errors import DatasetError
from pixelllm.data.expressions import read_phrases
from pixelllm.data.file_dataset import Picture
from pixelllm.data.grouping import Groups, is_key
from pixelllm.data.sample import Image, Phrase, Sample


class Mdetr:
    """The expressions of a file, by original image."""

    name = "mdetr"

    def __init__(self, path: Path, *, masks: bool) -> None:
        self._masks = masks
        self._file = CocoFile(path, extra=("original_id", "original_img_id", "caption"))
        self._originals: Groups[int | str] = Groups()
        for image in self._file.images:
            original = image.extra.get("original_img_id", image.extra.get("original_id"))
            self._originals.add(original if is_key(original) else image.key)

    def __len__(self) -> int:
        return len(self._originals)

    def picture(self, index: int) -> Picture:
        first = self._file.images[self._originals.members(index)[0]]
        return Picture(str(self._originals.keys[index]), (first.file_name,))

    def describe(self, index: int, image: Image) -> Sample:
        entries = [self._file.images[member] for member in self._originals.members(index)]
        phrases: list[Phrase] = []
        for entry in entries:
            entry.check(image)
            for annotation in self._file.annotations(entry):
                phrases += read_phrases(
                    self._texts(entry, annotation),
                    annotation.get("bbox"),
                    annotation.get("segmentation") if self._masks else None,
                    image,
                    f"{self._file.path}, annotation {annotation.get('id')}",
                )
        return Sample(image=image, phrases=tuple(phrases))

    def _texts(self, entry: CocoImage, annotation: dict[str, Any]) -> list[str]:
        texts = annotation.get("refexp_sent")
        if texts is None:
            texts = [entry.extra.get("caption")]
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise DatasetError(
                f"{self._file.path}, annotation {annotation.get('id')}: there is no expression, "
                "neither as caption of the image nor as refexp_sent"
            )
        return texts
