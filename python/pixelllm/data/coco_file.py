"""Files of COCO's form: {"images": [...], "annotations": [...]}, the latter each of one image."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from pixelllm.data.errors import DatasetError
from pixelllm.data.file_dataset import Picture, check_size
from pixelllm.data.grouping import Groups, is_key
from pixelllm.data.sample import Image
from pixelllm.data.stored_json import Element, StoredJson, mend_text, scan_json

Wanted: TypeAlias = Callable[[Mapping[str, Any]], bool]


@dataclass(frozen=True, slots=True)
class CocoImage:
    """An entry of `images`; sizes in pixels, 0 where the file says none.

    `extra` has what else was asked for.
    """

    key: int | str
    file_name: str
    width: int
    height: int
    extra: Mapping[str, Any]

    @classmethod
    def from_json(
        cls, fields: Mapping[str, Any], path: Path, extra: Sequence[str] = ()
    ) -> "CocoImage":
        """An entry as the file has it. Raises DatasetError where it lacks id or file_name."""
        try:
            key, name = fields["id"], mend_text(fields["file_name"])
            width, height = int(fields.get("width") or 0), int(fields.get("height") or 0)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DatasetError(
                f"{path}: an image lacks id, file_name, width or height: {str(fields)[:120]}"
            ) from error
        if not is_key(key):
            raise DatasetError(f"{path}: the id of an image is a number or a text, not {key!r}")
        more = {
            name: mend_text(fields[name]) if isinstance(fields[name], str) else fields[name]
            for name in extra
            if name in fields
        }
        return cls(key, name, width, height, more)

    def check(self, image: Image) -> None:
        """Raises DatasetError where the image has another size."""
        if self.width and self.height:
            check_size(image, self.width, self.height, self.file_name)


class CocoFile:
    """The annotated images of a file, in its order, with the places of their annotations.

    Args:
        path: of the file.
        wanted: which annotations to keep, by their fields; all by default. The images of others are
            left out.
        extra: further fields of images to keep.
    """

    def __init__(self, path: Path, wanted: Wanted | None = None, extra: Sequence[str] = ()) -> None:
        self.path = path
        self._stored = StoredJson()
        self._stored.add_file(path)
        self._groups: Groups[int | str] = Groups()
        images: dict[int | str, CocoImage] = {}
        seen = set()
        for element in scan_json(path):
            seen.add(element.array)
            if element.array == "images":
                image = CocoImage.from_json(element.value, path, extra)
                images[image.key] = image
            elif element.array == "annotations":
                self._add(element, wanted)
        if not seen >= {"images", "annotations"}:
            raise DatasetError(f"{path} has no images and annotations: it is not of COCO's form")
        self.images = [image for key, image in images.items() if self._groups.has(key)]
        if len(self.images) < len(self._groups):
            lost = next(key for key in self._groups.keys if key not in images)
            raise DatasetError(f"{path}: annotations are of image {lost}, which is not in images")

    def _add(self, element: Element, wanted: Wanted | None) -> None:
        fields = element.value
        if not isinstance(fields, dict) or not is_key(fields.get("image_id")):
            raise DatasetError(f"{self.path}, byte {element.start}: an annotation has no image_id")
        if wanted is None or wanted(fields):
            self._groups.add(fields["image_id"])
            self._stored.add(element.start, element.end)

    def annotations(self, image: CocoImage) -> list[dict[str, Any]]:
        """The annotations of an image, in the order of the file."""
        annotations: list[dict[str, Any]] = self._stored.read_all(self.numbers(image))
        return annotations

    def numbers(self, image: CocoImage) -> list[int]:
        """The numbers, among those kept, of the annotations of an image."""
        return self._groups.members_of(image.key)


class CocoReader:
    """What readers of such a file share: its images, by number."""

    def __init__(self, file: CocoFile) -> None:
        self._file = file

    def __len__(self) -> int:
        return len(self._file.images)

    def picture(self, index: int) -> Picture:
        """Where the picture of an image is."""
        image = self._file.images[index]
        return Picture(str(image.key), (image.file_name,))

    def _entry(self, index: int, image: Image) -> CocoImage:
        """An image as the file has it; raises DatasetError where the picture has another size."""
        entry = self._file.images[index]
        entry.check(image)
        return entry
