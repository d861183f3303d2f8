"""The synthetic scenes in our own layout (`own_layout.py`), as a user would send a dataset.

images/      1.png, 2.png, ...
data.jsonl   a line for each: the caption with its words' places, phrases with masks, regions
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from pycocotools import mask as coco

from pixelllm.data.errors import DatasetError
from pixelllm.data.own_layout import DATA
from pixelllm.data.sample import Box, Mask
from pixelllm.data.scenes import TRAINING_STREAM, Scene, draw_scene, scene_rng

WITHOUT = 3  # of so many scenes, one has no new things where there are any


def write_plain(
    folder: Path,
    *,
    scenes: int,
    seed: int,
    stream: int = TRAINING_STREAM,
    new_things: bool = False,
    image_side: int = 128,
    tell: Callable[[str], None] = lambda text: None,
) -> None:
    """Draws scenes and writes them into a new or empty folder.

    Args:
        scenes: how many.
        seed, stream: of the scenes.
        new_things: things that `tiny` was never shown, too (`draw_scene`), in all but every third
            scene: those without teach where not to name them.
        image_side: the longer side of an image, pixels.
        tell: gets a line after every thousand scenes.

    Raises:
        DatasetError: the folder has something in it.
    """
    make_new(folder)
    (folder / "images").mkdir()
    with (folder / DATA).open("w", encoding="utf-8") as lines:
        for number in range(1, scenes + 1):
            rng = scene_rng(seed, number - 1, stream)
            new = new_things and number % WITHOUT != 0
            scene = draw_scene(rng, long_side=image_side, new_things=new)
            name = f"{number}.png"
            Image.fromarray(scene.image).save(folder / "images" / name)
            lines.write(json.dumps(_line(name, scene)) + "\n")
            if number % 1000 == 0:
                tell(f"{number} of {scenes} scenes")


def make_new(folder: Path) -> None:
    """Makes a folder, unless it is there and empty.

    Raises:
        DatasetError: it has something in it.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DatasetError(f"{folder} is not empty; name a new folder, or empty this one")
    folder.mkdir(parents=True, exist_ok=True)


def _line(name: str, scene: Scene) -> dict[str, Any]:
    height, width = scene.image.shape[:2]
    words = [
        {"start": word.start, "end": word.end, "box": _inside(word.box, width, height)}
        for word in scene.caption.words
    ]
    return {
        "image": name,
        "captions": [{"caption": scene.caption.text, "words": words}],
        "phrases": [
            {"phrase": r.text, "box": scene.things[r.thing].box, "mask": _runs(r.thing, scene)}
            for r in scene.references
        ],
        "regions": [{"box": r.box, "caption": r.caption} for r in scene.sample.regions],
    }


def _inside(box: Box, width: int, height: int) -> list[float]:
    """What the trembling pointer left is cut off; where it went straight, a pixel wide."""
    x0, x1 = _stretch(box[0], box[2], width)
    y0, y1 = _stretch(box[1], box[3], height)
    return [x0, y0, x1, y1]


def _stretch(low: float, high: float, size: int) -> tuple[float, float]:
    low = round(min(max(low, 0.0), size - 1.0), 2)
    return low, round(min(max(high, low + 1.0), size), 2)


def _runs(thing: int, scene: Scene) -> dict[str, Any]:
    return encode_mask(scene.things[thing].mask)


def encode_mask(mask: Mask) -> dict[str, Any]:
    """COCO's run lengths of bool[H, W], with the counts as text."""
    runs = coco.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"size": list(mask.shape), "counts": runs["counts"].decode("ascii")}
