"""What a text says about a scene's objects."""

import re
from dataclasses import dataclass

from pixelllm.data.scene_vocabulary import COLOURS, SHAPES, SIZES, TEXTURES


@dataclass(frozen=True)
class NamedObject:
    """An object as a text names it; what the text does not say is None, a texture "solid"."""

    size: str | None
    texture: str
    colour: str | None
    shape: str

    @property
    def pair(self) -> tuple[str | None, str]:
        """(colour, shape)."""
        return self.colour, self.shape


def named_objects(text: str) -> list[NamedObject]:
    """The objects that a text names, in its order.

    A shape's name makes an object. It has the size, texture and colour said before it, since the
    last comma, "and" or shape; of two of a sort, the later.
    """
    found: list[NamedObject] = []
    said: dict[str, str] = {}
    for word in re.findall(r"\w+|,", text):
        if word in SIZES:
            said["size"] = word
        elif word in TEXTURES:
            said["texture"] = word
        elif word in COLOURS:
            said["colour"] = word
        elif word in SHAPES:
            size, texture = said.get("size"), said.get("texture", "solid")
            found.append(NamedObject(size, texture, said.get("colour"), word))
            said = {}
        elif word in (",", "and"):
            said = {}
    return found
