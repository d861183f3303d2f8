"""The plot of scores is well-formed and has a dot per bin, where the bin belongs."""

import re
from xml.etree import ElementTree

from pixelllm.evaluation.metrics import Bin
from pixelllm.evaluation.reliability_plot import EDGE, SIZE, reliability_svg


def test_each_bin_is_a_dot_at_its_score_and_its_share() -> None:
    svg = reliability_svg([Bin(10, 0.25, 0.5), Bin(40, 1.0, 1.0)], "scores")

    ElementTree.fromstring(svg)
    dots = re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)" r="([\d.]+)"', svg)
    assert [(float(x), float(y)) for x, y, _ in dots] == [
        (EDGE + SIZE / 4, EDGE + SIZE / 2),
        (EDGE + SIZE, EDGE),
    ]
    assert float(dots[0][2]) < float(dots[1][2])


def test_without_answers_there_are_no_dots() -> None:
    assert "<circle" not in reliability_svg([], "scores")
