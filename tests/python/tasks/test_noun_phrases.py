"""What captions name."""

import pytest

from pixelllm.tasks.noun_phrases import noun_phrases

CAPTIONS: list[tuple[str, list[str]]] = [
    ("two red cars and a blue bird on a street", ["two red cars", "a blue bird", "a street"]),
    (
        "on the left there is a small dotted umbrella, and a white cat sits under the table",
        ["a small dotted umbrella", "a white cat", "the table"],
    ),
    (
        "a large striped red circle, a small blue star and a green ring on a sand background",
        ["a large striped red circle", "a small blue star", "a green ring", "a sand background"],
    ),
    ("A man riding a wave on top of a surfboard.", ["A man", "a wave", "a surfboard"]),
    (
        "A woman holding a tennis racquet on a tennis court.",
        ["A woman", "a tennis racquet", "a tennis court"],
    ),
    ("A group of people standing around a kitchen.", ["A group of people", "a kitchen"]),
    (
        "A black and white cat sitting on top of a wooden table.",
        ["A black and white cat", "a wooden table"],
    ),
    ("A bathroom with a toilet, sink, and bathtub.", ["A bathroom", "a toilet", "sink", "bathtub"]),
    (
        "Two dogs are playing with a yellow frisbee in the grass.",
        ["Two dogs", "a yellow frisbee", "the grass"],
    ),
    (
        "A man in a suit and tie talking on a cell phone.",
        ["A man", "a suit", "tie", "a cell phone"],
    ),
    ("A red double-decker bus driving down a street.", ["A red double-decker bus", "a street"]),
    ("There are three zebras grazing in a green field.", ["three zebras", "a green field"]),
    (
        "a bowl of soup and a glass of wine on a dining table",
        ["a bowl", "soup", "a glass", "wine", "a dining table"],
    ),
    ("A couple of dogs sleep on a bed", ["A couple of dogs", "a bed"]),
    ("a parked car next to a tall building", ["a parked car", "a tall building"]),
    (
        "several people walk down a busy street with umbrellas",
        ["several people", "a busy street", "umbrellas"],
    ),
    ("The dog's bowl is empty.", ["The dog's bowl"]),
    ("A little girl is eating a slice of pizza.", ["A little girl", "a slice of pizza"]),
    ("A cat laying on a bed next to a laptop computer.", ["A cat", "a bed", "a laptop computer"]),
    ("a stop sign on the corner of a street", ["a stop sign", "a street"]),
    ("A train traveling down train tracks near a forest.", ["A train", "train tracks", "a forest"]),
    ("a vase filled with pink flowers", ["a vase", "pink flowers"]),
    (
        "A young boy wearing a baseball hat swings a bat at a ball.",
        ["A young boy", "a baseball hat", "a bat", "a ball"],
    ),
    (
        "In this image I can see a person wearing a blue shirt.",
        ["this image", "a person", "a blue shirt"],
    ),
    (
        "In the background there are trees, buildings and the sky.",
        ["the background", "trees", "buildings", "the sky"],
    ),
    ("a very large elephant walks in the water", ["a very large elephant", "the water"]),
    ("2 birds sit on a wire", ["2 birds", "a wire"]),
    ("a brown horse standing behind a wooden fence", ["a brown horse", "a wooden fence"]),
    ("an old, rusty truck parked in a field", ["an old, rusty truck", "a field"]),
    ("a red car and a blue one", ["a red car", "a blue one"]),
    ("the leftmost circle", ["the leftmost circle"]),
    ("the circle left of the blue star", ["the circle", "the blue star"]),
    ("the cat is black and white", ["the cat"]),
    ("He holds it.", []),
    ("a man and his dog on the beach", ["a man", "his dog", "the beach"]),
    ("a sandwich cut in half on a white plate", ["a sandwich", "a white plate"]),
    ("a clock tower with a clock on each of its sides", ["a clock tower", "a clock"]),
    ("people watching planes fly over the airport", ["people", "planes", "the airport"]),
    (
        "A kitchen with stainless steel appliances and wooden cabinets",
        ["A kitchen", "stainless steel appliances", "wooden cabinets"],
    ),
    ("a woman is about to hit a tennis ball", ["a woman", "a tennis ball"]),
    ('A "stop" sign and two traffic lights', ['A "stop" sign', "two traffic lights"]),
    ("a person on skis going down a snowy slope", ["a person", "skis", "a snowy slope"]),
    ("on the right side of the picture, a dog", ["the picture", "a dog"]),
    ("a teddy bear that is sitting on a chair", ["a teddy bear", "a chair"]),
    ("a herd of elephants crossing a river", ["a herd of elephants", "a river"]),
    ("a swimming pool beside a parking lot", ["a swimming pool", "a parking lot"]),
    ("a flying bird above the clouds", ["a flying bird", "the clouds"]),
    ("an elephant", ["an elephant"]),
    ("", []),
    ("...", []),
    (
        "a blue bird flies over three green trees while two children look at it",
        ["a blue bird", "three green trees", "two children"],
    ),
    (
        "a wooden chair stands to the right of a round table with a lamp on it",
        ["a wooden chair", "a round table", "a lamp"],
    ),
    ("a brightly colored bird on a branch", ["a brightly colored bird", "a branch"]),
    ("a man slowly riding a bike", ["a man", "a bike"]),
    ("a pair of skis leaning against a wall", ["a pair of skis", "a wall"]),
    (
        "a railroad crossing and people crossing a street",
        ["a railroad crossing", "people", "a street"],
    ),
    ("traffic lights hang over the street", ["traffic lights", "the street"]),
    ("many different types of fruit on display", ["many different types of fruit", "display"]),
    ("Two big, brown bears and their cubs", ["Two big, brown bears", "their cubs"]),
    (
        "a small white dog runs after a striped ball that rolls down a green hill",
        ["a small white dog", "a striped ball", "a green hill"],
    ),
    (
        "a pink cup is left of the green house and above it is a fish",
        ["a pink cup", "the green house", "a fish"],
    ),
    ("une voiture rouge", ["une voiture rouge"]),
    (" \t", []),
]


@pytest.mark.parametrize(("caption", "phrases"), CAPTIONS)
def test_noun_phrases_of_a_caption(caption: str, phrases: list[str]) -> None:
    assert [caption[start:end] for start, end in noun_phrases(caption)] == phrases


def test_phrases_are_in_order_and_do_not_overlap() -> None:
    for caption, _ in CAPTIONS:
        places = [place for span in noun_phrases(caption) for place in span]

        assert places == sorted(places)


def test_apostrophe_of_a_typesetter_is_an_apostrophe() -> None:
    caption = "it\N{RIGHT SINGLE QUOTATION MARK}s a dog\N{RIGHT SINGLE QUOTATION MARK}s bowl"

    assert [caption[start:end] for start, end in noun_phrases(caption)] == [caption[5:]]
