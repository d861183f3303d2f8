"""Colours, textures and sizes of the things (`things/`) that a scene holds, and its settings."""

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
