"""A model's answers about scenes against what the scenes are: every definition of the report.

Boxes, points and distances are in pixels of the original image, as a user gets them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from pixelllm.contract import Word
from pixelllm.data.sample import Mask
from pixelllm.data.scene_phrases import KINDS_OF_PHRASES
from pixelllm.data.scenes import Scene, SceneThing
from pixelllm.evaluation.exact_match import exact_match_score
from pixelllm.evaluation.metrics import (
    Overlap,
    area_under_roc,
    average_precision,
    box_iou,
    calibration_error,
    mean,
    multiset_overlap,
    precision_at,
    reliability,
)
from pixelllm.evaluation.scene_texts import named_things
from pixelllm.evaluation.segmentation import mask_iou

Report = dict[str, object]


@dataclass
class CaptionScores:
    """Captions of whole images.

    thing_f1: of (colour, kind) pairs as multisets, counted over all images together;
        thing_precision and thing_recall likewise; thing_f1_image is the mean of each image's.
    exact: share of captions equal to the scene's, character by character. A scene can be told in
        several ways, of which its caption is one.
    """

    overlaps: list[Overlap] = field(default_factory=list)
    exact: list[bool] = field(default_factory=list)

    def add(self, scene: Scene, caption: str) -> None:
        """Scores one caption."""
        named = [o.pair for o in named_things(caption)]
        self.overlaps.append(multiset_overlap(named, [o.pair for o in scene.things]))
        self.exact.append(caption == scene.caption.text)

    def report(self) -> Report:
        """The figures."""
        total = sum(self.overlaps, Overlap(0, 0, 0))
        return {
            "thing_f1": total.f1,
            "thing_precision": total.precision,
            "thing_recall": total.recall,
            "thing_f1_image": mean([overlap.f1 for overlap in self.overlaps]),
            "exact": mean(self.exact),
            "captions": len(self.exact),
        }


@dataclass
class WordScores:
    """Places of naming words: the numbers, colours and kinds in a caption.

    The model is led through the true caption, so that every naming word has a place. A word's error
    is the distance of its point (the middle of its two corners) from the middle of the box around
    the things that it helps to name, in percent of the image's diagonal.
    """

    errors: list[float] = field(default_factory=list)

    def add(self, scene: Scene, words: Sequence[Word]) -> None:
        """Scores the words of the led caption."""
        if len(words) != len(scene.names):
            raise ValueError("the led words are not the caption's")
        height, width, _ = scene.image.shape
        diagonal = float(np.hypot(width, height))
        for word, names in zip(words, scene.names, strict=True):
            if names:
                boxes = np.array([scene.things[index].box for index in names])
                low, high = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
                distance = np.hypot(*(np.array(word["point"]) - (low + high) / 2))
                self.errors.append(100.0 * float(distance) / diagonal)

    def report(self) -> Report:
        """The figures."""
        return {
            "error_percent": mean(self.errors),
            "error_p95_percent": _percentile(self.errors, 95),
            "words": len(self.errors),
        }


@dataclass
class DescribeScores:
    """Captions of single things.

    pair_exact: share of texts that name one thing, with the true colour and kind.
    all_exact: the same with the true size and texture too.
    """

    pair: list[bool] = field(default_factory=list)
    everything: list[bool] = field(default_factory=list)

    def add(self, truth: SceneThing, caption: str) -> None:
        """Scores one text."""
        named = named_things(caption)
        pair = [o.pair for o in named] == [truth.pair]
        same = pair and (named[0].size, named[0].texture) == (truth.size, truth.texture)
        self.pair.append(pair)
        self.everything.append(same)

    def report(self) -> Report:
        """The figures."""
        return {
            "pair_exact": mean(self.pair),
            "all_exact": mean(self.everything),
            "things": len(self.pair),
        }


@dataclass(frozen=True)
class _Located:
    kind: str
    iou: float
    mask_iou: float | None
    chance: float  # of a random thing's true box to be right
    things: int  # in the scene
    alike: int  # of them, of the target's kind


@dataclass
class LocateScores:
    """Boxes and masks of referring phrases, and what their scores are worth.

    p50: share of boxes whose IoU with the true box is more than 0.5 (strictly).
    baseline_p50: what the true box of a thing picked at random in the scene would reach.
    iou: mean IoU. mask_iou: mean IoU of the masks, which are prompted with the predicted boxes.

    several_things: scenes with two things or more; attribute, order and relation are its parts by
    kind of phrase, several_of_a_kind the phrases whose target has a rival of its kind.
    score: how well the scores tell right boxes from wrong ones (with phrases for things that are
    not there among the wrong ones): calibration_error, and auroc of phrases that name something
    against those that name nothing.
    """

    located: list[_Located] = field(default_factory=list)
    present: list[float] = field(default_factory=list)  # scores of phrases that name something
    right: list[bool] = field(default_factory=list)
    absent: list[float] = field(default_factory=list)

    def add(
        self,
        scene: Scene,
        reference: int,
        box: Sequence[float],
        score: float,
        mask: Mask | None = None,
    ) -> None:
        """Scores the answer for the scene's reference of that index."""
        phrase = scene.references[reference]
        target = scene.things[phrase.thing]
        others = box_iou([o.box for o in scene.things], target.box)
        iou = float(box_iou(box, target.box))
        self.present.append(score)
        self.right.append(iou > 0.5)
        self.located.append(
            _Located(
                kind=phrase.kind,
                iou=iou,
                mask_iou=None if mask is None else mask_iou(mask, target.mask),
                chance=float(np.mean(others > 0.5)),
                things=len(scene.things),
                alike=sum(o.kind == target.kind for o in scene.things),
            )
        )

    def add_absent(self, score: float) -> None:
        """Takes the score of a phrase for something that the scene does not have."""
        self.absent.append(score)

    def report(self) -> Report:
        """The figures, over all phrases and over each group."""
        several = [one for one in self.located if one.things > 1]
        groups = {
            "all": self.located,
            "several_things": several,
            "several_of_a_kind": [one for one in several if one.alike > 1],
            **{kind: [one for one in several if one.kind == kind] for kind in KINDS_OF_PHRASES},
        }
        bins = reliability(
            [*self.present, *self.absent], [*self.right, *([False] * len(self.absent))]
        )
        score = {
            "calibration_error": calibration_error(bins),
            "auroc": area_under_roc(self.present, self.absent),
            "reliability": [[one.count, round(one.score, 3), round(one.right, 3)] for one in bins],
        }
        return {name: _located_report(group) for name, group in groups.items()} | {"score": score}


CAPTION_SCORES = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25)
IOUS = (0.3, 0.4, 0.5, 0.6, 0.7)


Truth = tuple[str, tuple[str, str]]  # a thing's caption, and its colour and kind
Fits = Callable[[Truth, str], bool]


@dataclass
class DenseScores:
    """Regions of dense captioning.

    ap50_exact: average precision of regions whose box overlaps a thing's by an IoU of 0.5 and whose
        caption is the thing's, word by word.
    ap50_pair: the same where the caption names the thing's colour and kind.
    ap50_box: the same for the boxes alone.
    map: mean of the average precisions at five overlaps and six least scores of captions, the
        measure of dense captioning (Johnson et al., "DenseCap", 2016), with exact matches only
        (`exact_match.py`) instead of METEOR. Each region is compared with the
        thing that it overlaps most; each thing is found once.
    """

    truths: list[list[Truth]] = field(default_factory=list)
    overlaps: list[list[tuple[float, float, int, str]]] = field(default_factory=list)

    def add(self, scene: Scene, regions: Sequence[Mapping[str, object]]) -> None:
        """Scores the regions found in one scene."""
        captions = [region.caption for region in scene.sample.regions]
        pairs = [o.pair for o in scene.things]
        self.truths.append(list(zip(captions, pairs, strict=True)))
        boxes = [o.box for o in scene.things]
        found = []
        for region in regions:
            ious = box_iou(boxes, np.asarray(region["box"], np.float64))
            best = int(ious.argmax())
            score, caption = region["score"], region["caption"]
            assert isinstance(score, float | int)
            found.append((float(score), float(ious[best]), best, str(caption)))
        self.overlaps.append(found)

    def report(self) -> Report:
        """The figures."""

        precisions = [
            self._precision(iou, _at_least(least)) for iou in IOUS for least in CAPTION_SCORES
        ]
        return {
            "ap50_exact": self._precision(0.5, _says_exactly),
            "ap50_pair": self._precision(0.5, _names_pair),
            "ap50_box": self._precision(0.5, _says_anything),
            "map": mean(precisions),
            "regions": sum(len(found) for found in self.overlaps),
            "things": sum(len(truth) for truth in self.truths),
        }

    def _precision(self, least: float, fits: Fits) -> float:
        """Average precision where a region is right if it overlaps its thing enough and fits it."""
        scores, right = [], []
        for truths, found in zip(self.truths, self.overlaps, strict=True):
            taken: set[int] = set()
            for score, iou, thing, caption in sorted(found, reverse=True):
                hit = iou >= least and thing not in taken and fits(truths[thing], caption)
                if hit:
                    taken.add(thing)
                scores.append(score)
                right.append(hit)
        return average_precision(scores, right, sum(len(truth) for truth in self.truths))


def _says_exactly(truth: Truth, caption: str) -> bool:
    return caption == truth[0]


def _names_pair(truth: Truth, caption: str) -> bool:
    return [o.pair for o in named_things(caption)] == [truth[1]]


def _says_anything(truth: Truth, caption: str) -> bool:
    return True


def _at_least(score: float) -> Fits:
    return lambda truth, caption: exact_match_score(caption, truth[0]) >= score


def _located_report(group: Sequence[_Located]) -> Report:
    return {
        "p50": precision_at([one.iou for one in group]),
        "baseline_p50": mean([one.chance for one in group]),
        "iou": mean([one.iou for one in group]),
        "mask_iou": mean([one.mask_iou for one in group if one.mask_iou is not None]),
        "phrases": len(group),
    }


def _percentile(values: Sequence[float], percent: float) -> float | None:
    return float(np.percentile(values, percent)) if len(values) else None


def round_figures(report: Mapping[str, object], digits: int = 4) -> Report:
    """The report with its fractions rounded, for people to read."""
    rounded: Report = {}
    for name, value in report.items():
        if isinstance(value, Mapping):
            rounded[name] = round_figures(value, digits)
        else:
            rounded[name] = round(value, digits) if isinstance(value, float) else value
    return rounded
