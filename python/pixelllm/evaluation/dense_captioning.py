"""Average precision of dense captioning, under the name of the protocol that computes it.

A region is right if it overlaps a true one enough and its caption is near enough to the true one's;
the average precision is averaged over five overlaps and six distances of captions, measured by
METEOR (Johnson et al., "DenseCap", CVPR 2016). Every implementation differs in details, and
numbers of two of them do not compare. See `PROFILES`.

Boxes are COCO's, (x, y, width, height), as in the files that both implementations read. True
regions that overlap are merged first: Visual Genome describes most objects several times.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pixelllm.evaluation.metrics import box_iou

CaptionScore = Callable[[str, Sequence[str]], float]  # (candidate, references) -> 0-1
CornersOrSizes = Sequence[float] | NDArray[np.floating]

EMPTY: Final = "EMPTY"  # what the release reads for a caption that is missing


@dataclass(frozen=True)
class Profile:
    """One protocol.

    recalls: at which precision is read, as the best at that recall or a higher one.
    merge: IoU at which true regions become one, with the mean box and all captions.
    missing_match: whether any caption is right where a true one is missing ("").
    """

    name: str
    recalls: tuple[float, ...]
    missing_match: bool
    merge: float | None = 0.7
    ious: tuple[float, ...] = (0.3, 0.4, 0.5, 0.6, 0.7)
    meteors: tuple[float, ...] = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25)


def _counted_up(step: float) -> tuple[float, ...]:
    """0, step, ... as long as the sum is 1 at most: of 0.01, rounded up, 100 sums and not 101."""
    sums = [0.0]
    while sums[-1] + step <= 1.0:
        sums.append(sums[-1] + step)
    return tuple(sums)


PROFILES: Final[Mapping[str, Profile]] = {
    profile.name: profile
    for profile in (
        # google-research/scenic, projects/pixel_llm, densecap_evaluator.py: what PixelLLM reports.
        Profile("scenic", tuple(i / 100 for i in range(100)), missing_match=True),
        # jcjohnson/densecap, eval/eval_utils.lua, in its last version (e3591e5).
        Profile("densecap-lua", _counted_up(0.01), missing_match=False),
        # As the paper and the code are written: recall 1 is read too.
        Profile("paper", tuple(i / 100 for i in range(101)), missing_match=False),
    )
}


@dataclass(frozen=True)
class TrueRegion:
    """A box with everything that is said about it."""

    box: CornersOrSizes
    captions: Sequence[str]


@dataclass(frozen=True)
class FoundRegion:
    """A predicted box, its caption and how sure the model is."""

    box: CornersOrSizes
    caption: str
    score: float


@dataclass(frozen=True)
class _Record:
    """A found region against the true one that it overlaps most.

    `fits` is METEOR of the captions; 0 where the region cannot be right at any overlap.
    """

    score: float
    iou: float
    first: bool  # nobody surer has that region
    fits: float


@dataclass(frozen=True)
class DensePrecision:
    """Average precisions.

    cells: by overlap and METEOR; None without METEOR. detection: by overlap, captions aside.
    """

    cells: Mapping[tuple[float, float], float] | None
    detection: Mapping[float, float]

    @property
    def map(self) -> float | None:
        """The mean over all cells: the number that is reported as dense captioning's mAP."""
        return None if self.cells is None else _mean(list(self.cells.values()))

    @property
    def detection_map(self) -> float:
        """The mean over the overlaps, captions aside."""
        return _mean(list(self.detection.values()))


@dataclass
class DenseCaptioning:
    """Collects images and computes the average precisions of all of them.

    meteor: scores a caption; None for the boxes alone.
    """

    profile: Profile
    meteor: CaptionScore | None

    def __post_init__(self) -> None:
        self._records: list[_Record] = []
        self._true = 0

    def add(self, true: Sequence[TrueRegion], found: Sequence[FoundRegion]) -> list[float]:
        """Take the regions of one image; `true` before merging.

        Returns:
            METEOR of each found region whose box is right at the least overlap, 0 of the others;
            1 without METEOR. In the order of `found`.
        """
        merged = merge_regions(true, self.profile.merge) if self.profile.merge else list(true)
        self._true += len(merged)
        order = sorted(range(len(found)), key=lambda i: -found[i].score)
        ious = _ious([found[i].box for i in order], [one.box for one in merged])
        taken: set[int] = set()
        worth = [0.0] * len(found)
        for row, number in zip(ious, order, strict=True):
            best = int(row.argmax()) if len(row) else -1
            iou = float(row[best]) if len(row) else -1.0
            first = iou > 0 and best not in taken
            fits = 0.0
            if first:
                taken.add(best)
                if iou >= min(self.profile.ious):
                    fits = self._fits(found[number].caption, merged[best].captions)
            worth[number] = fits
            self._records.append(_Record(found[number].score, iou, first, fits))
        return worth

    def _fits(self, caption: str, references: Sequence[str]) -> float:
        if self.meteor is None:
            return 1.0
        if self.profile.missing_match and "" in references:
            return self.meteor(EMPTY, [EMPTY])
        return self.meteor(caption, references)

    def precision(self) -> DensePrecision:
        """The average precisions.

        Raises:
            ValueError: no true region was added.
        """
        if not self._true:
            raise ValueError("without true regions there is no precision")
        records = sorted(self._records, key=lambda one: -one.score)
        detection = {
            iou: self._average([one.first and one.iou >= iou for one in records])
            for iou in self.profile.ious
        }
        if self.meteor is None:
            return DensePrecision(None, detection)
        cells = {
            (iou, least): self._average(
                [one.first and one.iou >= iou and one.fits > least for one in records]
            )
            for iou in self.profile.ious
            for least in self.profile.meteors
        }
        return DensePrecision(cells, detection)

    def _average(self, right: Sequence[bool]) -> float:
        """Mean of the best precisions at the profile's recalls; float32 as in both originals."""
        hits = np.cumsum(np.array(right, np.float32), dtype=np.float32)
        misses = np.cumsum(~np.array(right, bool), dtype=np.float32)
        recall = hits / np.float32(self._true)
        precision = hits / np.maximum(hits + misses, np.float32(1))
        best = np.maximum.accumulate(precision[::-1])[::-1]
        total = np.float32(0)
        for least in self.profile.recalls:
            place = int(np.searchsorted(recall, np.float32(least)))
            total += best[place] if place < len(best) else np.float32(0)
        return float(total / np.float32(len(self.profile.recalls)))


def merge_regions(regions: Sequence[TrueRegion], least: float) -> list[TrueRegion]:
    """Makes one of regions that overlap: the largest group first, then the largest of the rest.

    A group is a region with all that overlap it by an IoU of `least` or more. It has the mean of
    their boxes, float32[4], and their captions without line breaks.
    """
    if not regions:
        return []
    boxes = np.array([region.box for region in regions], np.float32)
    merged = []
    for group in overlap_groups(_ious(boxes, boxes), least):
        captions = [caption for i in group for caption in regions[i].captions]
        merged.append(
            TrueRegion(boxes[group].mean(axis=0), [one.replace("\n", "") for one in captions])
        )
    return merged


def overlap_groups(ious: NDArray[np.float64], least: float) -> list[list[int]]:
    """Indices of what overlaps, float[N, N], the largest group first; each index in one at most.

    One that does not even overlap itself, an empty box, is in none.
    """
    left = ious >= least
    groups: list[list[int]] = []
    while True:
        sizes = left.sum(axis=1)
        largest = int(sizes.argmax())
        if not sizes[largest]:
            return groups
        group = np.flatnonzero(left[largest])
        groups.append(group.tolist())
        left[group] = False
        left[:, group] = False


def _ious(
    boxes: Sequence[CornersOrSizes] | NDArray[np.floating],
    others: Sequence[CornersOrSizes] | NDArray[np.floating],
) -> NDArray[np.float64]:
    """IoU of each box with each other one, [N, M]."""
    return box_iou(_corners(boxes)[:, None], _corners(others)[None])


def _corners(boxes: Sequence[CornersOrSizes] | NDArray[np.floating]) -> NDArray[np.float64]:
    sizes = np.array(boxes, np.float64).reshape(-1, 4)
    return np.concatenate([sizes[:, :2], sizes[:, :2] + sizes[:, 2:]], axis=1)


def _mean(values: Sequence[float]) -> float:
    """The mean in float32, added up in order as the release does."""
    total = np.float32(0)
    for value in values:
        total += np.float32(value)
    return float(total / np.float32(len(values)))
