"""Which things a scene has and where: everything about it but its pixels.

Lengths are in units of the image's long side, so that a layout looks the same at any resolution.
"""

from dataclasses import dataclass

from pixelllm.data.drawing import Drawing


@dataclass(frozen=True, eq=False)
class ThingPlan:
    """One thing: what it is, and where in the image. Later plans lie on top of earlier."""

    kind: str
    colour: str
    texture: str
    size: str  # "small" or "large"
    drawing: Drawing
    x: float  # of the centre, in long sides of the image; y down
    y: float
    radius: float  # half of the drawing's longer side
    mirrored: bool
    rotation: float  # radians, clockwise


@dataclass(frozen=True, eq=False)
class Layout:
    """A frame of width x height (the longer is 1), a setting by name, and things.

    horizon: the y where the ground, the water or the room's floor begins.
    """

    width: float
    height: float
    setting: str
    horizon: float
    things: tuple[ThingPlan, ...]
