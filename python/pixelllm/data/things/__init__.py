"""The kinds of things that scenes hold."""

from pixelllm.data.scene_vocabulary import SETTINGS
from pixelllm.data.things.animals import ANIMALS
from pixelllm.data.things.buildings import BUILDINGS
from pixelllm.data.things.household import HOUSEHOLD
from pixelllm.data.things.kind import Kind, Place, shore
from pixelllm.data.things.new_things import NEW_THINGS
from pixelllm.data.things.plants import PLANTS
from pixelllm.data.things.vehicles import VEHICLES

KINDS: dict[str, Kind] = {
    kind.name: kind for kind in (*VEHICLES, *BUILDINGS, *ANIMALS, *PLANTS, *HOUSEHOLD)
}
NEW_KINDS: dict[str, Kind] = {kind.name: kind for kind in NEW_THINGS}  # unknown to `tiny`
ALL_KINDS: dict[str, Kind] = KINDS | NEW_KINDS

__all__ = ["ALL_KINDS", "KINDS", "NEW_KINDS", "SETTINGS", "Kind", "Place", "shore"]
