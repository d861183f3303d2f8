"""Pictures that differ, and every kind of request about them."""

from collections.abc import Mapping

import numpy as np

from tests.python.tasks.pictures import png, rotated

Ask = tuple[str, bytes, Mapping[str, object]]


def picture(number: int) -> bytes:
    """A PNG of coloured rectangles, of a size of its own; every third one is turned by EXIF."""
    random = np.random.default_rng(number)
    height, width = (int(side) for side in random.integers(60, 240, 2))
    pixels = np.full((height, width, 3), random.integers(0, 256, 3), np.uint8)
    for _ in range(4):
        y, x = random.integers(0, height - 20), random.integers(0, width - 20)
        pixels[y : y + 40, x : x + 40] = random.integers(0, 256, 3)
    return rotated(pixels, 6) if number % 3 == 2 else png(pixels)


def asks() -> list[Ask]:
    """Requests of every task, greedy and with beams, with short and long prefixes."""
    box = {"type": "box", "box": [5, 5, 50, 40]}
    point = {"type": "point", "point": [30, 20]}
    return [
        ("caption", picture(0), {}),
        ("caption", picture(1), {"prefix": "a"}),
        ("caption", picture(2), {"prefix": "the building on the lake is in a blue castle"}),
        ("caption", picture(3), {"max_tokens": 7}),
        ("caption", picture(1), {"max_tokens": 1}),
        ("caption", picture(4), {"beams": 3, "max_tokens": 12}),
        ("caption", picture(0), {"beams": 2}),
        ("describe", picture(0), {"location": box}),
        ("describe", picture(5), {"location": point}),
        ("describe", picture(2), {"location": box, "beams": 4, "max_tokens": 9}),
        ("locate", picture(0), {"phrase": "the lake"}),
        ("locate", picture(3), {"phrase": "a blue building on the left of the clock"}),
        ("locate", picture(5), {"phrase": "a"}),
    ]
