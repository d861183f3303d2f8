"""All formats of datasets by name, and the text that names a dataset: a spec.

A spec is `FORMAT:PATH[,key=value...]`, such as
`refcoco:/data/refcoco,split=val,images=/data/train2014`.
docs/datasets.md says what each format is and what it takes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast, get_args

from pixelllm.data.coco_captions import CocoCaptions
from pixelllm.data.errors import DatasetError
from pixelllm.data.file_dataset import Annotations, FileDataset, MissingImages
from pixelllm.data.flickr30k_entities import SEVERAL, Flickr30kEntities
from pixelllm.data.image_folder import ImageFolder
from pixelllm.data.llava import Llava
from pixelllm.data.localized_narratives import LocalizedNarratives
from pixelllm.data.mdetr import Mdetr
from pixelllm.data.own_layout import OwnLayout
from pixelllm.data.refcoco import RefCoco
from pixelllm.data.sample import Dataset
from pixelllm.data.uninext import Uninext
from pixelllm.data.visual_genome import Grit, VisualGenome, find_grit_file

EXIF: Final = ("apply", "ignore")
IMAGES: Final = "images"  # the folder beside the annotations, by default
COMMON: Final = {
    "images": "the folder of the images; default: images, beside the annotations or their folder",
    "missing": "where images are missing: fail, or skip them",
    "exif": "whether to turn images as their EXIF data say: ignore, or apply",
}


@dataclass(frozen=True)
class Spec:
    """A spec taken apart."""

    format: str
    path: Path
    options: Mapping[str, str]


@dataclass(frozen=True)
class Format:
    """How a format is opened: with its path, its options and whether masks are wanted.

    `options` says what each is for. `upright`: whether its annotations are of the image after EXIF
    rotation.
    """

    open: Callable[[Path, Mapping[str, str], bool], Annotations]
    options: Mapping[str, str]
    upright: bool = False


FORMATS: Final[Mapping[str, Format]] = {
    "localized_narratives": Format(
        lambda path, options, masks: LocalizedNarratives(_find_files(path)), {}
    ),
    "coco_captions": Format(lambda path, options, masks: CocoCaptions(path), {}),
    "refcoco": Format(
        lambda path, options, masks: RefCoco(
            path, options.get("split"), options.get("by"), masks=masks
        ),
        {"split": "train, val, testA, testB, test", "by": "whose split: unc, umd, google"},
    ),
    "mdetr": Format(lambda path, options, masks: Mdetr(path, masks=masks), {}),
    "uninext": Format(
        lambda path, options, masks: Uninext(
            path, options.get("split"), options.get("source"), masks=masks
        ),
        {"split": "a key of the file", "source": "only images of coco, vg or flickr"},
    ),
    "visual_genome": Format(
        lambda path, options, masks: VisualGenome(path, options.get("split")),
        {"split": "of densecap_splits.json: train, val, test"},
    ),
    "grit": Format(
        lambda path, options, masks: Grit(find_grit_file(path, options.get("split"))),
        {"split": "where the path is a folder: train, test"},
    ),
    "flickr30k_entities": Format(
        lambda path, options, masks: Flickr30kEntities(
            path, options.get("split"), options.get("boxes", SEVERAL[0])
        ),
        {
            "split": "train, val, test",
            "boxes": "of a phrase with several: merge them, or a phrase for each",
        },
    ),
    "llava": Format(lambda path, options, masks: Llava(path), {}),
    "own": Format(lambda path, options, masks: OwnLayout(path, masks=masks), {}, upright=True),
}


def open_dataset(
    spec: str, *, masks: bool = False, missing_images: MissingImages = "fail"
) -> Dataset:
    """The dataset of a spec; annotations are indexed, images are read when they are asked for.

    Args:
        spec: `FORMAT:PATH[,key=value...]`.
        masks: whether phrases have their masks, where the format has any.
        missing_images: what to do where images are missing, unless the spec says it (`missing=`).

    Raises:
        DatasetError: the spec is wrong, or the files are missing or damaged.
    """
    return open_files(parse_spec(spec), masks=masks, missing_images=missing_images)


def open_files(
    spec: Spec, *, masks: bool = False, missing_images: MissingImages = "fail"
) -> FileDataset:
    """As `open_dataset`, with what is known of datasets of files."""
    missing = _choice(spec, "missing", get_args(MissingImages), missing_images)
    upright = turns_images(spec)
    folder = ImageFolder(images_of(spec))
    return FileDataset(
        FORMATS[spec.format].open(spec.path, spec.options, masks),
        folder,
        missing_images=cast(MissingImages, missing),
        upright=upright,
    )


def parse_spec(text: str) -> Spec:
    """A spec. Raises DatasetError, which lists what there is, where a part is not known."""
    name, colon, rest = text.partition(":")
    if not colon or name not in FORMATS:
        raise DatasetError(
            f"{text!r}: {name!r} is no format; a dataset is FORMAT:PATH[,key=value...], and the "
            f"formats are {', '.join(FORMATS)}"
        )
    path, *parts = rest.split(",")
    if not path:
        raise DatasetError(f"{text!r} has no path; a dataset is FORMAT:PATH[,key=value...]")
    known = {**FORMATS[name].options, **COMMON}
    options: dict[str, str] = {}
    for part in parts:
        key, equals, value = part.partition("=")
        if not equals or key not in known or not value:
            there = "; ".join(f"{key}= ({what})" for key, what in known.items())
            raise DatasetError(f"{text!r}: {part!r} is no option of {name}; there are {there}")
        if key in options:
            raise DatasetError(f"{text!r}: {key} is there twice")
        options[key] = value
    return Spec(name, Path(path).expanduser(), options)


def images_of(spec: Spec) -> Path:
    """The folder of images: as said, or beside the annotations, or beside their folder."""
    if "images" in spec.options:
        return Path(spec.options["images"]).expanduser()
    beside = spec.path if spec.path.is_dir() else spec.path.parent
    further = beside.resolve().parent / IMAGES
    return further if further.is_dir() and not (beside / IMAGES).is_dir() else beside / IMAGES


def turns_images(spec: Spec) -> bool:
    """Whether EXIF rotation is applied. Raises DatasetError where the spec says neither."""
    default = "apply" if FORMATS[spec.format].upright else "ignore"
    return _choice(spec, "exif", EXIF, default) == "apply"


def _choice(spec: Spec, key: str, choices: tuple[str, ...], default: str) -> str:
    value = spec.options.get(key, default)
    if value not in choices:
        raise DatasetError(f"{key}={value}: there are {', '.join(choices)}")
    return value


def _find_files(path: Path) -> list[Path]:
    """The file, or those that a pattern such as `train-*.jsonl` fits, in order."""
    if "*" not in path.name:
        return [path]
    found = sorted(path.parent.glob(path.name))
    if not found:
        raise DatasetError(f"no file fits {path}")
    return found
