"""A dataset of files: what a format's annotations say, joined with the images on disk."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol, TypeAlias

from pixelllm.data.errors import DatasetError
from pixelllm.data.image_folder import ImageFolder, read_image
from pixelllm.data.sample import Image, Sample

MissingImages: TypeAlias = Literal["skip", "fail"]
NAMED = 5  # missing images that a message names

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Picture:
    """An image as annotations name it: its id in the dataset, and names its file may have."""

    key: str
    names: tuple[str, ...]


class Annotations(Protocol):
    """What a format says about its pictures, by number, one after the other."""

    @property
    def name(self) -> str:
        """Names the dataset in reports."""

    def __len__(self) -> int: ...

    def picture(self, index: int) -> Picture:
        """Which picture it is."""

    def describe(self, index: int, image: Image) -> Sample:
        """All that is said about it; `id` may be left to the dataset.

        Boxes are clipped to the image; what has no part in it is left out.
        """


class FileDataset:
    """The pictures of which a file is there; `missing` names the others.

    Args:
        annotations: of the pictures.
        folder: where their files are.
        missing_images: what to do where files are missing: "fail" names them in a DatasetError,
            "skip" in a warning. If all are missing it is an error in either case.
        upright: apply EXIF rotation.
    """

    def __init__(
        self,
        annotations: Annotations,
        folder: ImageFolder,
        *,
        missing_images: MissingImages,
        upright: bool,
    ) -> None:
        self.name = annotations.name
        self.missing: tuple[str, ...]
        self._annotations = annotations
        self._folder = folder.path
        self._upright = upright
        pictures = (annotations.picture(index) for index in range(len(annotations)))
        found = [(folder.find(p.names), p.names[0]) for p in pictures]
        self._kept = [index for index, (path, _) in enumerate(found) if path is not None]
        self._paths = [path for path, _ in found if path is not None]
        self.missing = tuple(name for path, name in found if path is None)
        self._judge_missing(missing_images)

    def __len__(self) -> int:
        return len(self._kept)

    def __getitem__(self, index: int) -> Sample:
        """Reads the image and its annotations; raises DatasetError where either is damaged."""
        number, path = self._kept[index], self._paths[index]
        image = read_image(self._folder / path, upright=self._upright)
        sample = self._annotations.describe(number, image)
        key = self._annotations.picture(number).key
        return replace(sample, id=f"{self.name}/{key}")

    def path(self, index: int) -> str:
        """Where the file of a sample's image is, from the folder of images."""
        return self._paths[index]

    def _judge_missing(self, missing_images: MissingImages) -> None:
        if not self.missing:
            return
        total = len(self._annotations)
        what = (
            f"{self.name}: {len(self.missing)} of {total} images are not in {self._folder}: "
            f"{_named(self.missing)}"
        )
        if not self._kept:
            raise DatasetError(f"{what}; images=FOLDER says where they are")
        if missing_images == "fail":
            raise DatasetError(f"{what}; get them, or leave them out with missing=skip")
        logger.warning("%s: left out", what)


def check_size(image: Image, width: int, height: int, place: str) -> None:
    """Raises DatasetError where the image is not of the size that its annotations are for."""
    rows, columns = image.shape[:2]
    if (columns, rows) != (width, height):
        turned = " (exif=apply turns images)" if (rows, columns) == (width, height) else ""
        raise DatasetError(
            f"{place}: the annotations are for {width} x {height} pixels, the image has "
            f"{columns} x {rows}{turned}; get the image that the dataset is made of"
        )


def _named(names: Sequence[str]) -> str:
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")
