"""Every measure by the name of its task and of its profile."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from pixelllm.evaluation.dense_captioning import PROFILES
from pixelllm.evaluation.measures.base import CaptionScore, CaptionScores, Measure
from pixelllm.evaluation.measures.places import (
    LocateMeasure,
    SegmentMeasure,
    release_segment_measure,
)
from pixelllm.evaluation.measures.regions import DenseCaptionMeasure
from pixelllm.evaluation.measures.texts import CaptionMeasure, DescribeMeasure
from pixelllm.evaluation.measures.trace import ReleaseTraceMeasure, TraceMeasure


class UnknownMeasureError(Exception):
    """There is no such task or profile; the message lists those there are."""


@dataclass(frozen=True)
class Texts:
    """How texts are scored; without METEOR dense captions are not, only their boxes."""

    scores: CaptionScores
    meteor: CaptionScore | None


def _caption(texts: Texts, masks: bool) -> Measure:
    return CaptionMeasure(texts.scores, texts.meteor)


def _describe(merge: bool, texts: Texts, masks: bool) -> Measure:
    return DescribeMeasure(texts.scores, texts.meteor, merge=merge)


def _dense(profile: str, texts: Texts, masks: bool) -> Measure:
    return DenseCaptionMeasure(PROFILES[profile], texts.meteor, masks=masks)


Written = Callable[[Texts, bool], Measure]  # from scores of texts, and whether masks are wanted
Placed = Callable[[], Measure]

WRITTEN: Final[Mapping[str, Mapping[str, Written]]] = {
    "caption": {"coco": _caption},
    "describe": {"own": partial(_describe, False), "merged": partial(_describe, True)},
    "dense_caption": {name: partial(_dense, name) for name in PROFILES},
}
PLACED: Final[Mapping[str, Mapping[str, Placed]]] = {
    "trace": {"words": TraceMeasure, "release": ReleaseTraceMeasure},
    "locate": {"refcoco": LocateMeasure},
    "segment": {"served": SegmentMeasure, "release": release_segment_measure},
}
CATALOGUE: Final = {task: tuple(own) for task, own in (*WRITTEN.items(), *PLACED.items())}


def measure_of(
    task: str, profile: str | None, texts: Callable[[], Texts], *, masks: bool = False
) -> Measure:
    """A fresh measure; without a profile, the task's first.

    Args:
        texts: called for tasks that write texts.
        masks: whether `dense_caption` asks for masks.

    Raises:
        UnknownMeasureError: there is no such task or profile.
    """
    chosen = profile_of(task, profile)
    if task in PLACED:
        return PLACED[task][chosen]()
    return WRITTEN[task][chosen](texts(), masks)


def profile_of(task: str, profile: str | None) -> str:
    """The name of the profile that is meant.

    Raises:
        UnknownMeasureError: there is no such task or profile.
    """
    if task not in CATALOGUE:
        raise UnknownMeasureError(f"there is no task {task}: choose {', '.join(CATALOGUE)}")
    profiles = CATALOGUE[task]
    if profile is None:
        return next(iter(profiles))
    if profile not in profiles:
        raise UnknownMeasureError(f"{task} has no profile {profile}: choose {', '.join(profiles)}")
    return profile
