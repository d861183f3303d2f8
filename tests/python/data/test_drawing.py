import numpy as np
import pytest
from numpy.typing import NDArray

from pixelllm.data.drawing import (
    Part,
    arc,
    bow,
    drawing,
    ellipse,
    flipped,
    moved,
    polygon,
    rectangle,
    ring,
    rounded,
    smooth,
    star,
    stroke,
    turned,
)


def _area(outline: NDArray[np.float32]) -> float:
    x, y = outline.astype(np.float64).T
    return abs(float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y))) / 2


def test_a_drawing_is_centred_and_its_longer_side_is_two() -> None:
    wide = drawing([Part(rectangle(3.0, 5.0, 7.0, 6.0), "coat"), Part(ellipse(4, 6, 1), "tint")])

    points = np.concatenate([part.outline for part in wide.parts])
    half = np.array((wide.half_width, wide.half_height))

    np.testing.assert_allclose(points.max(axis=0), half, atol=1e-6)
    np.testing.assert_allclose(points.min(axis=0), -half, atol=1e-6)
    assert wide.half_width == pytest.approx(1.0)
    assert wide.half_height == pytest.approx(0.5, abs=0.01)


def test_a_drawing_keeps_the_order_and_the_paints_of_its_parts() -> None:
    made = drawing([Part(ellipse(0, 0, 1), "coat"), Part(ellipse(0, 0, 0.2), (1, 2, 3))])

    assert [part.paint for part in made.parts] == ["coat", (1, 2, 3)]


def test_nothing_to_draw_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one part"):
        drawing([])


def test_parts_without_an_extent_are_an_error() -> None:
    with pytest.raises(ValueError, match="extent"):
        drawing([Part(polygon((1.0, 1.0), (1.0, 1.0), (1.0, 1.0)), "coat")])


def test_a_drawing_is_placed_in_the_units_of_its_place() -> None:
    square = drawing([Part(rectangle(0, 0, 1, 1), "coat")])

    (outline,) = square.placed(10.0, 20.0, 3.0)

    np.testing.assert_allclose(outline, [(7, 17), (13, 17), (13, 23), (7, 23)])
    assert outline.dtype == np.float32


def test_a_drawing_is_mirrored_before_it_is_turned_clockwise() -> None:
    flag = drawing([Part(polygon((-1, -1), (1, -1), (-1, 1)), "coat")])

    (mirrored,) = flag.placed(0.0, 0.0, 1.0, mirrored=True)
    (both,) = flag.placed(0.0, 0.0, 1.0, mirrored=True, rotation=np.pi / 2)

    np.testing.assert_allclose(mirrored, [(1, -1), (-1, -1), (1, 1)], atol=1e-6)
    np.testing.assert_allclose(both, [(1, 1), (1, -1), (-1, 1)], atol=1e-6)


@pytest.mark.parametrize(
    ("outline", "area"),
    [
        (rectangle(0, 0, 2, 3), 6.0),
        (rounded(0, 0, 2, 3, 0.5), 6.0 - (4 - np.pi) * 0.25),
        (ellipse(1, 2, 2, 0.5), np.pi),
        (ellipse(1, 2, 2, 0.5, turn=0.7), np.pi),
        (arc(0, 0, 1, 1, np.pi, 2 * np.pi), np.pi / 2),
        (ring(0, 0, 2, 2, 0.5), np.pi * (4 - 2.25)),
        (ring(0, 0, 2, 2, 0.5, 0.0, np.pi), np.pi * (4 - 2.25) / 2),
        (stroke([(0, 0), (4, 0)], 0.5), 2.0),
        (stroke([(0, 0), (4, 0)], 1.0, 0.0), 2.0),
        (bow([(0, 0), (1, 0), (4, 0)], 0.5), 2.0),
        (star(0, 0, 1.0, 0.5, 4), 8 * 0.25 * np.sin(np.pi / 4)),
        (smooth((1, 0), (0, 1), (-1, 0), (0, -1)), 2.75),
    ],
)
def test_an_outline_encloses_the_area_of_its_figure(
    outline: NDArray[np.float32], area: float
) -> None:
    assert outline.dtype == np.float32
    assert _area(outline) == pytest.approx(area, rel=0.04)


def test_the_upper_half_of_an_ellipse_lies_above_its_centre() -> None:
    upper = arc(0, 5, 1, 1, np.pi, 2 * np.pi)

    assert upper[:, 1].max() == pytest.approx(5.0, abs=1e-6)
    assert upper[:, 1].min() < 4.1


def test_outlines_are_moved_turned_and_flipped() -> None:
    point = polygon((1.0, 0.0))

    np.testing.assert_allclose(moved(point, 2, 3), [(3, 3)])
    np.testing.assert_allclose(turned(point, np.pi / 2), [(0, 1)], atol=1e-6)
    np.testing.assert_allclose(turned(point, np.pi, x=2.0), [(3, 0)], atol=1e-6)
    np.testing.assert_allclose(flipped(point, x=3.0), [(5, 0)])
