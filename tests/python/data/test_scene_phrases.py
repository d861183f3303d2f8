"""Referring phrases: each is true of its thing and of no other, for anybody who reads it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from pixelllm.data.scene_layout import Relation
from pixelllm.data.scene_phrases import (
    ALTERNATIVES,
    KINDS_OF_PHRASES,
    MARGIN,
    choose_references,
    list_references,
)
from tests.python.data.reading import fitting


@dataclass(frozen=True)
class Thing:
    kind: str
    colour: str = "red"
    centre: tuple[float, float] = (0.5, 0.5)
    texture: str = "solid"
    size: str = "small"


def _random_things(rng: np.random.Generator) -> list[Thing]:
    """One to eight things of few traits, so that they are easily confused."""

    def pick(*names: str) -> str:
        return names[int(rng.integers(len(names)))]

    return [
        Thing(
            kind=pick("car", "cat", "tree"),
            colour=pick("red", "blue", "green"),
            centre=(float(rng.uniform(0, 1)), float(rng.uniform(0, 0.7))),
            texture=pick("solid", "striped"),
            size=pick("small", "large"),
        )
        for _ in range(int(rng.integers(1, 9)))
    ]


def _texts(
    things: Sequence[Thing], thing: int, kind: str, relations: Sequence[Relation] = ()
) -> set[str]:
    found = list_references(things, relations)
    return {r.text for r in found if (r.thing, r.kind) == (thing, kind)}


def test_every_phrase_fits_its_thing_and_no_other() -> None:
    for seed in range(300):
        things = _random_things(np.random.default_rng(seed))
        for reference in list_references(things):
            assert fitting(reference.text, things) == [reference.thing], (things, reference)


def test_attributes_are_told_where_they_tell_things_apart() -> None:
    things = [
        Thing("car", "red", (0.5, 0.50)),
        Thing("car", "red", (0.5, 0.52), texture="striped"),
        Thing("car", "blue", (0.5, 0.54)),
        Thing("cat", "blue", (0.5, 0.56), size="large"),
    ]

    assert _texts(things, 0, "attribute") == set()  # the second is a small red car too
    assert _texts(things, 1, "attribute") == {
        "the striped car",
        "the striped red car",
        "the small striped car",
        "the small striped red car",
    }
    assert _texts(things, 2, "attribute") == {"the blue car", "the small blue car"}
    assert _texts(things, 3, "attribute") == {
        "the cat",
        "the blue cat",
        "the large cat",
        "the large blue cat",
    }


def test_places_in_a_row_are_counted_from_either_side() -> None:
    things = [Thing("car", centre=(x, 0.5)) for x in (0.9, 0.1, 0.5, 0.7, 0.3)]

    assert _texts(things, 1, "order") == {"the leftmost car", "the fifth car from the right"}
    assert _texts(things, 4, "order") == {
        "the second car from the left",
        "the fourth car from the right",
    }
    assert _texts(things, 2, "order") == {
        "the third car from the left",
        "the third car from the right",
    }
    assert _texts(things, 0, "order") == {"the rightmost car", "the fifth car from the left"}


def test_nothing_is_the_first_nor_the_sixth() -> None:
    things = [Thing("car", centre=(0.1 * k, 0.5)) for k in range(1, 8)]

    words = {reference.text.split()[1] for reference in list_references(things)}

    assert words & {"first", "sixth", "seventh"} == set()
    assert _texts(things, 5, "order") == {"the second car from the right"}


def test_a_row_is_not_counted_where_two_are_above_each_other() -> None:
    things = [Thing("car", centre=(x, y)) for x, y in ((0.2, 0.2), (0.22, 0.6), (0.8, 0.4))]

    assert _texts(things, 2, "order") == {"the rightmost car"}
    assert _texts(things, 0, "order") == {"the topmost car"}
    assert _texts(things, 1, "order") == {"the bottommost car"}


def test_an_only_one_of_its_kind_is_not_the_leftmost() -> None:
    things = [Thing("car", centre=(0.2, 0.5)), Thing("cat", centre=(0.8, 0.5))]

    assert _texts(things, 0, "order") == set()


def test_what_differs_by_less_than_the_margin_is_not_told() -> None:
    near = [Thing("car", centre=(0.5, 0.5)), Thing("car", centre=(0.5 + 0.9 * MARGIN, 0.5))]
    far = [Thing("car", centre=(0.5, 0.5)), Thing("car", centre=(0.5 + 1.1 * MARGIN, 0.5))]

    assert _texts(near, 0, "order") == set()
    assert _texts(far, 0, "order") == {"the leftmost car", "the second car from the right"}


def test_a_thing_is_told_by_what_it_is_beside() -> None:
    things = [
        Thing("cat", "red", (0.2, 0.5)),
        Thing("tree", "blue", (0.5, 0.5)),
        Thing("cat", "red", (0.8, 0.5)),
    ]

    assert _texts(things, 0, "relation") == {"the cat left of the blue tree"}
    assert _texts(things, 2, "relation") == {"the cat right of the blue tree"}


def test_a_landmark_is_the_only_one_of_its_name() -> None:
    things = [
        Thing("cat", "red", (0.2, 0.5)),
        Thing("tree", "blue", (0.5, 0.5)),
        Thing("tree", "blue", (0.8, 0.5), size="large"),
    ]

    assert _texts(things, 0, "relation") == set()


def test_a_rival_on_the_same_side_of_the_landmark_forbids_the_phrase() -> None:
    things = [
        Thing("cat", "red", (0.2, 0.5)),
        Thing("cat", "blue", (0.4, 0.2)),
        Thing("tree", "blue", (0.7, 0.5)),
    ]

    assert "the cat left of the blue tree" not in _texts(things, 0, "relation")


def test_a_side_is_not_told_of_what_is_mostly_above() -> None:
    things = [Thing("cat", "red", (0.4, 0.1)), Thing("tree", "blue", (0.5, 0.6))]

    assert _texts(things, 0, "relation") == {"the cat above the blue tree"}


def test_contacts_are_told_of_the_related_thing() -> None:
    things = [
        Thing("cup", "red", (0.3, 0.4)),
        Thing("cup", "red", (0.7, 0.4)),
        Thing("table", "blue", (0.3, 0.55)),
        Thing("table", "green", (0.7, 0.55)),
    ]
    relations = [Relation(0, "on", 2), Relation(1, "under", 3)]

    assert "the cup on the blue table" in _texts(things, 0, "relation", relations)
    assert "the cup under the green table" in _texts(things, 1, "relation", relations)
    for reference in list_references(things, relations):
        assert fitting(reference.text, things, relations) == [reference.thing]


def test_contacts_are_not_told_where_two_landmarks_have_one_name() -> None:
    things = [Thing("cup"), Thing("table", "blue"), Thing("table", "blue", size="large")]

    texts = [reference.text for reference in list_references(things, [Relation(0, "on", 1)])]

    assert not any(" on " in text for text in texts)


def test_up_to_so_many_different_phrases_are_chosen() -> None:
    for seed in range(100):
        rng = np.random.default_rng(seed)
        things = _random_things(rng)
        listed = {r.text.removeprefix("the "): r for r in list_references(things)}

        chosen = choose_references(rng, things, (), 4)

        texts = [reference.text.removeprefix("the ") for reference in chosen]
        assert len(set(texts)) == len(texts) == min(4, len(listed))
        for text, reference in zip(texts, chosen, strict=True):
            assert (listed[text].thing, listed[text].kind) == (reference.thing, reference.kind)


def test_nothing_is_chosen_where_nothing_can_be_told() -> None:
    twins = [Thing("car", centre=(0.5, 0.5)), Thing("car", centre=(0.51, 0.5))]

    assert choose_references(np.random.default_rng(0), twins, (), 4) == ()


def test_things_are_chosen_alike_and_phrases_by_their_weight() -> None:
    things = [Thing("car", centre=(0.1, 0.5)), Thing("car", "blue", (0.9, 0.5)), Thing("cat")]
    targets: Counter[int] = Counter()
    articles = 0

    for seed in range(1500):
        (reference,) = choose_references(np.random.default_rng(seed), things, (), 1)
        targets[reference.thing] += 1
        articles += reference.text.startswith("the ")

    assert min(targets.values()) > 0.29 * 1500
    assert articles / 1500 == pytest.approx(1 - ALTERNATIVES, abs=0.04)


def test_a_heavy_phrase_is_chosen_more_often() -> None:
    things = [Thing("car", centre=(0.2, 0.5)), Thing("car", centre=(0.8, 0.5))]
    weights = {r.text.removeprefix("the "): r.weight for r in list_references(things)}
    chosen = Counter(
        choose_references(np.random.default_rng(seed), things, (), 1)[0].text.removeprefix("the ")
        for seed in range(2000)
    )

    for text, weight in weights.items():
        assert chosen[text] / 2000 == pytest.approx(weight / sum(weights.values()), abs=0.04)


def test_every_kind_of_phrase_is_listed() -> None:
    rng = np.random.default_rng(3)
    kinds = Counter(r.kind for _ in range(30) for r in list_references(_random_things(rng)))

    assert set(kinds) == set(KINDS_OF_PHRASES)
