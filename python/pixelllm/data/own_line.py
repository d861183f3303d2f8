"""A line of our own layout (`own_layout`): what it may say, and what is wrong with it.

Every complaint names the field and says what to do.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from pixelllm.data.boxes import box_from_corners
from pixelllm.data.coco_masks import decode_segmentation
from pixelllm.data.errors import DatasetError
from pixelllm.data.sample import Box, Caption, Region, WordPlace

ROUNDING: Final = 1.0  # pixels; a box may leave the image by less than this

Part = TypeVar("Part")


@dataclass(frozen=True)
class OwnPhrase:
    """A phrase with its mask as it is written."""

    phrase: str
    box: Box
    mask: Mapping[str, Any] | None


@dataclass(frozen=True)
class OwnLine:
    """What a line says about its image."""

    image: str
    captions: tuple[Caption, ...]
    phrases: tuple[OwnPhrase, ...]
    regions: tuple[Region, ...]


def parse_line(fields: Any) -> OwnLine:
    """A line, as JSON, checked but for what needs the image. Raises DatasetError."""
    fields = _object(fields, "the line", {"image"}, {"captions", "phrases", "regions"})
    line = OwnLine(
        image=_text(fields["image"], "image"),
        captions=_parts(fields, "captions", _caption),
        phrases=_parts(fields, "phrases", _phrase),
        regions=_parts(fields, "regions", _region),
    )
    if not (line.captions or line.phrases or line.regions):
        raise DatasetError("the line says nothing: give it captions, phrases or regions")
    return line


def check_places(line: OwnLine, width: int, height: int) -> None:
    """Raises DatasetError where a box or a mask is not of an image of this size."""
    for number, caption in enumerate(line.captions):
        for count, word in enumerate(caption.words):
            _check_inside(word.box, width, height, f"captions[{number}].words[{count}].box")
    for number, phrase in enumerate(line.phrases):
        _check_inside(phrase.box, width, height, f"phrases[{number}].box")
        if phrase.mask is not None:
            decode_segmentation(phrase.mask, height, width, f"phrases[{number}].mask")
    for number, region in enumerate(line.regions):
        _check_inside(region.box, width, height, f"regions[{number}].box")


def _check_inside(box: Box, width: int, height: int, place: str) -> None:
    x0, y0, x1, y1 = box
    if (
        min(x0, y0) <= -ROUNDING
        or x1 >= width + ROUNDING
        or y1 >= height + ROUNDING
        or x0 >= width
        or y0 >= height
        or min(x1, y1) <= 0
    ):
        raise DatasetError(
            f"{place}: {list(box)} is outside the image, which has {width} x {height} pixels; "
            "boxes are [x_min, y_min, x_max, y_max] in its pixels"
        )


def _caption(fields: Any, place: str) -> Caption:
    fields = _object(fields, place, {"caption"}, {"words"})
    text = _text(fields["caption"], f"{place}.caption")
    words = tuple(
        _word(word, f"{place}.words[{number}]")
        for number, word in enumerate(_list(fields.get("words"), f"{place}.words"))
    )
    if words:
        _check_words(text, words, place)
    return Caption(text, words)


def _word(fields: Any, place: str) -> WordPlace:
    fields = _object(fields, place, {"start", "end", "box"}, set())
    for name in ("start", "end"):
        if type(fields[name]) is not int:
            raise DatasetError(f"{place}.{name}: a whole number, counted in characters, is needed")
    return WordPlace(fields["start"], fields["end"], _box(fields["box"], f"{place}.box"))


def _check_words(text: str, words: tuple[WordPlace, ...], place: str) -> None:
    """Words are in order and leave out only spaces."""
    at = 0
    for number, word in enumerate(words):
        if not at <= word.start < word.end <= len(text):
            raise DatasetError(
                f"{place}.words[{number}]: start {word.start} and end {word.end} are not after the "
                f"word before and within the caption's {len(text)} characters"
            )
        _check_left_out(text[at : word.start], place)
        at = word.end
    _check_left_out(text[at:], place)


def _check_left_out(text: str, place: str) -> None:
    if text.strip():
        raise DatasetError(
            f"{place}.words: no word has {text.strip()[:40]!r}; words cover the whole caption, "
            "with its punctuation, or are left out altogether"
        )


def _phrase(fields: Any, place: str) -> OwnPhrase:
    fields = _object(fields, place, {"phrase", "box"}, {"mask"})
    mask = fields.get("mask")
    if mask is not None:
        _object(mask, f"{place}.mask", {"size", "counts"}, set())
    text = _text(fields["phrase"], f"{place}.phrase")
    return OwnPhrase(text, _box(fields["box"], f"{place}.box"), mask)


def _region(fields: Any, place: str) -> Region:
    fields = _object(fields, place, {"box", "caption"}, set())
    text = _text(fields["caption"], f"{place}.caption")
    return Region(_box(fields["box"], f"{place}.box"), text)


def _parts(
    fields: Mapping[str, Any], name: str, parse: Callable[[Any, str], Part]
) -> tuple[Part, ...]:
    return tuple(
        parse(part, f"{name}[{number}]")
        for number, part in enumerate(_list(fields.get(name), name))
    )


def _object(value: Any, place: str, needed: set[str], possible: set[str]) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise DatasetError(f'{place}: an object, {{"...": ...}}, is needed')
    if missing := sorted(needed - set(value)):
        raise DatasetError(f"{place}: {', '.join(missing)} is missing")
    if unknown := sorted(set(value) - needed - possible):
        known = ", ".join(sorted(needed | possible))
        raise DatasetError(f"{place}: {', '.join(unknown)} is not known; there are {known}")
    return value


def _list(value: Any, place: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise DatasetError(f"{place}: a list is needed")
    return value


def _text(value: Any, place: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise DatasetError(f"{place}: a text that is not empty is needed")
    return value


def _box(value: Any, place: str) -> Box:
    box = box_from_corners(value, place)
    if box[0] >= box[2] or box[1] >= box[3]:
        raise DatasetError(
            f"{place}: {list(box)} has no area; boxes are [x_min, y_min, x_max, y_max], not x, y, "
            "width and height"
        )
    return box
