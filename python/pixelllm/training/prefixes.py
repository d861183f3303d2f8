"""What a model in training reads before it writes: sentences to choose from.

The authors draw one of 11 sentences before a long caption and one of 13 before a short one, and
ask with the first, or with "A photo of ", when they evaluate. The sentences here are the project's
own of the same kind, but for those two; `read_prefixes` reads others from a file, such as the
authors'.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

PHRASE: Final = "{phrase}"
QUESTION: Final = "{question}"
PLACES: Final = re.compile(f"{re.escape(PHRASE)}|{re.escape(QUESTION)}")

LONG_CAPTION: Final = (
    "A long image caption: ",
    "A detailed image caption: ",
    "Describe this image at length. ",
    "Describe everything that this picture shows. ",
    "Tell what is in the photo, and where. ",
    "Give a full account of the picture. ",
    "What can be seen in this image? Answer in detail. ",
    "Say in several sentences what the photo shows. ",
    "Put the whole scene into words. ",
    "Go through the image and name what is there. ",
    "Write a paragraph about this photo. ",
)
SHORT_CAPTION: Final = (
    "A photo of ",
    "A brief image caption: ",
    "A caption of one sentence: ",
    "This picture shows ",
    "Describe this image briefly. ",
    "Say in one sentence what the photo shows. ",
    "Sum up the picture. ",
    "What does this image show? Answer briefly. ",
    "Give the picture a short caption. ",
    "Name what matters in the photo. ",
    "Write one line about this image. ",
    "In a few words, what is to be seen? ",
    "Tell the gist of the scene. ",
)
OBJECT: Final = ("an object of ",)
REFERRING: Final = ("where is {phrase}",)
EXCHANGE: Final = ("Question: {question}Answer: ",)


def read_prefixes(path: Path) -> tuple[str, ...]:
    """The sentences of a text file, one a line, with the spaces around them.

    Raises:
        ValueError: it has none.
    """
    lines = path.read_text("utf-8").splitlines()
    prefixes = tuple(line for line in lines if line.strip())
    if not prefixes:
        raise ValueError(f"{path} has no sentence: write one on each line")
    return prefixes


def fill(prefix: str, *, phrase: str = "", question: str = "") -> str:
    """A prefix with what its text is about."""
    own = {PHRASE: phrase, QUESTION: question}
    return PLACES.sub(lambda place: own[place[0]], prefix)


def is_fixed(prefix: str) -> bool:
    """Whether it is the same for every text."""
    return PLACES.search(prefix) is None
