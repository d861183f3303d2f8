"""Every word that is said about scenes."""

from pixelllm.data.scene_vocabulary import COLOURS, SETTINGS, SIZES, TEXTURES
from pixelllm.data.things import KINDS

# One colour of each kind, never drawn unless asked for, so that naming such a pair can be told from
# having memorised it.
HELD_OUT_PAIRS = frozenset(
    (tuple(COLOURS)[(4 * index + index // 9) % len(COLOURS)], kind)
    for index, kind in enumerate(KINDS)
)

CAPTION_PREFIX = "a long image caption:"
DESCRIBE_PREFIX = "an object of"
LOCATE_PREFIX = "where is"  # followed by a space and the phrase

NUMBERS = ("two", "three", "four", "five", "six", "seven", "eight")  # of 2, 3, ... alike
ORDINALS = ("second", "third", "fourth", "fifth")  # of the 2nd, 3rd, ... from a side
SCENES = {
    "street": "on a street",
    "meadow": "in a meadow",
    "sea": "by the sea",
    "room": "in a room",
}  # setting -> where its things are
SIDES = ("on the left", "in the middle", "on the right")  # of an image's thirds
SUPERLATIVES = {
    "leftmost": (0, 1.0),
    "rightmost": (0, -1.0),
    "topmost": (1, 1.0),
    "bottommost": (1, -1.0),
}  # word -> (axis, sign): the thing with the smallest sign * centre[axis]
RELATIONS = {
    "left of": (0, 1.0),
    "right of": (0, -1.0),
    "above": (1, 1.0),
    "below": (1, -1.0),
}  # words -> (axis, sign): sign * centre[axis] is smaller than the other thing's
CONTACTS = ("on", "under", "behind")  # relations that the layout makes

VOCABULARY = tuple(
    dict.fromkeys(
        " ".join(
            (
                *("a an the and with from", *SETTINGS),
                *(*SIZES, *TEXTURES[1:], *COLOURS, *NUMBERS, *ORDINALS, *CONTACTS),
                *(*KINDS, *(kind.plural for kind in KINDS.values())),
                *(*SCENES.values(), *SIDES, *SUPERLATIVES, *RELATIONS),
                *(CAPTION_PREFIX.removesuffix(":"), DESCRIBE_PREFIX, LOCATE_PREFIX),
            )
        ).split()
    )
)  # every word, without punctuation (which is "," and ":")
