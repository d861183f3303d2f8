from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from pixelllm.data.draw_things import EXTENTS, draw_sheet
from pixelllm.data.drawing import Drawing
from pixelllm.data.scene_vocabulary import SETTINGS
from pixelllm.data.things import ALL_KINDS, KINDS, NEW_KINDS, Kind, shore

SIDE = 120  # pixels of a drawing's longer side
COATS = ("coat", "shade", "tint")

kinds = pytest.mark.parametrize("kind", ALL_KINDS.values(), ids=list(ALL_KINDS))


def _draw(kind: Kind, seed: int) -> Drawing:
    return kind.draw(np.random.default_rng(seed))


def _share_of_coat(made: Drawing) -> tuple[float, float]:
    """Of the visible area: what has the named colour, and what has it or is a shade of it."""
    image = Image.new("L", (SIDE, SIDE))
    pen = ImageDraw.Draw(image)
    outlines = made.placed(SIDE / 2, SIDE / 2, SIDE / 2)
    for outline, part in zip(outlines, made.parts, strict=True):
        value = COATS.index(part.paint) + 1 if isinstance(part.paint, str) else 4
        pen.polygon(outline.ravel().tolist(), value)
    counts = np.bincount(np.asarray(image).ravel(), minlength=5)
    seen = counts[1:].sum()
    return float(counts[1] / seen), float(counts[1:4].sum() / seen)


def test_there_are_many_kinds_and_nine_of_them_in_every_setting() -> None:
    met = Counter(setting for kind in KINDS.values() for setting in kind.settings)

    assert len(KINDS) >= 34
    assert set(met) == set(SETTINGS)
    assert min(met.values()) >= 9


def test_names_and_plurals_are_words_of_their_own() -> None:
    words = [word for kind in ALL_KINDS.values() for word in (kind.name, kind.plural)]

    assert len(set(words)) == 2 * len(ALL_KINDS)
    assert all(word.isalpha() and word.islower() for word in words)
    assert all(name == kind.name for name, kind in KINDS.items())


def test_new_kinds_are_none_that_the_shipped_model_knows() -> None:
    assert not NEW_KINDS.keys() & KINDS.keys()
    assert all(set(kind.settings) == set(SETTINGS) for kind in NEW_KINDS.values())


@kinds
def test_a_kind_has_one_place_in_each_of_its_settings(kind: Kind) -> None:
    for setting, place in kind.place.items():
        assert place in ("ground", "air", "water")
        assert place != "water" or setting == "sea"


@kinds
def test_every_drawing_is_finite_centred_and_painted_with_a_coat(kind: Kind) -> None:
    for seed in range(20):
        made = _draw(kind, seed)
        points = np.concatenate([part.outline for part in made.parts])

        assert np.isfinite(points).all()
        assert all(part.outline.dtype == np.float32 for part in made.parts)
        np.testing.assert_allclose(points.max(axis=0), -points.min(axis=0), atol=1e-5)
        assert max(made.half_width, made.half_height) == pytest.approx(1.0)
        assert min(made.half_width, made.half_height) > 0.4  # a line cannot be told from another
        assert any(part.paint == "coat" for part in made.parts)


@kinds
def test_every_drawing_differs_and_the_same_generator_repeats_it(kind: Kind) -> None:
    outlines = [
        np.concatenate([part.outline for part in _draw(kind, seed).parts]).tobytes()
        for seed in (*range(20), 0)
    ]

    assert len(set(outlines)) == 20
    assert outlines[0] == outlines[-1]


@kinds
def test_the_named_colour_covers_most_of_what_is_seen(kind: Kind) -> None:
    shares = np.array([_share_of_coat(_draw(kind, seed)) for seed in range(20)])

    assert shares[:, 0].min() > 0.35
    assert shares[:, 1].min() > 0.56
    assert shares[:, 0].mean() > 0.4


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS.values() if kind.surface is not None], ids=lambda k: k.name
)
def test_a_surface_is_on_the_thing_in_every_drawing(kind: Kind) -> None:
    assert kind.surface is not None
    for seed in range(20):
        made = _draw(kind, seed)
        image = Image.new("L", (SIDE, SIDE))
        pen = ImageDraw.Draw(image)
        for outline in made.placed(SIDE / 2, SIDE / 2, SIDE / 2):
            pen.polygon(outline.ravel().tolist(), 1)
        row = np.asarray(image)[round(SIDE / 2 * (1 + kind.surface)) + 2]

        assert -made.half_height <= kind.surface <= made.half_height
        assert row[SIDE // 2 - 15 : SIDE // 2 + 15].all()


def test_where_things_can_be_stood_on_something_is_met_that_may_stand_there() -> None:
    for carrier in (kind for kind in KINDS.values() if kind.surface is not None):
        assert not carrier.portable
        for setting in carrier.settings:
            assert any(k.portable and k.place.get(setting) == "ground" for k in KINDS.values())


def test_the_shore_lies_between_the_horizon_and_the_frame() -> None:
    assert 0.4 < shore(0.4, 0.9) < 0.9


def test_the_sheet_has_a_row_per_kind(tmp_path: Path) -> None:
    sheet = draw_sheet(list(KINDS.values())[:2])

    assert sheet.height >= 2 * max(EXTENTS)
    assert sheet.tobytes() == draw_sheet(list(KINDS.values())[:2]).tobytes()
