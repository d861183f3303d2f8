"""Draws the sample images of the repository: `python -m pixelllm.data.draw_samples samples/`."""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from pixelllm.data.scenes import SAMPLES_STREAM, Scene, draw_scene, scene_rng

SEED = 2024


@dataclass(frozen=True)
class SampleImage:
    """The scene of this index of the samples' stream; `long_side` in pixels."""

    name: str
    index: int
    long_side: int

    def draw(self) -> Scene:
        """The scene that the file shows."""
        return draw_scene(scene_rng(SEED, self.index, SAMPLES_STREAM), long_side=self.long_side)


SAMPLES = (
    SampleImage("street.png", index=1481, long_side=480),
    SampleImage("harbour.png", index=335, long_side=640),
    SampleImage("beach.png", index=621, long_side=384),
    SampleImage("meadow.png", index=1690, long_side=448),
    SampleImage("mushrooms.png", index=482, long_side=320),
    SampleImage("table.png", index=1618, long_side=448),
    SampleImage("chairs.png", index=2201, long_side=432),
    SampleImage("cat.png", index=294, long_side=192),
)


def write_samples(folder: Path) -> None:
    """Writes every sample as a PNG into `folder`, which is made where it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    for sample in SAMPLES:
        image = Image.fromarray(sample.draw().image)
        image.save(folder / sample.name, format="PNG", optimize=True)


def main() -> int:
    """Reads the command line and draws; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m pixelllm.data.draw_samples")
    parser.add_argument("folder", type=Path, help="where the images go")
    write_samples(parser.parse_args().folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
