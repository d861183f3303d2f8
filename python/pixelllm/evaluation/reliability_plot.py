"""A drawing of what scores are worth: each score's share of right answers, as an SVG."""

from collections.abc import Sequence

from pixelllm.evaluation.metrics import Bin

SIZE = 320  # pixels of the plot's side
EDGE = 48  # pixels around it, for the labels


def reliability_svg(bins: Sequence[Bin], title: str) -> str:
    """Dots at (mean score, share right) whose area is the bin's count, beside the diagonal.

    A model whose scores mean what they say has its dots on the diagonal.
    """
    most = max((one.count for one in bins), default=1)
    marks = [_tick(step / 5) for step in range(6)]
    dots = [
        f'<circle cx="{_x(one.score):.1f}" cy="{_y(one.right):.1f}" '
        f'r="{3 + 9 * (one.count / most) ** 0.5:.1f}" fill="#2a6fdb" fill-opacity="0.75">'
        f"<title>{one.count} answers: score {one.score:.2f}, right {one.right:.2f}</title></circle>"
        for one in bins
    ]
    whole = SIZE + 2 * EDGE
    middle = EDGE + SIZE / 2
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{whole}" height="{whole}" '
            f'viewBox="0 0 {whole} {whole}" font-family="sans-serif" font-size="12" role="img">',
            f"<title>{title}</title>",
            f'<rect width="{whole}" height="{whole}" fill="#fff"/>',
            f'<rect x="{EDGE}" y="{EDGE}" width="{SIZE}" height="{SIZE}" fill="none" '
            'stroke="#999"/>',
            f'<line x1="{_x(0)}" y1="{_y(0)}" x2="{_x(1)}" y2="{_y(1)}" stroke="#999" '
            'stroke-dasharray="4 4"/>',
            *marks,
            *dots,
            f'<text x="{middle}" y="{EDGE / 2}" text-anchor="middle">{title}</text>',
            f'<text x="{middle}" y="{whole - 8}" text-anchor="middle">score</text>',
            f'<text transform="translate(14 {middle}) rotate(-90)" text-anchor="middle">'
            "share of right answers</text>",
            "</svg>",
            "",
        ]
    )


def _x(value: float) -> float:
    return EDGE + SIZE * value


def _y(value: float) -> float:
    return EDGE + SIZE * (1 - value)


def _tick(value: float) -> str:
    return (
        f'<text x="{_x(value):.1f}" y="{EDGE + SIZE + 16}" text-anchor="middle">{value:.1f}</text>'
        f'<text x="{EDGE - 6}" y="{_y(value) + 4:.1f}" text-anchor="end">{value:.1f}</text>'
    )
