"""Localized Narratives: a caption that was spoken while a pointer moved over the image.

The form is the published annotation's (`timed_caption` and `traces`). A word's place is the
bounding box of the trace while the word was spoken, computed as the PixelLLM release does
(scenic, projects/pixel_llm, tools/build_ln_tfrecord.py): the trace is interpolated at 16 evenly
spaced times of the utterance.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

SAMPLES_PER_UTTERANCE = 16
SHORTEST = 1e-5  # seconds; what is said in less takes no time


@dataclass(frozen=True)
class Utterance:
    """One spoken word with its punctuation; times in seconds from the start of the recording."""

    utterance: str
    start_time: float
    end_time: float


@dataclass(frozen=True, eq=False)
class Narrative:
    """A spoken caption with its timing, and the strokes of the pointer.

    Each of `traces` is float64[n, 3] with columns (x, y, t): x and y in 0-1 of the image (slightly
    outside where the pointer left it), t in seconds on the same clock as the utterances.
    """

    caption: str
    timed_caption: tuple[Utterance, ...]
    traces: tuple[NDArray[np.float64], ...]

    def to_json(self) -> dict[str, Any]:
        """The fields of a Localized Narratives annotation, as plain lists and dicts."""
        return {
            "caption": self.caption,
            "timed_caption": [
                {"utterance": u.utterance, "start_time": u.start_time, "end_time": u.end_time}
                for u in self.timed_caption
            ],
            "traces": [
                [{"x": x, "y": y, "t": t} for x, y, t in trace.tolist()] for trace in self.traces
            ],
        }

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> "Narrative":
        """Reads a Localized Narratives annotation; raises KeyError where a field is missing."""
        return cls(
            caption=fields["caption"],
            timed_caption=tuple(
                Utterance(u["utterance"], u["start_time"], u["end_time"])
                for u in fields["timed_caption"]
            ),
            traces=tuple(_stroke(points) for points in fields["traces"]),
        )


@dataclass(frozen=True, eq=False)
class UtterancePlaces:
    """Where the pointer was during each utterance, in 0-1 of the image; beyond where it left it.

    points: float64[U, SAMPLES_PER_UTTERANCE, 2], (x, y) at evenly spaced times.
    centres: float64[U, 2], its mean over the time.
    boxes: float64[U, 4], (x_min, y_min, x_max, y_max) of the points.
    """

    points: NDArray[np.float64]
    centres: NDArray[np.float64]
    boxes: NDArray[np.float64]


def utterance_places(narrative: Narrative) -> UtterancePlaces:
    """Where each utterance is, as the authors store it.

    What is said before the trace begins or after it ends lies on its first or last stretch, gone on
    with.

    Raises:
        ValueError: the narrative has no trace point.
    """
    if not any(len(trace) for trace in narrative.traces):
        raise ValueError("the narrative has no trace")
    trace = np.concatenate(narrative.traces)  # [n, 3]
    trace = trace[np.argsort(trace[:, 2], kind="stable")]
    spans = np.array([(u.start_time, u.end_time) for u in narrative.timed_caption]).reshape(-1, 2)
    times = np.linspace(spans[:, 0], spans[:, 1], SAMPLES_PER_UTTERANCE, axis=1)  # [U, 16]
    points = _along(trace, times)
    boxes = np.concatenate([points.min(axis=1), points.max(axis=1)], axis=1)
    return UtterancePlaces(points, _mean_over_time(points, times), boxes)


def utterance_boxes(narrative: Narrative) -> NDArray[np.float64]:
    """Where each utterance is.

    Returns:
        float64[U, 4], (x_min, y_min, x_max, y_max) in 0-1 of the image, clipped to it.

    Raises:
        ValueError: the narrative has no trace point.
    """
    clipped: NDArray[np.float64] = np.clip(utterance_places(narrative).boxes, 0.0, 1.0)
    return clipped


def _along(trace: NDArray[np.float64], times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Positions float64[U, 16, 2] on a trace [n, 3] that is in the order of time."""
    if len(trace) == 1:
        return np.tile(trace[0, :2], (*times.shape, 1))
    clock = trace[:, 2]
    right = np.clip(np.searchsorted(clock, times), 1, len(trace) - 1)
    before, after = trace[right - 1], trace[right]
    gap = after[..., 2] - before[..., 2]
    # No time passes between some points of published traces; nothing can be gone on with there.
    part = np.divide(times - before[..., 2], gap, out=np.zeros_like(times), where=gap > 0)
    positions: NDArray[np.float64] = before[..., :2] + part[..., None] * (after - before)[..., :2]
    return positions


def _mean_over_time(points: NDArray[np.float64], times: NDArray[np.float64]) -> NDArray[np.float64]:
    """float64[U, 2]; of an utterance that takes no time, the mean of its points."""
    means: NDArray[np.float64] = points.mean(axis=1)
    lasting = times[:, -1] - times[:, 0]
    long = lasting >= SHORTEST
    integrals = np.trapezoid(points[long], times[long][:, :, None], axis=1)
    means[long] = integrals / lasting[long][:, None]
    return means


def _stroke(points: Sequence[Mapping[str, float]]) -> NDArray[np.float64]:
    return np.array([(p["x"], p["y"], p["t"]) for p in points], dtype=np.float64).reshape(-1, 3)
