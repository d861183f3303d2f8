"""The synthetic scenes as files in the formats of the real datasets, whose readers read them back.

Scenes for training and for validation are from different streams, so none is in both.

    images/                 1.png, 2.png, ...: those for training, then those for validation
    localized_narratives/   scenes_train_localized_narratives.jsonl, scenes_val_...
    coco_captions/          captions_train.json, captions_val.json
    refcoco/                refs(unc).p, instances.json; splits train, val
    visual_genome/          region_descriptions.json, image_data.json, densecap_splits.json
    grit/                   train.json, val.json
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, Literal, TextIO, TypeAlias

from PIL import Image

from pixelllm.data.plain_pickle import dump_plain
from pixelllm.data.sample import Box
from pixelllm.data.scenes import (
    EVALUATION_STREAM,
    TRAINING_STREAM,
    Scene,
    draw_scene,
    scene_rng,
)
from pixelllm.data.things import KINDS
from pixelllm.data.write_plain import encode_mask, make_new

ImageFormat: TypeAlias = Literal["png", "jpg"]
STREAMS: Final = {"train": TRAINING_STREAM, "val": EVALUATION_STREAM}
QUALITY: Final = 95  # of JPEGs; a PNG has none

_CATEGORIES: Final = {kind: number for number, kind in enumerate(KINDS, start=1)}


def write_scenes(
    folder: Path,
    *,
    train: int,
    val: int,
    seed: int,
    image_side: int = 128,
    image_format: ImageFormat = "png",
    tell: Callable[[str], None] = lambda text: None,
) -> None:
    """Draws scenes and writes them into a new or empty folder.

    Args:
        train, val: how many of each.
        seed: of the scenes.
        image_side: the longer side of an image, pixels.
        tell: gets a line after every thousand scenes.

    Raises:
        DatasetError: the folder has something in it.
    """
    make_new(folder)
    (folder / "images").mkdir()
    writer = _Writer(folder, image_format)
    number = 0
    for split, count in (("train", train), ("val", val)):
        with writer.open_narratives(split) as narratives:
            for scene in _draw(count, seed, STREAMS[split], image_side):
                number += 1
                writer.add(number, split, scene, narratives)
                if number % 1000 == 0:
                    tell(f"{number} of {train + val} scenes")
    writer.finish()


def _draw(count: int, seed: int, stream: int, image_side: int) -> Iterator[Scene]:
    for index in range(count):
        yield draw_scene(scene_rng(seed, index, stream), long_side=image_side)


class _Writer:
    """Writes images and narratives at once, and keeps the rest until all scenes are there."""

    def __init__(self, folder: Path, image_format: ImageFormat) -> None:
        self._folder = folder
        self._suffix = image_format
        self._images: dict[str, list[dict[str, Any]]] = {split: [] for split in STREAMS}
        self._captions: dict[str, list[dict[str, Any]]] = {split: [] for split in STREAMS}
        self._grit: dict[str, list[dict[str, Any]]] = {split: [] for split in STREAMS}
        self._refs: list[dict[str, Any]] = []
        self._instances: list[dict[str, Any]] = []
        self._descriptions: list[dict[str, Any]] = []
        self._sentences = self._regions = 0  # how many there are so far

    def open_narratives(self, split: str) -> TextIO:
        path = self._folder / f"localized_narratives/scenes_{split}_localized_narratives.jsonl"
        path.parent.mkdir(exist_ok=True)
        return path.open("w", encoding="utf-8")

    def add(self, number: int, split: str, scene: Scene, narratives: TextIO) -> None:
        self._add_image(number, split, scene)
        line = {
            "dataset_id": f"scenes_{split}",
            "image_id": str(number),
            "annotator_id": 0,
            **scene.caption.narrative.to_json(),
        }
        narratives.write(json.dumps(line) + "\n")
        captions = self._captions[split]
        captions.append(
            {"image_id": number, "id": len(captions) + 1, "caption": scene.caption.text}
        )
        self._add_references(number, split, scene)
        self._add_regions(number, split, scene)

    def _add_image(self, number: int, split: str, scene: Scene) -> None:
        name = f"{number}.{self._suffix}"
        Image.fromarray(scene.image).save(self._folder / "images" / name, quality=QUALITY)
        height, width = scene.image.shape[:2]
        self._images[split].append(
            {"file_name": name, "height": height, "width": width, "id": number}
        )

    def _add_references(self, number: int, split: str, scene: Scene) -> None:
        """RefCOCO: an annotation for each thing, an entry for each that is referred to."""
        for index, thing in enumerate(scene.things):
            annotation = len(self._instances) + 1
            self._instances.append(
                {
                    "segmentation": encode_mask(thing.mask),
                    "area": int(thing.mask.sum()),
                    "iscrowd": 0,
                    "image_id": number,
                    "bbox": _corner_and_size(thing.box),
                    "category_id": _CATEGORIES[thing.kind],
                    "id": annotation,
                }
            )
            sentences = [self._sentence(r.text) for r in scene.references if r.thing == index]
            if sentences:
                self._refs.append(
                    {
                        "sent_ids": [sentence["sent_id"] for sentence in sentences],
                        "file_name": f"{number}_{annotation}.{self._suffix}",
                        "ann_id": annotation,
                        "ref_id": len(self._refs),
                        "image_id": number,
                        "split": split,
                        "sentences": sentences,
                        "category_id": _CATEGORIES[thing.kind],
                    }
                )

    def _sentence(self, text: str) -> dict[str, Any]:
        self._sentences += 1
        return {"tokens": text.split(), "raw": text, "sent_id": self._sentences - 1, "sent": text}

    def _add_regions(self, number: int, split: str, scene: Scene) -> None:
        """Visual Genome, both as published and as GRiT has it."""
        grit = self._grit[split]
        regions = []
        for region in scene.sample.regions:
            box = _corner_and_size(region.box)
            self._regions += 1
            key = self._regions
            x, y, width, height = box
            regions.append(
                {
                    "region_id": key,
                    "width": width,
                    "height": height,
                    "image_id": number,
                    "phrase": region.caption,
                    "y": y,
                    "x": x,
                }
            )
            grit.append(
                {
                    "image_id": number,
                    "bbox": box,
                    "caption": region.caption,
                    "id": key,
                    "category_id": 1,
                }
            )
        self._descriptions.append({"regions": regions, "id": number})

    def finish(self) -> None:
        for split, images in self._images.items():
            captions = {"images": images, "annotations": self._captions[split]}
            self._write(f"coco_captions/captions_{split}.json", captions)
            regions = {
                "images": images,
                "annotations": self._grit[split],
                "categories": [{"supercategory": "object", "id": 1, "name": "object"}],
            }
            self._write(f"grit/{split}.json", regions)
        everything = [image for images in self._images.values() for image in images]
        instances = {
            "images": everything,
            "annotations": self._instances,
            "categories": [
                {"supercategory": "thing", "id": number, "name": kind}
                for kind, number in _CATEGORIES.items()
            ],
        }
        self._write("refcoco/instances.json", instances)
        (self._folder / "refcoco/refs(unc).p").write_bytes(dump_plain(self._refs))
        self._write("visual_genome/region_descriptions.json", self._descriptions)
        data = [{"image_id": i["id"], **_sides(i)} for i in everything]
        self._write("visual_genome/image_data.json", data)
        splits = {split: [i["id"] for i in images] for split, images in self._images.items()}
        self._write("visual_genome/densecap_splits.json", splits)

    def _write(self, name: str, value: Any) -> None:
        path = self._folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(value), "utf-8")


def _sides(image: dict[str, Any]) -> dict[str, Any]:
    return {"width": image["width"], "height": image["height"]}


def _corner_and_size(box: Box) -> list[int]:
    """(x, y, width, height) of a box around whole pixels."""
    x0, y0, x1, y1 = (round(v) for v in box)
    return [x0, y0, x1 - x0, y1 - y0]
