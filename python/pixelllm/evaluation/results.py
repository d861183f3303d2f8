"""Predictions in files: the forms of the community, so that others' tools can score them too.

A prediction is a JSON object. `image_id` names its image as COCO does, by the number that its
dataset gives it where there is one. A box is `bbox`, [x, y, width, height] in pixels of the image;
a mask is `segmentation`, COCO's run lengths with `counts` as text. Where several things are asked
about an image, `index` says about which of the sample's phrases, regions or captions it is, from
0.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pixelllm.data.sample import Box

Record = dict[str, Any]


class ResultsError(Exception):
    """A file of predictions cannot be read; the message says why and what to do."""


def image_id(sample_id: str) -> int | str:
    """The number of an image in its dataset (581857 of "refcoco/581857"), or else the whole id."""
    last = sample_id.rpartition("/")[2]
    return int(last) if last.isascii() and last.isdigit() else sample_id


def bbox(box: Sequence[float]) -> list[float]:
    """COCO's form of (x_min, y_min, x_max, y_max), rounded as places are in replies."""
    x_min, y_min, x_max, y_max = box
    return [round(value, 2) for value in (x_min, y_min, x_max - x_min, y_max - y_min)]


def corners(record: Mapping[str, Any]) -> Box:
    """The box of a prediction as (x_min, y_min, x_max, y_max).

    Raises:
        ResultsError: it has none.
    """
    found = record.get("bbox")
    if not isinstance(found, list) or len(found) != 4:
        raise ResultsError(f"a prediction has no bbox of four numbers: {json.dumps(record)[:200]}")
    x, y, width, height = (float(value) for value in found)
    return x, y, x + width, y + height


def text_of(record: Mapping[str, Any], name: str = "caption") -> str:
    """The text of a prediction under a name.

    Raises:
        ResultsError: it has none.
    """
    found = record.get(name)
    if not isinstance(found, str):
        raise ResultsError(f"a prediction has no {name}: {json.dumps(record)[:200]}")
    return found


def read_predictions(path: Path) -> dict[int | str, list[Record]]:
    """Predictions by image, from a JSON array.

    Raises:
        ResultsError: the file is missing or of another form.
    """
    try:
        records = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ResultsError(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(records, list):
        raise ResultsError(f"{path} is no JSON array of predictions, each with an image_id")
    by_image: dict[int | str, list[Record]] = {}
    for record in records:
        if not isinstance(record, dict) or not isinstance(record.get("image_id"), int | str):
            raise ResultsError(f"{path} has a prediction without an image_id")
        by_image.setdefault(record["image_id"], []).append(record)
    return by_image


def by_question(texts: Sequence[str], records: Iterable[Record], name: str) -> dict[int, Record]:
    """Which prediction answers which of an image's questions.

    One with an `index` answers that question; one without, the first of its text that is open.

    Args:
        texts: of the questions.
        name: under which a prediction has the text.
    """
    found: dict[int, Record] = {}
    for record in records:
        number = record.get("index")
        if not isinstance(number, int):
            same = (i for i, text in enumerate(texts) if text == record.get(name))
            number = next((i for i in same if i not in found), None)
        if number is not None and 0 <= number < len(texts):
            found[number] = record
    return found
