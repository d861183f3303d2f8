"""The folder of a dataset's images: which file a name means, and its pixels.

Images are read as they are stored: EXIF rotation is not applied, since the published annotations
are in the pixels of the stored image (the authors' reader, `tf.image.decode_jpeg`, ignores it too).
`upright` applies it, for annotations of the image as a person sees it.
"""

import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from pixelllm.data.errors import DatasetError
from pixelllm.data.sample import Image
from pixelllm.tasks.errors import TaskError
from pixelllm.tasks.image import decode_image


class ImageFolder:
    """All files under a folder, by name; links to folders are followed.

    Names come from annotation files, so no path is made of them: they are looked up among the files
    that there are.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_dir():
            raise DatasetError(f"{path} is no folder; images=FOLDER says where the images are")
        self.path = path
        self._paths = _list_files(path)

    def find(self, names: Sequence[str]) -> str | None:
        """The path in this folder of the first of the names that a file has; None if none has one.

        A name may have folders: it means a file whose path ends with it, or else the one with its
        last part as its name.
        """
        for name in names:
            wanted = PurePosixPath(name)
            found = self._paths.get(wanted.name, [])
            ending = [p for p in found if p == name or p.endswith(f"/{wanted}")] or found
            if name in ending:
                return name
            if len(ending) > 1:
                raise DatasetError(
                    f"{self.path} has several files {name}: {', '.join(sorted(ending)[:3])}; "
                    "images=FOLDER can name a folder further down"
                )
            if ending:
                return ending[0]
        return None


def read_image(path: Path, *, upright: bool) -> Image:
    """uint8[H, W, 3] RGB of an image file; grey, CMYK and transparent ones too.

    Raises DatasetError where it cannot be read.
    """
    try:
        return decode_image(path.read_bytes(), upright=upright)
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror}") from error
    except TaskError as error:
        raise DatasetError(f"{path}: {error.message}") from error


def _list_files(root: Path) -> dict[str, list[str]]:
    """Name -> the paths, from the root, of the files that have it."""
    paths: dict[str, list[str]] = {}
    entered: set[str] = set()
    for folder, folders, files in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        if real in entered:  # a link that leads back
            folders.clear()
            continue
        entered.add(real)
        prefix = Path(folder).relative_to(root).as_posix()
        for file in files:
            paths.setdefault(file, []).append(file if prefix == "." else f"{prefix}/{file}")
    return paths
