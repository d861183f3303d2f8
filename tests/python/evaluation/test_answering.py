"""What is measured is what the worker answers: the same requests, the two ways, side by side."""

import hashlib
from collections.abc import Mapping
from io import BytesIO

import pytest
import torch
from PIL import Image

from pixelllm.data.scenes import EVALUATION_STREAM, Scene, draw_scene, scene_rng
from pixelllm.evaluation.answering import Call, answer, box_of, caption_of, see, words_of
from pixelllm.model.checkpoint import Checkpoint
from pixelllm.model.config import tiny
from pixelllm.model.pixelllm import PixelLLM
from pixelllm.model.tokenizer import Tokenizer
from pixelllm.tasks import TASKS
from pixelllm.tasks.base import Read
from pixelllm.training import scene_tokenizer
from pixelllm.worker.pictures import load_picture
from pixelllm.worker.runner import Runner


@pytest.fixture(scope="module")
def checkpoint() -> Checkpoint:
    torch.manual_seed(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scene_tokenizer, "CORPUS_SCENES", 300)
        tokenizer = scene_tokenizer.train_tokenizer(tiny().language.vocab_size)
    model = PixelLLM(tiny()).eval().requires_grad_(False)
    return Checkpoint(model, Tokenizer(tokenizer), name="random", card="")


@pytest.fixture(scope="module")
def scene() -> Scene:
    """A scene of 250 pixels, so that it is scaled, and not square."""
    scenes = (draw_scene(scene_rng(6, i, EVALUATION_STREAM), long_side=250) for i in range(100))
    return next(s for s in scenes if s.image.shape[1] / s.image.shape[0] > 1.5)


def ask_worker(
    checkpoint: Checkpoint, scene: Scene, task: str, request: Mapping[str, object]
) -> Mapping[str, object]:
    """The worker's result, from a PNG file to original pixels."""
    file = BytesIO()
    Image.fromarray(scene.image).save(file, format="PNG")
    data = file.getvalue()
    picture = load_picture(data, hashlib.sha256(data).hexdigest(), checkpoint.config)
    runner = Runner(checkpoint, slots=2)
    images = runner.encode([picture])
    plan = TASKS[task].prepare(request, picture.frame, runner.facts)
    if isinstance(plan, Read):
        (text,) = runner.read([plan], images)
    else:
        (draft,) = runner.prefill([plan], images, [[1]])
        while not draft.done:
            runner.decode([draft], images, [[1]])
        text = draft.text()
    return TASKS[task].finish(request, text, picture.frame, runner.facts)


@pytest.mark.parametrize(
    ("task", "request_"),
    [
        ("caption", {}),
        ("caption", {"max_tokens": 5}),
        ("describe", {"location": {"type": "box", "box": [20, 30, 90, 110]}}),
        ("describe", {"location": {"type": "point", "point": [60.5, 70.5]}}),
        ("locate", {"phrase": "the leftmost circle"}),
    ],
)
def test_the_worker_gives_the_same_answer(
    checkpoint: Checkpoint, scene: Scene, task: str, request_: Mapping[str, object]
) -> None:
    with torch.inference_mode():
        theirs = ask_worker(checkpoint, scene, task, request_)
        (ours,) = answer(checkpoint, see(checkpoint, [scene.image]), [Call(task, 0, request_)])

    assert ours.keys() == theirs.keys()
    if task == "locate":
        assert box_of(ours) == pytest.approx(box_of(theirs), abs=0.02)
        return
    assert caption_of(ours) == caption_of(theirs)
    for one, other in zip(words_of(ours), words_of(theirs), strict=True):
        assert one["text"] == other["text"]
        assert one["box"] == pytest.approx(other["box"], abs=0.02)
