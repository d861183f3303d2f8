"""The kinds of things that scenes hold."""

from pixelllm.data.scene_vocabulary import SETTINGS
from pixelllm.data.things.animals import ANIMALS
from pixelllm.data.things.buildings import BUILDINGS
from pixelllm.data.things.household import HOUSEHOLD
from pixelllm.data.things.kind import Kind, Place, shore
from pixelllm.data.things.plants import PLANTS
from pixelllm.data.things.vehicles import VEHICLES

KINDS: dict[str, Kind] = {
    kind.name: kind for kind in (*VEHICLES, *BUILDINGS, *ANIMALS, *PLANTS, *HOUSEHOLD)
}

__all__ = ["KINDS", "SETTINGS", "Kind", "Place", "shore"]
