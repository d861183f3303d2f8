"""The kinds of things that scenes hold."""

from pixelllm.data.things.kind import SETTINGS, Kind, Place, shore

KINDS: dict[str, Kind] = {kind.name: kind for kind in ()}

__all__ = ["KINDS", "SETTINGS", "Kind", "Place", "shore"]
