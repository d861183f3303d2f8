"""A model's answers about scenes against what the scenes are: every definition of the report.

Boxes, points and distances are in pixels of the original image, as a user gets them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from pixelllm.contract import Word
from pixelllm.data.scene_phrases import KINDS
from pixelllm.data.scenes import Scene, SceneObject
from pixelllm.evaluation.metrics import Overlap, box_iou, mean, multiset_overlap, precision_at
from pixelllm.evaluation.scene_texts import named_objects

Report = dict[str, object]


@dataclass
class CaptionScores:
    """Captions of whole images.

    object_f1: of (colour, shape) pairs as multisets, counted over all images together;
        object_precision and object_recall likewise; object_f1_image is the mean of each image's.
    exact: share of captions equal to the scene's, character by character.
    """

    overlaps: list[Overlap] = field(default_factory=list)
    exact: list[bool] = field(default_factory=list)

    def add(self, scene: Scene, caption: str) -> None:
        """Scores one caption."""
        named = [o.pair for o in named_objects(caption)]
        self.overlaps.append(multiset_overlap(named, [o.pair for o in scene.objects]))
        self.exact.append(caption == scene.caption.text)

    def report(self) -> Report:
        """The figures."""
        total = sum(self.overlaps, Overlap(0, 0, 0))
        return {
            "object_f1": total.f1,
            "object_precision": total.precision,
            "object_recall": total.recall,
            "object_f1_image": mean([overlap.f1 for overlap in self.overlaps]),
            "exact": mean(self.exact),
            "captions": len(self.exact),
        }


@dataclass
class WordScores:
    """Places of naming words: the sizes, textures, colours and shapes in a caption.

    A word's error is the distance of its point (the middle of its two corners) from the middle of
    its object's visible box, in percent of the image's diagonal.

    forced: the model is led through the true caption, so that every naming word has a place.
    written: the model's own caption; a word counts where the word of the same number in the true
        caption is the same and naming. `written_share` tells how many of the true naming words
        that are.
    """

    forced: list[float] = field(default_factory=list)
    written: list[float] = field(default_factory=list)

    def add(self, scene: Scene, forced: Sequence[Word], written: Sequence[Word]) -> None:
        """Scores the words of the led and of the written caption."""
        if len(forced) != len(scene.names):
            raise ValueError("the led words are not the caption's")
        self.forced += _distances(scene, forced)
        self.written += _distances(scene, written)

    def report(self) -> Report:
        """The figures."""
        return {
            "forced_error_percent": mean(self.forced),
            "forced_error_p95_percent": _percentile(self.forced, 95),
            "written_error_percent": mean(self.written),
            "written_share": len(self.written) / len(self.forced) if self.forced else None,
            "words": len(self.forced),
        }


@dataclass
class DescribeScores:
    """Captions of single objects.

    pair_exact: share of texts that name one object, with the true colour and shape.
    all_exact: the same with the true size and texture too.
    """

    pair: list[bool] = field(default_factory=list)
    everything: list[bool] = field(default_factory=list)

    def add(self, truth: SceneObject, caption: str) -> None:
        """Scores one text."""
        named = named_objects(caption)
        pair = [o.pair for o in named] == [truth.pair]
        same = pair and (named[0].size, named[0].texture) == (truth.size, truth.texture)
        self.pair.append(pair)
        self.everything.append(same)

    def report(self) -> Report:
        """The figures."""
        return {
            "pair_exact": mean(self.pair),
            "all_exact": mean(self.everything),
            "objects": len(self.pair),
        }


@dataclass(frozen=True)
class _Located:
    kind: str
    iou: float
    chance: float  # of a random object's true box to be right
    objects: int  # in the scene
    alike: int  # of them, of the target's shape


@dataclass
class LocateScores:
    """Boxes of referring phrases.

    p50: share of boxes whose IoU with the true box is more than 0.5 (strictly).
    baseline_p50: what the true box of an object picked at random in the scene would reach.
    iou: mean IoU.

    several_objects: scenes with two objects or more; attribute, superlative and relation are its
    parts by kind of phrase, several_of_a_kind the phrases whose target has a rival of its shape.
    """

    located: list[_Located] = field(default_factory=list)

    def add(self, scene: Scene, reference: int, box: Sequence[float]) -> None:
        """Scores the box for the scene's reference of that index."""
        phrase = scene.references[reference]
        target = scene.objects[phrase.object]
        others = box_iou([o.box for o in scene.objects], target.box)
        self.located.append(
            _Located(
                kind=phrase.kind,
                iou=float(box_iou(box, target.box)),
                chance=float(np.mean(others > 0.5)),
                objects=len(scene.objects),
                alike=sum(o.shape == target.shape for o in scene.objects),
            )
        )

    def report(self) -> Report:
        """The figures, over all phrases and over each group."""
        several = [one for one in self.located if one.objects > 1]
        groups = {
            "all": self.located,
            "several_objects": several,
            "several_of_a_kind": [one for one in several if one.alike > 1],
            **{kind: [one for one in several if one.kind == kind] for kind in KINDS},
        }
        return {name: _located_report(group) for name, group in groups.items()}


def _located_report(group: Sequence[_Located]) -> Report:
    return {
        "p50": precision_at([one.iou for one in group]),
        "baseline_p50": mean([one.chance for one in group]),
        "iou": mean([one.iou for one in group]),
        "phrases": len(group),
    }


def _distances(scene: Scene, words: Sequence[Word]) -> list[float]:
    """Error in percent of each word that is right and naming."""
    height, width, _ = scene.image.shape
    diagonal = float(np.hypot(width, height))
    errors: list[float] = []
    for word, place, name in zip(words, scene.caption.words, scene.names, strict=False):
        if name is None or word["text"] != scene.caption.text[place.start : place.end].rstrip(","):
            continue
        x0, y0, x1, y1 = scene.objects[name].box
        distance = np.hypot(word["point"][0] - (x0 + x1) / 2, word["point"][1] - (y0 + y1) / 2)
        errors.append(100.0 * float(distance) / diagonal)
    return errors


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
