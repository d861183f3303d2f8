"""What is measured is what the worker answers: the same requests, the two ways, side by side."""

from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path

import pytest
import torch
from PIL import Image

from pixelllm.data.scenes import EVALUATION_STREAM, Scene, draw_scene, scene_rng
from pixelllm.evaluation import answering
from pixelllm.evaluation.answering import (
    Call,
    answer,
    box_of,
    caption_of,
    mask_of,
    phrases_of,
    regions_of,
    see,
    words_of,
)
from pixelllm.model.checkpoint import Checkpoint
from pixelllm.tasks.errors import TaskError
from tests.python.alike import assert_alike
from tests.python.worker.harness import Harness

DENSE = {"min_score": 0.0, "nms_iou": 0.9, "words": True, "masks": True}
REQUESTS: list[tuple[str, Mapping[str, object]]] = [
    ("caption", {}),
    ("caption", {"max_tokens": 5}),
    ("caption", {"ground": "mask"}),
    ("describe", {"location": {"type": "box", "box": [20, 30, 90, 110]}}),
    ("describe", {"location": {"type": "point", "point": [60.5, 70.5]}, "ground": "box"}),
    ("locate", {"phrase": "the leftmost circle"}),
    ("segment", {"phrase": "the leftmost circle"}),
    ("dense_caption", DENSE),
    ("dense_caption", {"min_score": 1.0}),
]


@pytest.fixture(scope="module")
def scene() -> Scene:
    """A scene of 250 pixels, so that it is scaled, and not square."""
    scenes = (draw_scene(scene_rng(6, i, EVALUATION_STREAM), long_side=250) for i in range(100))
    return next(s for s in scenes if s.image.shape[1] / s.image.shape[0] > 1.5)


@pytest.fixture(scope="module")
def worker(whole_folder: Path) -> Iterator[Harness]:
    harness = Harness(model=str(whole_folder)).start()
    yield harness
    harness.engine.stop(10)


@pytest.fixture(autouse=True)
def _inference() -> Iterator[None]:
    with torch.inference_mode():
        yield


def png(scene: Scene) -> bytes:
    file = BytesIO()
    Image.fromarray(scene.image).save(file, format="PNG")
    return file.getvalue()


@pytest.mark.parametrize(("task", "request_"), REQUESTS)
def test_the_worker_gives_the_same_answer(
    task: str,
    request_: Mapping[str, object],
    worker: Harness,
    whole_checkpoint: Checkpoint,
    scene: Scene,
) -> None:
    theirs = worker.ask(task, png(scene), request_)
    (ours,) = answer(
        whole_checkpoint, see(whole_checkpoint, [scene.image]), [Call(task, 0, request_)]
    )

    assert_alike(ours, theirs)


def test_calls_of_all_tasks_answered_together_are_answered_as_alone(
    whole_checkpoint: Checkpoint, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answering, "BATCH", 8)
    images = [scene.image, scene.image[:, ::-1].copy()]
    seen = see(whole_checkpoint, images)
    calls = [Call(task, image, request) for task, request in REQUESTS for image in (0, 1)]

    together = answer(whole_checkpoint, seen, calls)

    for call, result in zip(calls, together, strict=True):
        if call.request is DENSE:
            assert len(regions_of(result)) > 8, "the texts of a call take more than one batch"
        assert_alike(result, answer(whole_checkpoint, seen, [call])[0])


def test_parts_of_results_are_found(whole_checkpoint: Checkpoint, scene: Scene) -> None:
    seen = see(whole_checkpoint, [scene.image])
    calls = [
        Call("caption", 0, {"ground": "mask"}),
        Call("segment", 0, {"phrase": "a circle"}),
        Call("dense_caption", 0, DENSE),
    ]

    caption, segment, dense = answer(whole_checkpoint, seen, calls)

    size = scene.image.shape[:2]
    assert all(word["text"] in caption_of(caption) for word in words_of(caption))
    assert phrases_of(caption)
    assert len(box_of(segment)) == 4
    assert regions_of(dense)
    masked: Sequence[Mapping[str, object]] = [segment, *regions_of(dense), *phrases_of(caption)]
    assert all(mask_of(one).shape == size for one in masked)


def test_model_without_the_parts_cannot_be_measured(checkpoint: Checkpoint, scene: Scene) -> None:
    seen = see(checkpoint, [scene.image])

    with pytest.raises(TaskError) as caught:
        answer(checkpoint, seen, [Call("dense_caption", 0, {})])

    assert caught.value.code == "task_unsupported"
