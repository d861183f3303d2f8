"""Layouts: everything occurs, stands where it is met, can be seen, and is related as it is said."""

from collections import Counter

import numpy as np
import pytest

from pixelllm.data.scene_layout import (
    COUNTS,
    MAX_COVER,
    MAX_COVER_ALIKE,
    MAX_RATIO,
    MIN_VISIBLE,
    RADII,
    Extent,
    Layout,
    ThingPlan,
    plan_scene,
    possible_relations,
    visible_shares,
)
from pixelllm.data.scene_painting import paint_scene
from pixelllm.data.scene_vocabulary import COLOURS, SETTINGS, SIZES, TEXTURES
from pixelllm.data.scene_words import CONTACTS, HELD_OUT_PAIRS
from pixelllm.data.scenes import scene_rng
from pixelllm.data.things import KINDS, shore


@pytest.fixture(scope="module")
def layouts() -> list[Layout]:
    return [plan_scene(scene_rng(31, index), max_things=8, held_out=False) for index in range(400)]


def _ball(x: float, y: float, radius: float, colour: str = "red") -> ThingPlan:
    made = KINDS["ball"].draw(np.random.default_rng(0))
    return ThingPlan("ball", colour, "solid", "large", made, x, y, radius, False, 0.0)


def _common(one: Extent, other: Extent) -> float:
    """Common area of two boxes."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    return max(wide, 0.0) * max(high, 0.0)


def _area(box: Extent) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _is_at(thing: ThingPlan, word: str, landmark: ThingPlan) -> bool:
    """Whether a thing is on, under or behind another, by nothing but where they are."""
    left, top, right, bottom = thing.extent
    other_left, _, other_right, other_bottom = landmark.extent
    middle = (left + right) / 2
    kind = KINDS[landmark.kind]
    if word == "behind":
        return _common(thing.extent, landmark.extent) > 0 and bottom < other_bottom
    if not other_left < middle < other_right:
        return False
    if word == "on":
        height = None if kind.surface is None else landmark.y + kind.surface * landmark.radius
        return height is not None and abs(bottom - height) < 0.02
    return kind.shelter and top > landmark.extent[1] and abs(bottom - other_bottom) < 0.02


def test_the_same_generator_plans_the_same_layout() -> None:
    one, other = (plan_scene(scene_rng(5, 3), 8, held_out=False) for _ in range(2))
    another = plan_scene(scene_rng(5, 4), 8, held_out=False)

    assert [t.extent for t in one.things] == [t.extent for t in other.things]
    assert [t.colour for t in one.things] == [t.colour for t in other.things]
    assert (one.setting, one.horizon, one.relations) == (
        other.setting,
        other.horizon,
        other.relations,
    )
    assert [t.extent for t in one.things] != [t.extent for t in another.things]


def test_frames_are_square_upright_and_lying_up_to_three_to_one(layouts: list[Layout]) -> None:
    ratios = np.array([layout.width / layout.height for layout in layouts])

    assert all(max(layout.width, layout.height) == 1.0 for layout in layouts)
    assert ratios.min() >= 1 / MAX_RATIO
    assert ratios.max() <= MAX_RATIO
    assert ratios.min() < 0.36
    assert ratios.max() > 2.8
    assert 0.25 < (ratios == 1.0).mean() < 0.42
    assert 0.25 < (ratios > 1.0).mean() < 0.42


def test_a_scene_has_one_to_eight_things(layouts: list[Layout]) -> None:
    counts = Counter(len(layout.things) for layout in layouts)

    assert set(counts) == set(range(1, 9))
    assert counts[2] + counts[3] + counts[4] > len(layouts) / 3
    assert COUNTS.sum() == pytest.approx(1.0)


@pytest.mark.parametrize("most", [1, 2, 5])
def test_there_are_no_more_things_than_asked_for(most: int) -> None:
    counts = {len(plan_scene(scene_rng(2, i), most, held_out=False).things) for i in range(60)}

    assert counts == set(range(1, most + 1))


def test_every_setting_and_every_trait_occurs(layouts: list[Layout]) -> None:
    things = [thing for layout in layouts for thing in layout.things]
    settings = Counter(layout.setting for layout in layouts)

    assert {thing.kind for thing in things} == set(KINDS)
    assert {thing.colour for thing in things} == set(COLOURS)
    assert {thing.texture for thing in things} == set(TEXTURES)
    assert {thing.size for thing in things} == set(SIZES)
    assert set(settings) == set(SETTINGS)
    assert min(settings.values()) > len(layouts) / 6
    assert {thing.mirrored for thing in things} == {True, False}


def test_kinds_are_met_in_their_settings_only(layouts: list[Layout]) -> None:
    for layout in layouts:
        assert all(layout.setting in KINDS[thing.kind].settings for thing in layout.things)


def test_no_thing_is_between_small_and_large(layouts: list[Layout]) -> None:
    for layout in layouts:
        for thing in layout.things:
            low, high = RADII[thing.size]
            assert low <= thing.radius <= high
            assert abs(thing.rotation) <= KINDS[thing.kind].tilt
    assert RADII["small"][1] * 1.3 < RADII["large"][0]


def test_things_lie_inside_the_frame(layouts: list[Layout]) -> None:
    for layout in layouts:
        for thing in layout.things:
            left, top, right, bottom = thing.extent
            assert min(left, top) > -1e-5
            assert right < layout.width + 1e-5
            assert bottom < layout.height + 1e-5


def test_an_extent_bounds_the_outlines(layouts: list[Layout]) -> None:
    for thing in layouts[0].things:
        points = np.concatenate(thing.outlines())

        assert thing.extent == pytest.approx((*points.min(axis=0), *points.max(axis=0)))


def test_things_stand_swim_and_fly_where_their_kinds_do(layouts: list[Layout]) -> None:
    for layout in layouts:
        ground, beach = layout.height - layout.horizon, shore(layout.horizon, layout.height)
        nearest = beach if layout.setting == "sea" else layout.horizon + 0.2 * ground
        for thing in layout.things:
            _, top, _, bottom = thing.extent
            place = KINDS[thing.kind].place[layout.setting]
            tall = top < 0.02  # it fills the frame from its upper edge
            if place == "air":
                assert tall or bottom <= layout.horizon + 0.1 * ground + 1e-5
            elif place == "water":
                assert tall or layout.horizon < bottom <= beach + 1e-5
            elif not any(_is_at(thing, "on", other) for other in layout.things):
                assert bottom > nearest - 0.05  # what is behind another is a little farther away


def test_things_cover_each_other_only_where_they_are_related(layouts: list[Layout]) -> None:
    for layout in layouts:
        for i, one in enumerate(layout.things):
            for other in layout.things[:i]:
                smaller = min(_area(one.extent), _area(other.extent))
                share = _common(one.extent, other.extent) / smaller
                if one.colour == other.colour:
                    assert share <= MAX_COVER_ALIKE + 1e-4
                elif share > MAX_COVER + 1e-4:
                    assert _may_be_at(one, other) or _may_be_at(other, one)


def _may_be_at(thing: ThingPlan, landmark: ThingPlan) -> bool:
    words = possible_relations(landmark.kind)
    return landmark.size == "large" and any(_is_at(thing, word, landmark) for word in words)


def test_every_thing_can_be_seen(layouts: list[Layout]) -> None:
    for layout in layouts[:25]:
        _, owner = paint_scene(np.random.default_rng(0), layout, 128)
        for index, thing in enumerate(layout.things):
            alone = Layout(layout.width, layout.height, layout.setting, layout.horizon, (thing,))
            _, whole = paint_scene(np.random.default_rng(0), alone, 128)
            assert (owner == index).sum() > (MIN_VISIBLE - 0.1) * (whole == 0).sum()


def test_related_things_are_so_and_no_other_of_their_kind_is(layouts: list[Layout]) -> None:
    for layout in layouts:
        for relation in layout.relations:
            thing, landmark = layout.things[relation.index], layout.things[relation.landmark]
            rivals = [o for o in layout.things if o.kind == thing.kind and o is not thing]

            assert _is_at(thing, relation.word, landmark)
            assert not any(_is_at(r, relation.word, landmark) for r in rivals if r is not landmark)
            assert thing.colour != landmark.colour
            assert landmark.size == "large"


def test_what_is_behind_is_painted_first_and_what_is_on_or_under_later(
    layouts: list[Layout],
) -> None:
    for layout in layouts:
        for relation in layout.relations:
            assert (relation.index < relation.landmark) == (relation.word == "behind")


def test_what_is_behind_is_hidden_a_little(layouts: list[Layout]) -> None:
    for layout in layouts:
        shares = visible_shares(layout.things, layout.width, layout.height)
        for relation in layout.relations:
            if relation.word == "behind":
                assert shares[relation.index] < 0.95


def test_every_relation_occurs(layouts: list[Layout]) -> None:
    found = Counter(relation.word for layout in layouts for relation in layout.relations)

    assert set(found) == set(CONTACTS)
    assert min(found.values()) > len(layouts) / 60


@pytest.mark.parametrize(
    ("landmark", "words"),
    [("table", ("on", "under")), ("tree", ("under",)), ("chair", ("on",)), ("car", ("behind",))],
)
def test_only_what_carries_or_shelters_has_something_on_or_under_it(
    landmark: str, words: tuple[str, ...]
) -> None:
    assert possible_relations(landmark) == words


def test_held_out_pairs_are_planned_only_on_request(layouts: list[Layout]) -> None:
    held_out = [plan_scene(scene_rng(31, index), 8, held_out=True) for index in range(200)]
    pairs = [[(t.colour, t.kind) for t in layout.things] for layout in held_out]
    shares = [np.mean([pair in HELD_OUT_PAIRS for pair in own]) for own in pairs]

    assert not any((t.colour, t.kind) in HELD_OUT_PAIRS for o in layouts for t in o.things)
    assert np.mean([share > 0 for share in shares]) > 0.98
    assert 0.2 < np.mean([share < 1 for share in shares]) < 0.8
    assert {pair for own in pairs for pair in own} >= HELD_OUT_PAIRS


def test_a_things_share_is_what_nothing_painted_later_covers() -> None:
    far, near = _ball(0.3, 0.5, 0.2), _ball(0.5, 0.5, 0.2, "blue")

    covered, whole = visible_shares([far, near], 1.0, 1.0)
    (alone,) = visible_shares([far], 1.0, 1.0)

    # Two discs whose centres are one radius apart share 2 pi / 3 - sqrt(3) / 2 of r^2.
    assert covered == pytest.approx(1 - (2 * np.pi / 3 - np.sqrt(3) / 2) / np.pi, abs=0.03)
    assert whole == alone == 1.0
