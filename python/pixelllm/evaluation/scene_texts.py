"""What a text says about a scene's things."""

import re
from dataclasses import dataclass

from pixelllm.data.scene_vocabulary import COLOURS, SIZES, TEXTURES
from pixelllm.data.scene_words import NUMBERS
from pixelllm.data.things import ALL_KINDS

_KIND_OF = {name: name for name in ALL_KINDS}
_KIND_OF |= {kind.plural: name for name, kind in ALL_KINDS.items()}
_COUNT_OF = {word: count for count, word in enumerate(NUMBERS, start=2)}


@dataclass(frozen=True)
class NamedThing:
    """A thing as a text names it; what the text does not say is None, a texture "solid"."""

    size: str | None
    texture: str
    colour: str | None
    kind: str

    @property
    def pair(self) -> tuple[str | None, str]:
        """(colour, kind)."""
        return self.colour, self.kind


def named_things(text: str) -> list[NamedThing]:
    """The things that a text names, in its order; "two red cars" are two.

    A kind's name makes a thing. It has the number, size, texture and colour said before it, since
    the last comma, "and" or kind; of two of a sort, the later. A number counts before a plural
    only.
    """
    found: list[NamedThing] = []
    said: dict[str, str] = {}
    for word in re.findall(r"\w+|,", text):
        if word in SIZES:
            said["size"] = word
        elif word in TEXTURES:
            said["texture"] = word
        elif word in COLOURS:
            said["colour"] = word
        elif word in _COUNT_OF:
            said["count"] = word
        elif word in _KIND_OF:
            kind = _KIND_OF[word]
            count = _COUNT_OF.get(said.get("count", ""), 1) if word == ALL_KINDS[kind].plural else 1
            size, texture = said.get("size"), said.get("texture", "solid")
            found += [NamedThing(size, texture, said.get("colour"), kind)] * count
            said = {}
        elif word in (",", "and"):
            said = {}
    return found
