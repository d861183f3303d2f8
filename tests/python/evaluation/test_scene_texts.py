"""Reading texts: what they name, how many, and with which traits."""

from collections import Counter

import pytest

from pixelllm.data.scenes import draw_scene, scene_rng
from pixelllm.evaluation.scene_texts import NamedThing, named_things


def test_a_text_is_read_thing_by_thing() -> None:
    text = "a large striped red car, a small tree and a blue cat on a street"

    assert named_things(text) == [
        NamedThing("large", "striped", "red", "car"),
        NamedThing("small", "solid", None, "tree"),
        NamedThing(None, "solid", "blue", "cat"),
    ]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("two red cars", 2),
        ("eight red cars", 8),
        ("red cars", 1),
        ("two red car", 1),  # a number counts before a plural only
        ("a red cars", 1),
        ("two, red cars", 1),  # and before a comma it belongs to nothing
    ],
)
def test_a_number_counts_before_a_plural(text: str, count: int) -> None:
    assert named_things(text) == [NamedThing(None, "solid", "red", "car")] * count


def test_traits_end_at_a_comma_an_and_or_a_kind() -> None:
    assert named_things("a red and a car") == [NamedThing(None, "solid", None, "car")]
    assert named_things("a red, a car") == [NamedThing(None, "solid", None, "car")]
    assert [o.pair for o in named_things("a red car cat")] == [("red", "car"), (None, "cat")]


def test_of_two_traits_of_a_sort_the_later_counts() -> None:
    (named,) = named_things("a small large red blue striped dotted car")

    assert named == NamedThing("large", "dotted", "blue", "car")


def test_what_names_nothing_is_nothing() -> None:
    assert named_things("") == []
    assert named_things("on the left a striped red, in the middle two") == []
    assert named_things("scarlet carpets and cartoons") == []


def test_the_captions_of_scenes_name_their_things() -> None:
    for index in range(60):
        scene = draw_scene(scene_rng(9, index), long_side=64)

        named = named_things(scene.caption.text)

        assert Counter(o.pair for o in named) == Counter(o.pair for o in scene.things)


def test_the_captions_of_things_name_all_their_traits() -> None:
    for index in range(60):
        scene = draw_scene(scene_rng(9, index), long_side=64)

        for region, thing in zip(scene.sample.regions, scene.things, strict=True):
            assert named_things(region.caption) == [
                NamedThing(thing.size, thing.texture, thing.colour, thing.kind)
            ]
