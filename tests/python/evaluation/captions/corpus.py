"""Captions and references to hold the metrics to: 600 pairs, the same at every call.

Captions of scenes and what people say instead: synonyms, other forms of words, numbers in digits,
punctuation, hyphens, quotes, letters with accents, contractions, repeated words, and captions that
are empty, or as long as a paragraph.
"""

# ruff: noqa: RUF001  (signs that look alike are what this is about)

from dataclasses import dataclass
from random import Random
from typing import Final

COUNT: Final = 600

_THINGS: Final = (
    ("dog", "dogs", "hound", "puppy"),
    ("cat", "cats", "kitty", "feline"),
    ("car", "cars", "automobile", "vehicle"),
    ("boat", "boats", "ship", "vessel"),
    ("sofa", "sofas", "couch", "settee"),
    ("man", "men", "gentleman", "guy"),
    ("woman", "women", "lady", "person"),
    ("child", "children", "kid", "little boy"),
    ("bus", "buses", "double-decker bus", "coach"),
    ("street", "streets", "road", "avenue"),
    ("house", "houses", "building", "home"),
    ("bicycle", "bicycles", "bike", "two-wheeler"),
    ("mouse", "mice", "rodent", "computer mouse"),
    ("table", "tables", "desk", "wooden table"),
    ("tree", "trees", "pine tree", "oak"),
    ("t-shirt", "t-shirts", "tee", "shirt"),
    ("TV", "TVs", "television", "T.V. set"),
    ("butterfly", "butterflies", "moth", "insect"),
)
_ADJECTIVES: Final = (
    ("large", "big", "huge", "larger"),
    ("small", "little", "tiny", "smallest"),
    ("red", "reddish", "crimson", "dark-red"),
    ("grey", "gray", "silver-grey", "greyish"),
    ("beautiful", "pretty", "beautifully made", "nice-looking"),
    ("old", "elderly", "aged", "50-year-old"),
    ("striped", "stripy", "with stripes", "black-and-white striped"),
    ("quick", "fast", "speedy", "quickly moving"),
)
_VERBS: Final = (
    ("is standing", "stands", "stood", "standing"),
    ("is running", "runs", "ran", "goes jogging"),
    ("is sitting", "sits", "sat down", "seated"),
    ("is looking", "looks", "gazes", "is watching"),
    ("isn't moving", "does not move", "won't move", "doesn't move"),
    ("lies", "is lying", "lay", "has been lying"),
)
_PLACES: Final = (
    ("next to", "beside", "near", "close to"),
    ("in front of", "before", "ahead of", "at the front of"),
    ("on top of", "on", "upon", "atop"),
    ("to the left of", "left of", "on the left-hand side of", "leftwards of"),
    ("under", "below", "beneath", "underneath"),
)
_NUMBERS: Final = (("two", "2", "a couple of", "2"), ("three", "3", "several", "1/2 of the"))
_OPENINGS: Final = (
    "",
    "there is ",
    "There's ",
    "this is a picture of ",
    "An image of ",
    "A close-up photo of ",
    "In the photo we see ",
    "It's ",
    "You can't miss ",
)
_ENDINGS: Final = (
    *("", "", ".", ".", " .", "!", "!!", "?", "...", "…", " (blurred).", ", isn't it?", "; nice"),
    *(" on a sunny day.", ", taken at 10:30 a.m.", " for $5.00", " -- in black & white", " — wow"),
    *(' with a sign that says "STOP".', " with the word ‘café’ on it.", " in the U.S.", " #1"),
    *(" at St. James' Park, London.", " in the 1990's", " with 1,000 people.", " 50% off"),
    *(" in São Paulo", " near the Champs-Élysées", " [sic]", " {x}", " at 5 o'clock", " 日本"),
)
_ODD: Final = (
    "",
    ".",
    "dog",
    "dogs",
    "the",
    "the the the the the the the",
    "a a b b a b a",
    "dog dog dog cat cat dog",
    "a man a woman a man a woman and a man",
    "Hello!! What?? (Really?!)",
    "'single' \"double\" ``old'' “smart” ‘smart’",
    "rock 'n' roll in the '90s",
    "e-mail a.b@c.com or see www.example.com/x",
    "1/2 of 1,234.5 at -5 or +3, 3x4 and 10-20",
    "don't can't won't shouldn't've he'd they're we've y'all gonna cannot",
    "mother-in-law's state-of-the-art t-shirt",
    "Mr. Smith vs. Dr. Jones, etc., at 5 p.m.",
    "naïve Zoë's Müller – Ωmega Привет",
    "100% of the R&D at AT&T and/or black/white",
    "a_b c*d e=f <g> h+i ~ ^ | \\",
)


@dataclass(frozen=True)
class Pair:
    """A caption to score, and one to five true ones."""

    candidate: str
    references: tuple[str, ...]


def make_corpus() -> list[Pair]:
    """All pairs."""
    random = Random(2026)
    pairs = [_odd(random, text) for text in _ODD]
    while len(pairs) < COUNT:
        pairs.append(_pair(random))
    return pairs


def _odd(random: Random, text: str) -> Pair:
    others = tuple(other for other in random.sample(_ODD, 3) if other.strip("."))
    return Pair(text, (*others, "a dog and a cat next to the man"))


def _pair(random: Random) -> Pair:
    meaning = [_draw(random) for _ in range(random.choice((1, 1, 1, 2, 2, 3, 6)))]
    near = random.random()  # how often another way of saying it is taken
    told = [_tell(random, meaning, near) for _ in range(1 + random.randint(1, 5))]
    candidate, *references = told
    if random.random() < 0.1:
        words = candidate.split()
        random.shuffle(words)
        candidate = " ".join(words)
    if random.random() < 0.1:
        candidate = f"{candidate} {candidate}"
    return Pair(candidate, tuple(references))


Meaning = tuple[tuple[str, ...], ...]


def _draw(random: Random) -> Meaning:
    """What is said, each part with its ways of saying it."""
    article = ("a", "the", "one", "some")
    first, second = random.choice(_THINGS), random.choice(_THINGS)
    count = random.choice((article, article, *_NUMBERS))
    adjective, verb = random.choice(_ADJECTIVES), random.choice(_VERBS)
    return (count, adjective, first, verb, random.choice(_PLACES), article, second)


def _tell(random: Random, meaning: list[Meaning], near: float) -> str:
    clauses = [
        " ".join(random.choice(ways) if random.random() < near else ways[0] for ways in clause)
        for clause in meaning
    ]
    if random.random() < 0.3:
        random.shuffle(clauses)
    joined = random.choice((", ", " and ", "; ", " while ")).join(clauses)
    text = random.choice(_OPENINGS) + joined + random.choice(_ENDINGS)
    return text.capitalize() if random.random() < 0.3 else text
