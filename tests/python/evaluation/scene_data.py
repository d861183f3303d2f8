"""Synthetic scenes as a dataset in memory, and as files in our own layout."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image
from pycocotools import mask as coco

from pixelllm.data.sample import Dataset, Phrase, Sample
from pixelllm.data.scenes import EVALUATION_STREAM, draw_scene, scene_rng


class SceneData:
    """The first scenes of a stream, 128 pixels long, numbered as COCO's images are."""

    name = "scenes"

    def __init__(self, count: int) -> None:
        self._scenes = [
            draw_scene(scene_rng(31, index, EVALUATION_STREAM), long_side=128)
            for index in range(count)
        ]

    def __len__(self) -> int:
        return len(self._scenes)

    def __getitem__(self, index: int) -> Sample:
        return replace(self._scenes[index].sample, id=f"scenes/{index + 1}")


def write_own(folder: Path, dataset: Dataset) -> Path:
    """Writes a dataset in our own layout: `images/` and `data.jsonl`."""
    (folder / "images").mkdir(parents=True)
    lines = []
    for index in range(len(dataset)):
        sample = dataset[index]
        name = f"{index + 1}.png"
        Image.fromarray(sample.image).save(folder / "images" / name)
        lines.append(json.dumps(_line(name, sample)) + "\n")
    (folder / "data.jsonl").write_text("".join(lines), "utf-8")
    return folder


def _line(name: str, sample: Sample) -> dict[str, object]:
    return {
        "image": name,
        "captions": [
            {
                "caption": caption.text,
                "words": [{"start": w.start, "end": w.end, "box": w.box} for w in caption.words],
            }
            for caption in sample.captions
        ],
        "phrases": [_phrase(phrase) for phrase in sample.phrases],
        "regions": [{"box": one.box, "caption": one.caption} for one in sample.regions],
    }


def _phrase(phrase: Phrase) -> dict[str, object]:
    fields: dict[str, object] = {"phrase": phrase.text, "box": phrase.box}
    if phrase.mask is not None:
        encoded = coco.encode(np.asfortranarray(phrase.mask.astype(np.uint8)))
        fields["mask"] = {"size": encoded["size"], "counts": encoded["counts"].decode("ascii")}
    return fields
