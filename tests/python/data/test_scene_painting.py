import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from pixelllm.data.scene_layout import Layout, ThingPlan
from pixelllm.data.scene_painting import paint_scene
from pixelllm.data.scene_vocabulary import COLOURS, SETTINGS, TEXTURES
from pixelllm.data.thing_painting import Canvas, paint_thing
from pixelllm.data.things import KINDS

NAMED = np.array(list(COLOURS.values()), np.float32)


def _plan(
    kind: str, x: float, y: float, radius: float, colour: str = "red", texture: str = "solid"
) -> ThingPlan:
    made = KINDS[kind].draw(np.random.default_rng(len(kind)))
    return ThingPlan(kind, colour, texture, "large", made, x, y, radius, False, 0.0)


def _layout(setting: str, *things: ThingPlan, height: float = 0.75) -> Layout:
    return Layout(1.0, height, setting, horizon=0.4, things=things)


def _crowd(setting: str, seed: int = 0) -> Layout:
    """Four things side by side, of kinds that the setting has."""
    rng = np.random.default_rng(seed)
    met = [kind.name for kind in KINDS.values() if setting in kind.settings]
    things = [
        _plan(
            *(met[int(rng.integers(len(met)))], 0.14 + 0.24 * k, 0.5, 0.11),
            colour=list(COLOURS)[int(rng.integers(len(COLOURS)))],
            texture=TEXTURES[int(rng.integers(len(TEXTURES)))],
        )
        for k in range(4)
    ]
    return _layout(setting, *things)


def _nearest(colour: NDArray[np.floating], light: tuple[float, ...] = (1.0,)) -> str:
    """The named colour that comes closest in any of these strengths of light."""
    lit = np.array(light)[:, None, None] * NAMED
    distance = np.linalg.norm(lit - colour, axis=2).min(axis=0)
    return list(COLOURS)[int(np.argmin(distance))]


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize(("width", "height"), [(1.0, 0.62), (0.55, 1.0), (1.0, 1.0)])
def test_the_picture_and_the_owners_have_the_size_of_the_frame(
    setting: str, width: float, height: float
) -> None:
    layout = Layout(width, height, setting, 0.5 * height, (_plan("ball", 0.3, 0.4, 0.1),))

    picture, owner = paint_scene(np.random.default_rng(0), layout, 90)

    assert picture.shape == (round(90 * height), round(90 * width), 3)
    assert owner.shape == picture.shape[:2]
    assert picture.dtype == np.uint8
    assert owner.dtype == np.int8
    assert set(np.unique(owner)) == {-1, 0}


@pytest.mark.parametrize("setting", SETTINGS)
def test_the_same_generator_paints_the_same_scene(setting: str) -> None:
    layout = _crowd(setting)

    one, other = (paint_scene(np.random.default_rng(3), layout, 96) for _ in range(2))
    different, _ = paint_scene(np.random.default_rng(4), layout, 96)

    assert (one[0] == other[0]).all()
    assert (one[1] == other[1]).all()
    assert (one[0] != different).any()


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("seed", range(4))
def test_a_large_painting_reduced_is_the_small_one(setting: str, seed: int) -> None:
    layout = _crowd(setting, seed)

    small, owner = paint_scene(np.random.default_rng(seed), layout, 128)
    large, large_owner = paint_scene(np.random.default_rng(seed), layout, 512)
    reduced = np.asarray(Image.fromarray(large).reduce(4), np.float32)

    assert np.abs(reduced - small).mean() < 4.0
    assert (large_owner[2::4, 2::4] == owner).mean() > 0.98


def test_a_thing_owns_its_pixels_until_another_covers_it() -> None:
    below, above = _plan("ball", 0.4, 0.5, 0.2), _plan("ball", 0.6, 0.5, 0.2, colour="blue")

    _, owner = paint_scene(np.random.default_rng(0), _layout("room", below, above), 100)

    assert owner[50, 25] == 0
    assert owner[50, 50] == 1  # inside both
    assert owner[50, 75] == 1
    assert owner[10, 10] == -1


def test_the_owner_of_a_disc_is_as_large_as_the_disc() -> None:
    ball = _plan("ball", 0.5, 0.4, 0.2)

    _, owner = paint_scene(np.random.default_rng(0), _layout("meadow", ball), 128)

    radius = np.sqrt((owner == 0).sum() / np.pi) / 128
    assert radius == pytest.approx(0.2, abs=0.008)


def test_a_thing_may_reach_out_of_the_frame() -> None:
    layout = _layout("street", _plan("car", 0.0, 0.72, 0.2), _plan("plane", 0.95, 0.02, 0.2))

    _, owner = paint_scene(np.random.default_rng(0), layout, 64)

    assert set(np.unique(owner)) == {-1, 0, 1}


@pytest.mark.parametrize("colour", COLOURS)
def test_a_coat_has_its_named_colour(colour: str) -> None:
    canvas = Canvas(Image.new("RGB", (96, 96)), Image.new("L", (96, 96)), unit=96.0)

    for seed in range(12):
        plan = _plan("cup", 0.5, 0.5, 0.4, colour=colour)
        paint_thing(np.random.default_rng(seed), canvas, plan, 0)

        seen = np.asarray(canvas.picture)[np.asarray(canvas.owner) == 1]
        assert _nearest(np.median(seen, axis=0), (0.85, 0.9, 0.95, 1.0)) == colour


@pytest.mark.parametrize("setting", SETTINGS)
def test_the_nine_colours_stay_apart_in_the_light_of_a_scene(setting: str) -> None:
    names = [_nearest_in_scene(setting, colour, seed) for colour in COLOURS for seed in range(8)]

    right = [
        name == colour for name, colour in zip(names, np.repeat(list(COLOURS), 8), strict=True)
    ]
    assert np.mean(right) > 0.97


def _nearest_in_scene(setting: str, colour: str, seed: int) -> str:
    layout = _layout(setting, _plan("ball", 0.5, 0.4, 0.2, colour=colour))
    picture, owner = paint_scene(np.random.default_rng(seed), layout, 96)
    strengths = tuple(np.linspace(0.75, 1.1, 15))
    return _nearest(np.median(picture[owner == 0], axis=0), strengths)


@pytest.mark.parametrize("setting", SETTINGS)
def test_no_backdrop_has_a_patch_of_a_named_hue(setting: str) -> None:
    hues = np.array([COLOURS[n] for n in ("red", "orange", "yellow", "green", "blue", "purple")])

    for seed in range(40):
        picture, _ = paint_scene(np.random.default_rng(seed), _layout(setting), 96)
        distance = np.linalg.norm(picture[:, :, None].astype(np.float32) - hues, axis=3)
        assert (distance.min(axis=2) < 55.0).mean() < 0.01


@pytest.mark.parametrize("texture", ["striped", "dotted"])
def test_a_texture_adds_a_second_tone_of_the_coat(texture: str) -> None:
    def tones(kind: str) -> NDArray[np.int64]:
        canvas = Canvas(Image.new("RGB", (128, 128)), Image.new("L", (128, 128)), unit=384.0)
        plan = _plan("tree", 1 / 6, 1 / 6, 1 / 6, "blue", kind)
        paint_thing(np.random.default_rng(0), canvas, plan, 0)
        seen = np.asarray(canvas.picture)[np.asarray(canvas.owner) == 1]
        light: NDArray[np.int64] = seen.astype(np.int64).sum(axis=1)
        return light

    assert tones(texture).std() > 1.4 * tones("solid").std()


def test_an_unknown_setting_is_an_error() -> None:
    with pytest.raises(KeyError):
        paint_scene(np.random.default_rng(0), _layout("moon"), 32)


def test_a_beach_lies_where_something_stands_on_it() -> None:
    crab, whale = _plan("crab", 0.2, 0.7, 0.1), _plan("whale", 0.2, 0.5, 0.1)

    beach, _ = paint_scene(np.random.default_rng(0), _layout("sea", crab), 96)
    water, _ = paint_scene(np.random.default_rng(0), _layout("sea", whale), 96)

    corner = (slice(-8, None), slice(-8, None))
    assert beach[corner][..., 0].mean() > beach[corner][..., 2].mean() + 15  # sand is warm
    assert water[corner][..., 0].mean() < water[corner][..., 2].mean()
