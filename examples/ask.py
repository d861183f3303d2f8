"""Asks a server for a caption and a mask, with the client that is generated from its contract.

    python examples/ask.py http://127.0.0.1:8080 samples/street.png "the yellow cat"

docs/python-client.md says how `pixelllm_client` is made.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from pixelllm_client import Client
from pixelllm_client.api.tasks import caption, segment
from pixelllm_client.models import CaptionFilesBody, CaptionResult, SegmentFilesBody, SegmentResult
from pixelllm_client.types import File


def main(address: str, path: str, phrase: str) -> None:
    def image() -> File:
        return File(payload=Path(path).open("rb"), file_name="image", mime_type="image/png")

    with Client(base_url=address) as client:
        captioned = caption.sync(client=client, body=CaptionFilesBody(image=image()))
        segmented = segment.sync(client=client, body=SegmentFilesBody(phrase, image=image()))

    # Where the server refuses, it is a Problem instead.
    if not isinstance(captioned, CaptionResult) or not isinstance(segmented, SegmentResult):
        sys.exit(f"{captioned}\n{segmented}")
    words = [(word.text, word.point) for word in captioned.words]
    answer = {"caption": captioned.caption, "words": words, "mask": segmented.mask.to_dict()}
    print(json.dumps(answer))


if __name__ == "__main__":
    main(*sys.argv[1:])
