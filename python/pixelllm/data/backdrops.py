"""What is behind the things of a scene: a street, a meadow, the sea or a room.

Colours are subdued, so that things stand out, and nothing looks like a thing that has a name: no
windowed gable, no tree, no bloom, no round sun of one colour.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from pixelllm.data.drawing import Outline, arc, ellipse

Tone = tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class Stage:
    """The canvas before anything stands on it, width x height in long sides of the image."""

    picture: Image.Image
    pen: ImageDraw.ImageDraw
    unit: float  # pixels of the canvas per long side
    width: float
    height: float
    horizon: float
    shore: float | None  # the y where a beach begins, at sea

    def polygon(self, outline: Outline, tone: Tone) -> None:
        """Fills a polygon given in long sides."""
        path = outline * np.float32(self.unit) + np.float32(0.5)
        self.pen.polygon(path.ravel().tolist(), tone)

    def rectangle(self, x0: float, y0: float, x1: float, y1: float, tone: Tone) -> None:
        """Fills a rectangle; nothing where it is thinner than a pixel."""
        left, top, right, bottom = (round(v * self.unit) for v in (x0, y0, x1, y1))
        if right > left and bottom > top:
            self.pen.rectangle((left, top, right - 1, bottom - 1), tone)

    def fade(self, y0: float, y1: float, upper: Tone, lower: Tone) -> None:
        """Fills the rows between two heights with a gradient."""
        top, bottom = max(0, round(y0 * self.unit)), min(self.picture.height, round(y1 * self.unit))
        if bottom <= top:
            return
        share = ((np.arange(bottom - top) + 0.5) / (bottom - top))[:, None]
        column = np.array(upper) * (1 - share) + np.array(lower) * share
        strip = Image.fromarray((column + 0.5).astype(np.uint8)[:, None, :])
        size = (self.picture.width, bottom - top)
        self.picture.paste(strip.resize(size, Image.Resampling.NEAREST), (0, top))


def paint_backdrop(rng: np.random.Generator, stage: Stage, setting: str) -> None:
    """Fills the whole stage. Raises KeyError where there is no such setting."""
    _BACKDROPS[setting](rng, stage)


def _vary(rng: np.random.Generator, tone: Tone) -> Tone:
    """A tone beside this one: lighter or darker, and of nearly the same hue."""
    jitter = rng.uniform(-9.0, 9.0) + rng.uniform(-5.0, 5.0, 3)
    red, green, blue = (np.array(tone) + jitter).clip(0, 255).astype(int).tolist()
    return red, green, blue


def _mix(a: Tone, b: Tone, share: float) -> Tone:
    """From a (share 0) to b (share 1)."""
    red, green, blue = (round(p + (q - p) * share) for p, q in zip(a, b, strict=True))
    return red, green, blue


def _pick(rng: np.random.Generator, tones: tuple[Tone, ...]) -> Tone:
    return _vary(rng, tones[int(rng.integers(len(tones)))])


# Upper and lower tone of the sky: clear, hazy, overcast, evening, morning.
_SKIES: tuple[tuple[Tone, Tone], ...] = (
    ((138, 182, 218), (202, 222, 232)),
    ((168, 198, 218), (222, 226, 222)),
    ((176, 184, 190), (208, 210, 210)),
    ((148, 152, 186), (232, 200, 176)),
    ((164, 190, 214), (240, 216, 192)),
)


def _sky(rng: np.random.Generator, stage: Stage, clouds: bool = True) -> Tone:
    """Sky down to the horizon, often with clouds; returns its lower tone."""
    upper, lower = _SKIES[int(rng.integers(len(_SKIES)))]
    upper, lower = _vary(rng, upper), _vary(rng, lower)
    stage.fade(0.0, stage.horizon + 0.01, upper, lower)
    for _ in range(int(rng.integers(0, 4)) if clouds else 0):
        x, y = rng.uniform(0.0, stage.width), rng.uniform(0.02, 0.75) * stage.horizon
        _cloud(rng, stage, x, y, _mix(lower, (255, 255, 255), rng.uniform(0.25, 0.5)))
    return lower


def _cloud(rng: np.random.Generator, stage: Stage, x: float, y: float, tone: Tone) -> None:
    long = rng.uniform(0.08, 0.2)
    for _ in range(int(rng.integers(3, 6))):
        dx, size = rng.uniform(-long, long), rng.uniform(0.35, 0.7)
        flat = rng.uniform(0.2, 0.34)
        stage.polygon(ellipse(x + dx, y, long * size, long * size * flat), tone)


def _street(rng: np.random.Generator, stage: Stage) -> None:
    """Far walls or flat-roofed blocks, a pavement, a kerb and a road with lane marks."""
    lower = _sky(rng, stage, clouds=False)
    if rng.random() < 0.3:
        _brick_wall(rng, stage)
    else:
        _blocks(rng, stage, lower)
    ground = stage.height - stage.horizon
    kerb = stage.horizon + ground * rng.uniform(0.24, 0.5)
    pavement = _pick(rng, ((178, 174, 168), (190, 182, 168), (160, 162, 166)))
    stage.fade(stage.horizon, kerb, _mix(pavement, (0, 0, 0), 0.08), pavement)
    seam, step = _mix(pavement, (0, 0, 0), 0.13), rng.uniform(0.1, 0.18)
    vanish = stage.width * rng.uniform(0.3, 0.7)
    for k in range(-8, 18):  # slabs, seen in perspective
        x = vanish + (k - 4) * step
        far = vanish + (x - vanish) * 0.72
        strip = ((far, stage.horizon), (x, kerb), (x + 0.008, kerb), (far + 0.005, stage.horizon))
        stage.polygon(np.array(strip, np.float32), seam)
    asphalt = _pick(rng, ((104, 106, 112), (92, 94, 98), (122, 120, 120)))
    stage.fade(kerb, stage.height, asphalt, _mix(asphalt, (0, 0, 0), 0.1))
    stage.rectangle(0.0, kerb, stage.width, kerb + 0.016, _mix(pavement, (255, 255, 255), 0.35))
    stage.rectangle(0.0, kerb + 0.016, stage.width, kerb + 0.024, _mix(asphalt, (0, 0, 0), 0.35))
    line = kerb + (stage.height - kerb) * rng.uniform(0.4, 0.62)
    mark, dash = _mix(asphalt, (255, 255, 255), 0.55), rng.uniform(0.1, 0.18)
    x = -rng.uniform(0.0, dash)
    while x < stage.width:
        ends = ((x, line), (x + dash * 0.6, line), (x + dash * 0.58, line + 0.02))
        stage.polygon(np.array((*ends, (x - dash * 0.04, line + 0.02)), np.float32), mark)
        x += dash * 1.25


def _brick_wall(rng: np.random.Generator, stage: Stage) -> None:
    brick = _pick(rng, ((164, 136, 124), (186, 172, 152), (150, 146, 144)))
    top = stage.horizon * rng.uniform(0.0, 0.4)
    stage.rectangle(0.0, top, stage.width, stage.horizon, brick)
    joint, high = _mix(brick, (255, 255, 255), 0.16), rng.uniform(0.03, 0.042)
    stage.rectangle(0.0, top, stage.width, top + 0.016, _mix(brick, (0, 0, 0), 0.15))
    y, row = stage.horizon - high, 0
    while y > top + 0.02:
        stage.rectangle(0.0, y, stage.width, y + 0.006, joint)
        x = (row % 2) * high
        while x < stage.width:
            stage.rectangle(x, y, x + 0.006, y + high, joint)
            x += 2 * high
        y, row = y - high, row + 1


def _blocks(rng: np.random.Generator, stage: Stage, sky: Tone) -> None:
    """Far blocks of flats in the haze, wall to wall."""
    x = -rng.uniform(0.0, 0.1)
    while x < stage.width:
        wide = rng.uniform(0.16, 0.34)
        top = stage.horizon * rng.uniform(0.12, 0.66)
        wall = _pick(rng, ((170, 160, 150), (152, 150, 152), (184, 170, 148), (158, 166, 170)))
        wall = _mix(wall, sky, 0.25)
        pane = _mix(wall, (70, 80, 96), rng.uniform(0.16, 0.3))
        stage.rectangle(x, top, x + wide, stage.horizon, wall)
        stage.rectangle(x, top, x + wide, top + 0.012, _mix(wall, (0, 0, 0), 0.12))
        step, rise = rng.uniform(0.05, 0.07), rng.uniform(0.06, 0.08)
        columns = int((wide - 0.02) / step)
        margin = (wide - columns * step) / 2
        y = top + 0.034
        while y + 0.03 < stage.horizon:
            for column in range(columns):
                left = x + margin + column * step + step * 0.22
                stage.rectangle(left, y, left + step * 0.56, y + rise * 0.5, pane)
            y += rise
        x += wide


def _meadow(rng: np.random.Generator, stage: Stage) -> None:
    """Sky, two rows of hills, grass with tufts and specks of bloom."""
    lower = _sky(rng, stage)
    grass = _pick(rng, ((146, 166, 104), (162, 168, 108), (128, 156, 108), (176, 170, 112)))
    for share, rise in ((0.55, 0.3), (0.25, 0.16)):
        _hills(rng, stage, _mix(grass, lower, share), rise * stage.horizon)
    stage.fade(stage.horizon, stage.height, _mix(grass, lower, 0.1), _mix(grass, (0, 0, 0), 0.1))
    ground = stage.height - stage.horizon
    dark, light = _mix(grass, (30, 60, 20), 0.28), _mix(grass, (255, 255, 200), 0.25)
    count = int(rng.integers(14, 60))
    for share, x in rng.uniform((0.0, 0.0), (1.0, stage.width), (count, 2)).tolist():
        size, y = 0.008 + 0.016 * share, stage.horizon + 0.01 + share * ground
        tuft = ((x - size, y - size), (x - 0.3 * size, y), (x + 0.1 * size, y - 1.3 * size))
        stage.polygon(np.array((*tuft, (x + 0.4 * size, y)), np.float32), dark)
    if rng.random() < 0.6:
        bloom = _mix(light, _pick(rng, ((250, 246, 236), (236, 226, 190), (226, 214, 230))), 0.7)
        count = int(rng.integers(10, 50))
        depth = rng.random(count)
        for share, x in zip(
            depth.tolist(), (rng.random(count) * stage.width).tolist(), strict=True
        ):
            size, y = 0.003 + 0.004 * share, stage.horizon + 0.01 + share * ground
            stage.rectangle(x, y, x + size, y + size, bloom)


def _hills(rng: np.random.Generator, stage: Stage, tone: Tone, rise: float) -> None:
    x = np.linspace(0.0, stage.width, 24)
    waves = rng.uniform((2.0, 4.0, 0.0, 0.0), (5.0, 9.0, 6.3, 6.3))
    swell = 0.5 + 0.3 * np.sin(waves[0] * x + waves[2]) + 0.2 * np.sin(waves[1] * x + waves[3])
    crest = np.stack([x, stage.horizon - rise * swell], axis=1)
    foot = ((stage.width, stage.horizon + 0.02), (0.0, stage.horizon + 0.02))
    stage.polygon(np.concatenate([crest, foot]).astype(np.float32), tone)


def _sea(rng: np.random.Generator, stage: Stage) -> None:
    """Sky, perhaps far islands, water with waves, and a beach where one is asked for."""
    lower = _sky(rng, stage)
    water = _pick(rng, ((104, 152, 172), (116, 150, 160), (98, 138, 166), (122, 164, 168)))
    if rng.random() < 0.4:
        x, wide = rng.uniform(0.0, stage.width), rng.uniform(0.12, 0.3)
        tone = _mix(_mix((120, 128, 120), water, 0.3), lower, 0.4)
        high = wide * rng.uniform(0.12, 0.25)
        stage.polygon(arc(x, stage.horizon + 0.005, wide, high, np.pi, 2 * np.pi), tone)
    edge = stage.height if stage.shore is None else stage.shore
    stage.fade(stage.horizon, edge + 0.03, _mix(water, lower, 0.4), water)
    crests, troughs = _mix(water, (255, 255, 255), 0.28), _mix(water, (10, 40, 70), 0.18)
    count = int(rng.integers(14, 44))
    for share, x in rng.uniform((0.0, 0.0), (1.0, stage.width), (count, 2)).tolist():
        y, long = stage.horizon + 0.01 + share * (edge - stage.horizon), 0.02 + 0.05 * share
        thick = 0.004 + 0.009 * share
        tone = crests if rng.random() < 0.55 else troughs
        swell = ((x - long, y), (x - long / 3, y - thick), (x + long / 3, y - thick))
        stage.polygon(
            np.array((*swell, (x + long, y), (x + long / 3, y), (x - long / 3, y)), np.float32),
            tone,
        )
    if stage.shore is not None:
        _beach(rng, stage, stage.shore)


def _beach(rng: np.random.Generator, stage: Stage, shore: float) -> None:
    sand = _pick(rng, ((222, 202, 164), (210, 192, 158), (226, 212, 182)))
    x = np.linspace(0.0, stage.width, 24)
    swing, phase = rng.uniform(6.0, 14.0), rng.uniform(0.0, 6.3)
    line = 0.006 * np.sin(swing * x + phase)
    corners = ((stage.width, stage.height + 0.01), (0.0, stage.height + 0.01))
    for lift, tone in (
        (-0.014, (236, 242, 240)),
        (0.0, _mix(sand, (90, 70, 50), 0.22)),
        (0.03, sand),
    ):
        edge = np.stack([x, shore + lift + line], axis=1)
        stage.polygon(np.concatenate([edge, corners]).astype(np.float32), tone)
    ground, count = stage.height - shore, int(rng.integers(6, 26))
    pebble = _mix(sand, (90, 80, 70), 0.3)
    for share, at in rng.uniform((0.0, 0.0), (1.0, stage.width), (count, 2)).tolist():
        size, y = 0.003 + 0.004 * share, shore + 0.05 + share * ground
        stage.rectangle(at, y, at + 1.6 * size, y + size, pebble)


def _room(rng: np.random.Generator, stage: Stage) -> None:
    """A wall, plain or papered, perhaps a window; a skirting board; a floor, perhaps a rug."""
    wall = _pick(
        rng,
        ((214, 204, 184), (190, 200, 186), (186, 198, 208), (210, 196, 188), (204, 204, 204)),
    )
    stage.fade(0.0, stage.horizon, wall, _mix(wall, (0, 0, 0), 0.06))
    _wallpaper(rng, stage, wall)
    if rng.random() < 0.45:
        _window(rng, stage)
    stage.rectangle(0.0, stage.horizon - 0.034, stage.width, stage.horizon, (228, 224, 214))
    stage.rectangle(0.0, stage.horizon - 0.006, stage.width, stage.horizon, (172, 164, 152))
    _floor(rng, stage)
    if rng.random() < 0.4:
        _rug(rng, stage)


def _wallpaper(rng: np.random.Generator, stage: Stage, wall: Tone) -> None:
    pattern = int(rng.integers(4))
    tone = _mix(wall, (255, 255, 255) if rng.random() < 0.5 else (90, 80, 70), 0.14)
    if pattern == 1:  # stripes
        step = rng.uniform(0.06, 0.12)
        for k in range(int(stage.width / step) + 1):
            stage.rectangle(k * step, 0.0, k * step + step / 2, stage.horizon, tone)
    elif pattern == 2:  # small lozenges
        step = rng.uniform(0.08, 0.12)
        size = step * 0.16
        for row in range(int(stage.horizon / step) + 1):
            for column in range(int(stage.width / step) + 2):
                x, y = (column - 0.5 * (row % 2)) * step, (row + 0.5) * step
                lozenge = ((x, y - size), (x + size, y), (x, y + size), (x - size, y))
                stage.polygon(np.array(lozenge, np.float32), tone)
    elif pattern == 3:  # a panelled lower half
        rail = stage.horizon * rng.uniform(0.55, 0.7)
        stage.rectangle(0.0, rail, stage.width, stage.horizon, tone)
        stage.rectangle(0.0, rail, stage.width, rail + 0.014, _mix(tone, (70, 60, 50), 0.3))


def _window(rng: np.random.Generator, stage: Stage) -> None:
    wide, high = rng.uniform(0.16, 0.26), stage.horizon * rng.uniform(0.4, 0.56)
    x, y = rng.uniform(0.02, max(0.03, stage.width - wide - 0.02)), stage.horizon * 0.1
    frame, sky = (232, 230, 222), _pick(rng, ((178, 204, 220), (206, 212, 214), (220, 206, 190)))
    stage.rectangle(x - 0.016, y - 0.016, x + wide + 0.016, y + high + 0.016, (168, 162, 152))
    stage.rectangle(x - 0.012, y - 0.012, x + wide + 0.012, y + high + 0.012, frame)
    for column in range(2):
        for row in range(2):
            left, top = x + column * (wide / 2 + 0.005), y + row * (high / 2 + 0.005)
            stage.rectangle(left, top, left + wide / 2 - 0.005, top + high / 2 - 0.005, sky)
    stage.rectangle(
        *(
            x - 0.026,
            y + high + 0.012,
            x + wide + 0.026,
            y + high + 0.03,
            _mix(frame, (0, 0, 0), 0.1),
        )
    )


def _floor(rng: np.random.Generator, stage: Stage) -> None:
    wood = _pick(rng, ((168, 138, 106), (148, 118, 92), (186, 164, 134), (158, 152, 146)))
    stage.fade(stage.horizon, stage.height, _mix(wood, (0, 0, 0), 0.1), wood)
    seam = _mix(wood, (40, 26, 16), 0.22)
    vanish, step = stage.width * rng.uniform(0.2, 0.8), rng.uniform(0.09, 0.16)
    for k in range(-14, 15):  # boards, seen in perspective
        near = vanish + (k + 0.5) * step * 1.5
        far = vanish + (near - vanish) * 0.55
        board = (
            *((far - 0.002, stage.horizon), (near - 0.0035, stage.height)),
            *((near + 0.0035, stage.height), (far + 0.002, stage.horizon)),
        )
        stage.polygon(np.array(board, np.float32), seam)


def _rug(rng: np.random.Generator, stage: Stage) -> None:
    ground = stage.height - stage.horizon
    tone = _pick(rng, ((150, 120, 118), (118, 128, 140), (140, 142, 120), (176, 164, 148)))
    x, y = rng.uniform(0.3, 0.7) * stage.width, stage.horizon + ground * rng.uniform(0.5, 0.7)
    wide, deep = rng.uniform(0.22, 0.4), ground * rng.uniform(0.2, 0.34)
    border = _mix(tone, (240, 234, 220), 0.4)
    for scale, paint in ((1.0, border), (0.88, tone), (0.7, border), (0.64, tone)):
        w, d = wide * scale, deep * scale
        rug = ((x - w * 0.82, y - d), (x + w * 0.82, y - d), (x + w, y + d), (x - w, y + d))
        stage.polygon(np.array(rug, np.float32), paint)


_BACKDROPS: dict[str, Callable[[np.random.Generator, Stage], None]] = {
    "street": _street,
    "meadow": _meadow,
    "sea": _sea,
    "room": _room,
}
