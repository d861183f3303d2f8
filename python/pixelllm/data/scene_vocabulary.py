"""What a scene can hold, and every word that is said about scenes."""

SHAPES = ("circle", "square", "triangle", "star", "cross", "ring", "diamond", "heart")
COLOURS = {
    "red": (214, 44, 40),
    "orange": (246, 134, 28),
    "yellow": (246, 216, 48),
    "green": (46, 158, 58),
    "blue": (44, 88, 216),
    "purple": (138, 58, 184),
    "pink": (246, 142, 192),
    "white": (244, 244, 244),
    "black": (28, 28, 32),
}  # RGB; each thing's own colour lies a little beside it
TEXTURES = ("solid", "striped", "dotted")  # "solid" is never said
SIZES = ("small", "large")
SETTINGS = ("street", "meadow", "sea", "room")
BACKGROUNDS = {
    "gray": (132, 132, 134),
    "sand": (203, 184, 144),
    "grass": (124, 152, 92),
    "sky": (152, 192, 222),
    "pink": (226, 178, 188),
    "brown": (112, 86, 70),
}

# Never drawn unless asked for, so that naming them can be told from having memorised them.
HELD_OUT_PAIRS = frozenset(
    {
        ("red", "star"),
        ("green", "circle"),
        ("blue", "cross"),
        ("yellow", "square"),
        ("purple", "triangle"),
        ("orange", "ring"),
        ("white", "heart"),
        ("black", "diamond"),
    }
)

CAPTION_PREFIX = "a long image caption:"
DESCRIBE_PREFIX = "an object of"
LOCATE_PREFIX = "where is"  # followed by a space and the phrase

SUPERLATIVES = {
    "leftmost": (0, 1.0),
    "rightmost": (0, -1.0),
    "topmost": (1, 1.0),
    "bottommost": (1, -1.0),
}  # word -> (axis, sign): the object with the smallest sign * centre[axis]
RELATIONS = {
    "left of": (0, 1.0),
    "right of": (0, -1.0),
    "above": (1, 1.0),
    "below": (1, -1.0),
}  # words -> (axis, sign): sign * centre[axis] is smaller than the other object's

VOCABULARY = tuple(
    dict.fromkeys(
        " ".join(
            (
                *("a the and on background", *SIZES, *TEXTURES[1:], *COLOURS, *SHAPES),
                *(*BACKGROUNDS, *SUPERLATIVES, *RELATIONS),
                *(CAPTION_PREFIX.removesuffix(":"), DESCRIBE_PREFIX, LOCATE_PREFIX),
            )
        ).split()
    )
)  # every word, without punctuation (which is "," and ":")
