"""Synthetic scenes as a dataset in memory."""

from dataclasses import replace

from pixelllm.data.errors import DatasetError
from pixelllm.data.sample import Sample
from pixelllm.data.scenes import EVALUATION_STREAM, draw_scene, scene_rng


class SceneData:
    """The first scenes of a stream, 128 pixels long, numbered as COCO's images are.

    Those of `damaged` numbers cannot be read. `read` is which ones were.
    """

    name = "scenes"

    def __init__(self, count: int, *, damaged: tuple[int, ...] = ()) -> None:
        self.read: list[int] = []
        self._damaged = damaged
        self._scenes = [
            draw_scene(scene_rng(31, index, EVALUATION_STREAM), long_side=128)
            for index in range(count)
        ]

    def __len__(self) -> int:
        return len(self._scenes)

    def __getitem__(self, index: int) -> Sample:
        if index in self._damaged:
            raise DatasetError(f"{index}.png: the picture is damaged or cut short")
        self.read.append(index)
        return replace(self._scenes[index].sample, id=f"scenes/{index + 1}")
