"""Files as datasets are published: their exact fields and names, with small images."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 40, 30


def write_image(path: Path, width: int = WIDTH, height: int = HEIGHT) -> Path:
    """An image of noise, in the format of its name's ending; the same for the same size."""
    pixels = np.random.default_rng(width * 1000 + height).integers(0, 256, (height, width, 3))
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels.astype(np.uint8)).save(path)
    return path


def write_json(path: Path, value: Any) -> Path:
    """A json, as Python writes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), "utf-8")
    return path


def write_lines(path: Path, values: Iterable[Any]) -> Path:
    """A value a line; text is written as it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [value if isinstance(value, str) else json.dumps(value) for value in values]
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return path


def coco_image(key: int, name: str, width: int = WIDTH, height: int = HEIGHT) -> dict[str, Any]:
    """An entry of COCO's `images`."""
    return {
        "license": 1,
        "file_name": name,
        "coco_url": f"http://images.cocodataset.org/{name}",
        "height": height,
        "width": width,
        "date_captured": "2013-11-18 02:53:27",
        "id": key,
    }


def coco_file(
    images: list[dict[str, Any]], annotations: list[dict[str, Any]], **more: Any
) -> dict[str, Any]:
    """A file of COCO's form."""
    return {
        "info": {"description": "This is a dataset.", "version": "1.0", "year": 2014},
        "images": images,
        "licenses": [{"url": "http://creativecommons.org/licenses/by/2.0/", "id": 4}],
        "annotations": annotations,
        "categories": [{"supercategory": "person", "id": 1, "name": "person"}],
        **more,
    }


def narrative(
    dataset: str, image: str, annotator: int, words: Iterable[str] = ("A", "dog,", "two", "cats.")
) -> dict[str, Any]:
    """A line of Localized Narratives: a word a second, the pointer walks down a diagonal."""
    words = list(words)
    return {
        "dataset_id": dataset,
        "image_id": image,
        "annotator_id": annotator,
        "caption": " ".join(words),
        "timed_caption": [
            {"utterance": word, "start_time": float(second), "end_time": second + 1.0}
            for second, word in enumerate(words)
        ],
        "traces": [
            [
                {"x": t / len(words), "y": t / len(words), "t": float(t)}
                for t in range(len(words) + 1)
            ]
        ],
        "voice_recording": f"voice-recordings/{dataset}_{image}_{annotator}.ogg",
    }


def ref(key: int, ann: int, image: int, split: str, sentences: Mapping[int, str]) -> dict[str, Any]:
    """An entry of RefCOCO's `refs(*).p`."""
    return {
        "sent_ids": list(sentences),
        "file_name": f"COCO_train2014_{image:012d}_{ann}.jpg",
        "ann_id": ann,
        "ref_id": key,
        "image_id": image,
        "split": split,
        "sentences": [
            {"tokens": sent.split(), "raw": sent.upper(), "sent_id": number, "sent": sent}
            for number, sent in sentences.items()
        ],
        "category_id": 1,
    }


def instance(key: int, image: int, box: list[float], segmentation: Any) -> dict[str, Any]:
    """An entry of COCO's `annotations`; run lengths are of crowds."""
    return {
        "segmentation": segmentation,
        "area": box[2] * box[3],
        "iscrowd": int(isinstance(segmentation, dict)),
        "image_id": image,
        "bbox": box,
        "category_id": 1,
        "id": key,
    }
