"""Which things a scene has and where: everything about it but its pixels.

Lengths are in units of the image's long side, so that a layout looks the same at any resolution.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from pixelllm.data.drawing import Drawing
from pixelllm.data.scene_vocabulary import COLOURS, SETTINGS, SIZES, TEXTURES
from pixelllm.data.scene_words import HELD_OUT_PAIRS
from pixelllm.data.things import ALL_KINDS, KINDS, NEW_KINDS, Kind, shore

RADII = {"small": (0.08, 0.11), "large": (0.15, 0.22)}  # half of the longer side; none between
COUNTS = np.array((0.14, 0.17, 0.17, 0.15, 0.13, 0.10, 0.08, 0.06))  # of 1, 2, ... 8 things
MIN_VISIBLE = 0.55  # of a thing's area, however much is before it
MAX_VISIBLE_BEHIND = 0.93  # of a thing that is said to be behind another
MAX_COVER = 0.15  # of the smaller of two boxes that have nothing to do with each other
MAX_COVER_ALIKE = 0.02  # things of one colour must not melt into one outline
TOUCHING = 0.01  # boxes less far apart are at each other
ALIKE = 0.45  # chance that a new thing is of the kind of an earlier one
RELATED = 0.4  # chance that a new thing is placed on, under or behind an earlier one
TEXTURED = 0.4
EDGE = 0.012  # least distance of a thing from the image's edge
TRIES = 10  # places tried for one thing before it is made small, and again before it is left out
MAX_RATIO = 3.0  # of the image's sides
RASTER = 72  # cells per long side of the picture in which occlusion is measured

Extent = tuple[float, float, float, float]


@dataclass(frozen=True, eq=False)
class ThingPlan:
    """One thing: what it is, and where.

    `x`, `y` and `radius` are the drawing's centre and half of its longer side; `rotation` is in
    radians, clockwise.
    """

    kind: str
    colour: str
    texture: str
    size: str
    drawing: Drawing
    x: float
    y: float
    radius: float
    mirrored: bool
    rotation: float

    def outlines(self) -> list[NDArray[np.float32]]:
        """Its parts' outlines in the image, float32[n, 2] each."""
        return self.drawing.placed(
            self.x, self.y, self.radius, mirrored=self.mirrored, rotation=self.rotation
        )

    @cached_property
    def extent(self) -> Extent:
        """The box around all its parts, seen or not."""
        return _extent(self.outlines())


@dataclass(frozen=True)
class Relation:
    """Thing `index` is `word` ("on", "under", "behind") thing `landmark`; no other like it is."""

    index: int
    word: str
    landmark: int


@dataclass(frozen=True, eq=False)
class Layout:
    """A frame of width x height (the longer is 1), a setting, and things, painted in this order.

    `horizon` is the height (y) at which the ground, the water or the floor begins.
    """

    width: float
    height: float
    setting: str
    horizon: float
    things: tuple[ThingPlan, ...]
    relations: tuple[Relation, ...] = ()


def plan_scene(
    rng: np.random.Generator, max_things: int, held_out: bool, new_things: bool = False
) -> Layout:
    """A random scene of 1 to max_things things.

    With `held_out`, the first thing and about half of the others have a colour and kind of
    HELD_OUT_PAIRS; without, none has. With `new_things`, the first thing and about half of the
    others are of NEW_KINDS; without, none is.
    """
    width, height = _frame(rng)
    setting = _pick(rng, SETTINGS)
    horizon = height * float(rng.uniform(0.35, 0.6))
    odds = COUNTS[:max_things] / COUNTS[:max_things].sum()
    planner = _Planner(rng, width, height, setting, horizon, held_out, new_things)
    wanted = 1 + int(rng.choice(len(odds), p=odds))
    while True:
        for _ in range(wanted):
            planner.add()
        layout = planner.layout()
        if layout.things:  # once in ten thousand scenes none found a place, or all hide each other
            return layout
        planner.placed.clear()


def _frame(rng: np.random.Generator) -> tuple[float, float]:
    """Width and height: a third square, the rest up to 3 to 1, upright or not."""
    short = 1.0 if rng.random() < 0.33 else float(MAX_RATIO ** -rng.uniform(0.0, 1.0))
    return (1.0, short) if rng.random() < 0.5 else (short, 1.0)


def _pick(rng: np.random.Generator, names: Sequence[str]) -> str:
    return names[int(rng.integers(len(names)))]


@dataclass(frozen=True, eq=False)
class _Placed:
    """A plan with its box and its depth: things of larger depth are painted later.

    One that is placed by another thing has that as its `landmark`, and is `word` it.
    """

    plan: ThingPlan
    extent: Extent
    depth: float
    word: str = ""
    landmark: "_Placed | None" = None

    def related(self, word: str, landmark: "_Placed") -> "_Placed":
        """The same, painted right before or after the landmark."""
        depth = landmark.depth + (-1e-3 if word == "behind" else 1e-3)
        return replace(self, depth=depth, word=word, landmark=landmark)


class _Planner:
    """Adds things one by one."""

    def __init__(
        self,
        rng: np.random.Generator,
        width: float,
        height: float,
        setting: str,
        horizon: float,
        held_out: bool,
        new_things: bool,
    ) -> None:
        self.rng = rng
        self.width, self.height = width, height
        self.setting, self.horizon = setting, horizon
        self.held_out = held_out
        self.kinds = _met(KINDS, setting)
        self.new_kinds = _met(NEW_KINDS, setting) if new_things else ()
        self.placed: list[_Placed] = []

    def add(self) -> None:
        """One more thing, if there is room for it."""
        if self.placed and self.rng.random() < RELATED:
            related = self._relate()
            if related is not None:
                self.placed.append(related)
                return
        traits = self._traits(self._kinds())
        for size in (_pick(self.rng, SIZES), "small"):
            plan = self._draw(*traits, size)
            for _ in range(TRIES):
                candidate = self._anywhere(plan)
                if candidate is not None and self._has_room(candidate):
                    self.placed.append(candidate)
                    return

    def layout(self) -> Layout:
        """The things that can be seen, far ones first, and how they are related."""
        seen = self._seen()
        kept = list(seen)
        relations = tuple(
            Relation(index, one.word, kept.index(one.landmark))
            for index, one in enumerate(kept)
            if one.landmark in kept and _is_plain(one, one.landmark, seen[one], kept)
        )
        frame = (self.width, self.height, self.setting, self.horizon)
        return Layout(*frame, tuple(one.plan for one in kept), relations)

    def _seen(self) -> dict[_Placed, float]:
        """What is left once no thing is too hidden, far ones first: which share of each is seen.

        Where a table is too hidden, what stands on it goes first: it would float without the table.
        """
        left = sorted(self.placed, key=lambda one: one.depth)
        while True:
            shares = visible_shares([one.plan for one in left], self.width, self.height)
            seen = dict(zip(left, shares, strict=True))
            hidden = {one for one, share in seen.items() if share < MIN_VISIBLE}
            if not hidden:
                return seen
            standing = {one for one in left if one.word == "on" and one.landmark in hidden}
            gone = standing | (hidden - {one.landmark for one in standing})
            left = [one for one in left if one not in gone]

    def _kinds(self) -> tuple[str, ...]:
        """The kinds that the next thing may be of."""
        if self.new_kinds and (not self.placed or self.rng.random() < 0.5):
            return self.new_kinds
        return self.kinds

    def _traits(self, kinds: Sequence[str]) -> tuple[str, str, str]:
        """Kind, colour and texture; a kind that the scene has already is likelier than another."""
        use_held_out = self.held_out and (not self.placed or self.rng.random() < 0.5)
        odds = np.cumsum([_odds(name) for name in kinds])
        kind = kinds[int(np.searchsorted(odds, self.rng.random() * odds[-1], side="right"))]
        present = [one.plan.kind for one in self.placed if one.plan.kind in kinds]
        if present and self.rng.random() < ALIKE:
            kind = _pick(self.rng, present)
        fits = [c for c in COLOURS if ((c, kind) in HELD_OUT_PAIRS) == use_held_out]
        textured = self.rng.random() < TEXTURED
        return kind, _pick(self.rng, fits), _pick(self.rng, TEXTURES[1:]) if textured else "solid"

    def _draw(self, kind: str, colour: str, texture: str, size: str) -> ThingPlan:
        """The thing, somewhere: its centre is (0, 0)."""
        tilt = ALL_KINDS[kind].tilt
        return ThingPlan(
            *(kind, colour, texture, size),
            drawing=ALL_KINDS[kind].draw(self.rng),
            x=0.0,
            y=0.0,
            radius=float(self.rng.uniform(*RADII[size])),
            mirrored=bool(self.rng.random() < 0.5),
            rotation=float(self.rng.uniform(-tilt, tilt)),
        )

    def _anywhere(self, plan: ThingPlan) -> _Placed | None:
        """The thing at a place that suits it; None where it does not fit."""
        left, top, right, bottom = plan.extent
        low, high = self._base_range(plan.kind, bottom - top)
        if right - left > self.width - 2 * EDGE or low > high:
            return None
        x = self.rng.uniform(EDGE - left, self.width - EDGE - right)
        base = self.rng.uniform(low, high)
        return _move(plan, float(x), float(base - bottom))

    def _base_range(self, kind: str, thing_height: float) -> tuple[float, float]:
        """Where the lower edge of a thing may be: on the ground, in the air or in the water."""
        ground = self.height - self.horizon
        lowest, beach = thing_height + EDGE, shore(self.horizon, self.height)
        low, high = self.horizon + 0.2 * ground, self.height - EDGE
        match ALL_KINDS[kind].place[self.setting]:
            case "air":
                low, high = lowest, max(self.horizon + 0.1 * ground, lowest)
            case "water":
                high = beach
            case "ground" if self.setting == "sea":
                low = beach + 0.2 * (self.height - beach)
        return max(low, lowest), min(max(high, lowest), self.height - EDGE)

    def _has_room(self, new: _Placed) -> bool:
        """Whether it covers none of the others too much, nor they it."""
        for other in self.placed:
            if other is new.landmark:
                continue
            alike = other.plan.colour == new.plan.colour
            if _cover(new.extent, other.extent) > (MAX_COVER_ALIKE if alike else MAX_COVER):
                return False
        left, top, right, bottom = new.extent
        return left >= 0 and top >= 0 and right <= self.width and bottom <= self.height

    def _relate(self) -> _Placed | None:
        """A new thing on, under or behind an earlier one; None where no attempt succeeds."""
        landmarks = [
            one
            for one in self.placed
            if one.plan.size == "large" and not one.word and self._stands(one.plan.kind)
        ]
        for _ in range(TRIES if landmarks else 0):
            landmark = landmarks[int(self.rng.integers(len(landmarks)))]
            word = _pick(self.rng, possible_relations(landmark.plan.kind))
            kinds = [
                name
                for name in self._kinds()
                if self._stands(name) and (word != "on" or ALL_KINDS[name].portable)
            ]
            traits = self._traits(kinds)
            if traits[1] == landmark.plan.colour:
                continue
            size = _pick(self.rng, SIZES) if word == "behind" else "small"
            plan = self._draw(*traits, size)
            at = {"on": self._on, "under": self._under, "behind": self._behind}[word]
            candidate = at(plan, landmark)
            if candidate is not None and self._has_room(candidate):
                return candidate
        return None

    def _stands(self, kind: str) -> bool:
        return ALL_KINDS[kind].place[self.setting] == "ground"

    def _behind(self, plan: ThingPlan, landmark: _Placed) -> _Placed | None:
        """The thing a little farther away, half hidden; None where that is above the horizon."""
        left, _, right, bottom = plan.extent
        other_left, _, other_right, other_bottom = landmark.extent
        side = 1.0 if self.rng.random() < 0.5 else -1.0
        reach = (other_right - other_left + right - left) / 2
        x = (other_left + other_right) / 2 + side * reach * self.rng.uniform(0.4, 0.7)
        base = other_bottom - self.rng.uniform(0.01, 0.05)
        if base < self.horizon:
            return None
        return _move(plan, float(x), float(base - bottom)).related("behind", landmark)

    def _on(self, plan: ThingPlan, landmark: _Placed) -> _Placed:
        """The thing standing on the landmark's surface."""
        other = landmark.plan
        surface = ALL_KINDS[other.kind].surface
        assert surface is not None
        base = other.y + surface * other.radius + 0.01
        x = self._within(plan, landmark)
        return _move(plan, x, base - plan.extent[3]).related("on", landmark)

    def _under(self, plan: ThingPlan, landmark: _Placed) -> _Placed | None:
        """The thing at the landmark's foot; None where it is too tall for that."""
        _, top, _, bottom = plan.extent
        _, other_top, _, other_bottom = landmark.extent
        x = self._within(plan, landmark)
        base = other_bottom + float(self.rng.uniform(-0.005, 0.012))
        if bottom - top > 0.62 * (other_bottom - other_top):
            return None
        return _move(plan, x, base - bottom).related("under", landmark)

    def _within(self, plan: ThingPlan, landmark: _Placed) -> float:
        """An x at which the thing does not reach beyond the landmark's sides."""
        left, _, right, _ = plan.extent
        other_left, _, other_right, _ = landmark.extent
        free = max(0.0, 0.8 * (other_right - other_left) - (right - left)) / 2
        return (other_left + other_right) / 2 + float(self.rng.uniform(-free, free))


def _met(kinds: Mapping[str, Kind], setting: str) -> tuple[str, ...]:
    return tuple(name for name, kind in kinds.items() if setting in kind.place)


def _is_plain(one: _Placed, landmark: _Placed, share: float, things: Sequence[_Placed]) -> bool:
    """Whether anybody who looks would say of this thing, and of it alone, how it is related.

    What is behind must be hidden a little (this share is seen), and no other thing of its kind be
    at the landmark.
    """
    if one.word == "behind" and share >= MAX_VISIBLE_BEHIND:
        return False
    left, top, right, bottom = landmark.extent
    around = (left - TOUCHING, top - TOUCHING, right + TOUCHING, bottom + TOUCHING)
    rivals = [
        other
        for other in things
        if other.plan.kind == one.plan.kind and other not in (one, landmark)
    ]
    return all(_cover(rival.extent, around) == 0.0 for rival in rivals)


def _odds(kind: str) -> float:
    """How likely a kind is beside others.

    More so in its only setting, and where things can be on or under it, as with few kinds they can.
    """
    about = ALL_KINDS[kind]
    landmark = about.surface is not None or about.shelter
    return (2.0 if landmark else 1.0) / len(about.place)


def possible_relations(landmark: str) -> tuple[str, ...]:
    """How things can be related to a thing of this kind: behind it where neither on nor under."""
    about = ALL_KINDS[landmark]
    special = ("on",) * (about.surface is not None) + ("under",) * about.shelter
    return special or ("behind",)


def _move(plan: ThingPlan, x: float, y: float) -> _Placed:
    """The plan, which is at (0, 0), with its centre at (x, y)."""
    left, top, right, bottom = plan.extent
    extent = (left + x, top + y, right + x, bottom + y)
    return _Placed(replace(plan, x=x, y=y), extent, depth=extent[3])


def _extent(outlines: Sequence[NDArray[np.float32]]) -> Extent:
    points = np.concatenate(outlines)
    (left, top), (right, bottom) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    return left, top, right, bottom


def _cover(one: Extent, other: Extent) -> float:
    """Common area of two boxes as a share of the smaller one."""
    common = max(0.0, min(one[2], other[2]) - max(one[0], other[0]))
    common *= max(0.0, min(one[3], other[3]) - max(one[1], other[1]))
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return common / max(min(areas), 1e-9)


def visible_shares(plans: Sequence[ThingPlan], width: float, height: float) -> list[float]:
    """Which share of each thing is seen, things painted in this order."""
    size = (max(1, round(width * RASTER)), max(1, round(height * RASTER)))
    whole = [int((_silhouettes([plan], size, RASTER) == 0).sum()) for plan in plans]
    seen = np.bincount(_silhouettes(plans, size, RASTER).ravel() + 1, minlength=len(plans) + 1)[1:]
    return [int(own) / max(1, all_) for own, all_ in zip(seen, whole, strict=True)]


def sketch(layout: Layout, long_side: int) -> NDArray[np.int8]:
    """Which thing is seen at each pixel, int8[H, W], -1 the background, without a picture.

    About what `scene_painting.paint_scene` gives, in a tenth of the time.
    """
    size = (round(layout.width * long_side), round(layout.height * long_side))
    return _silhouettes(layout.things, size, long_side)


def _silhouettes(plans: Sequence[ThingPlan], size: tuple[int, int], scale: int) -> NDArray[np.int8]:
    owner = Image.new("L", size, 0)
    pen = ImageDraw.Draw(owner)
    for index, plan in enumerate(plans, start=1):
        for outline in plan.outlines():
            pen.polygon((outline * scale).ravel().tolist(), fill=index)
    return np.asarray(owner).astype(np.int8) - 1
