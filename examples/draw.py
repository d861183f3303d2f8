"""Draws what a server finds in a picture, with `supervision` (docs/python-client.md).

python examples/draw.py http://127.0.0.1:8080 samples/street.png answer.png
"""

from __future__ import annotations

import base64
import json
import sys
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import supervision as sv
from PIL import Image, ImageOps
from pycocotools import mask as coco


def ask(address: str, task: str, picture: Path, **options: object) -> dict[str, Any]:
    """The answer of a task."""
    body = {"image": {"data": base64.b64encode(picture.read_bytes()).decode()}, **options}
    request = urllib.request.Request(
        f"{address}/v1/{task}",
        data=json.dumps(body).encode(),
        headers={"content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=120) as reply:
        answer: dict[str, Any] = json.load(reply)
    return answer


def to_detections(answer: dict[str, Any]) -> sv.Detections:
    """The regions of a dense caption, or the one object of `locate` and `segment`."""
    regions: list[dict[str, Any]] = answer.get("regions", [answer])
    masks = [coco.decode(region["mask"]).astype(bool) for region in regions if "mask" in region]
    labels = [region.get("caption", answer.get("phrase")) for region in regions]
    return sv.Detections(
        xyxy=np.array([region["box"] for region in regions], dtype=np.float32).reshape(-1, 4),
        mask=np.stack(masks) if masks else None,
        confidence=np.array([region["score"] for region in regions], dtype=np.float32),
        class_id=np.arange(len(regions)),
        data={"class_name": np.array(labels)},
    )


def main(address: str, picture: str, out: str) -> None:
    answer = ask(address, "dense-caption", Path(picture), masks=True)
    detections = to_detections(answer)
    labels = [str(name) for name in detections.data["class_name"]]

    # Places are in pixels of the picture as a person sees it.
    image = ImageOps.exif_transpose(Image.open(picture)).convert("RGB")
    image = sv.MaskAnnotator().annotate(image, detections)
    image = sv.BoxAnnotator().annotate(image, detections)
    image = sv.LabelAnnotator(text_scale=0.4).annotate(image, detections, labels)
    image.save(out)
    print(f"{len(detections)} regions in {out}")


if __name__ == "__main__":
    main(*sys.argv[1:])
