"""What is known of a kind of thing: how it is drawn and where it is met."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from pixelllm.data.drawing import Drawing

Place: TypeAlias = Literal["ground", "air", "water"]

_SHORE = 0.64  # of the way from the horizon down to the frame's edge


@dataclass(frozen=True)
class Kind:
    """A kind of thing, such as a house.

    name: one lower-case word. plural: its plural, one word.
    draw: a new drawing, every time with other proportions and details.
    place: from each setting where the kind is met to its place there: "ground", below the horizon
    (at sea: on the beach, below `shore`); "air", above the horizon (in a room: on the wall);
    "water", below the horizon at sea.
    tilt: the largest rotation, radians, that still looks natural.
    surface: in the drawing's y, the height that things can stand at, if it is a part of every
    drawing, None where nothing stands on it. shelter: things can be under it.
    portable: it may stand on a surface.
    """

    name: str
    plural: str
    draw: Callable[[np.random.Generator], Drawing]
    place: Mapping[str, Place]
    tilt: float = 0.06
    surface: float | None = None
    shelter: bool = False
    portable: bool = False

    @property
    def settings(self) -> tuple[str, ...]:
        """Where it is met, of `scene_vocabulary.SETTINGS`."""
        return tuple(self.place)


def shore(horizon: float, height: float) -> float:
    """The y where a beach begins, below the water, in a sea of this horizon and frame height.

    The painter paints a beach where a thing of the scene has its place on the ground.
    """
    return horizon + _SHORE * (height - horizon)
