"""Evaluation end to end, with the real model at random weights and places that are known."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from pixelllm.data.scene_vocabulary import HELD_OUT_PAIRS
from pixelllm.data.scenes import Scene, draw_scene, scene_rng
from pixelllm.evaluation.answering import Call, answer, carry_out, model_facts, see
from pixelllm.evaluation.metrics import box_iou
from pixelllm.evaluation.scenes import evaluate_scenes, evaluation_scenes, main, point_inside
from pixelllm.model.checkpoint import Checkpoint, save_checkpoint
from pixelllm.model.config import tiny
from pixelllm.model.pixelllm import PixelLLM
from pixelllm.model.tokenizer import Tokenizer
from pixelllm.tasks.base import BoxPrompt, Read, Write
from pixelllm.training import scene_tokenizer


@pytest.fixture(scope="module")
def tokenizer_model() -> bytes:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scene_tokenizer, "CORPUS_SCENES", 300)
        return scene_tokenizer.train_tokenizer(tiny().language.vocab_size)


@pytest.fixture
def checkpoint(tokenizer_model: bytes) -> Checkpoint:
    torch.manual_seed(0)
    model = PixelLLM(tiny()).eval().requires_grad_(False)
    return Checkpoint(model, Tokenizer(tokenizer_model), name="random", card="")


@pytest.fixture(autouse=True)
def _inference() -> Iterator[None]:
    with torch.inference_mode():
        yield


def scenes_of(count: int) -> list[Scene]:
    return list(evaluation_scenes(4, count))


def place_everything_in_the_middle_half(checkpoint: Checkpoint) -> None:
    """Makes the point head answer (0.25, 0.25, 0.75, 0.75) of the image, whatever it reads."""
    last = checkpoint.model.point_head.layers[-1]
    assert isinstance(last, torch.nn.Linear)
    last.weight.zero_()
    last.bias.copy_(torch.tensor([-0.5, -0.5, 0.0, 0.0, 0.5, 0.5, 0.0, 0.0]))


def test_evaluation_scenes_are_not_training_scenes() -> None:
    for index, scene in enumerate(evaluation_scenes(4, 6, long_side=96)):
        trained = draw_scene(scene_rng(4, index))
        assert scene.image.tobytes() != trained.image.tobytes()


def test_evaluation_scenes_come_in_several_sizes() -> None:
    assert [max(s.image.shape) for s in scenes_of(6)] == [96, 128, 192, 256, 320, 384]


def test_places_are_measured_in_pixels_of_the_original_image(checkpoint: Checkpoint) -> None:
    place_everything_in_the_middle_half(checkpoint)
    scenes = scenes_of(12)

    report = evaluate_scenes(checkpoint, scenes)

    errors, ious = [], []
    for scene in scenes:
        height, width, _ = scene.image.shape
        for name in scene.names:
            if name is not None:
                x0, y0, x1, y1 = scene.objects[name].box
                offset = np.hypot((x0 + x1 - width) / 2, (y0 + y1 - height) / 2)
                errors.append(100 * offset / np.hypot(width, height))
        middle = (width / 4, height / 4, 3 * width / 4, 3 * height / 4)
        ious += [float(box_iou(middle, scene.objects[r.object].box)) for r in scene.references]
    words, locate = report["words"], report["locate"]
    assert isinstance(words, dict)
    assert isinstance(locate, dict)
    assert words["words"] == len(errors)
    assert words["forced_error_percent"] == pytest.approx(np.mean(errors), abs=0.01)
    assert locate["all"]["phrases"] == len(ious)
    assert locate["all"]["iou"] == pytest.approx(np.mean(ious), abs=1e-3)


def test_a_written_text_is_placed_as_when_it_is_read(checkpoint: Checkpoint) -> None:
    seen = see(checkpoint, [scene.image for scene in scenes_of(3)])
    prefix = checkpoint.tokenizer.encode_prefix("a long image caption:")
    plans = [Write(BoxPrompt(f.whole()), prefix, max_tokens=9, beams=1) for f in seen.frames]

    written = carry_out(checkpoint, seen, range(3), plans)
    again = [Read(p.prompt, prefix, w.tokens) for p, w in zip(plans, written, strict=True)]
    read = carry_out(checkpoint, seen, range(3), again)

    for one, other in zip(written, read, strict=True):
        assert 0 < len(one.tokens) <= 9
        assert one.corners.shape == (len(one.tokens), 2, 2)
        assert one.corners == pytest.approx(other.corners, abs=1e-3)


def test_an_answer_does_not_depend_on_its_neighbours(checkpoint: Checkpoint) -> None:
    images = [scene.image for scene in scenes_of(4)]
    request = {"max_tokens": 6}

    together = answer(
        checkpoint, see(checkpoint, images), [Call("caption", i, request) for i in range(4)]
    )
    alone = answer(checkpoint, see(checkpoint, images[3:]), [Call("caption", 0, request)])

    assert together[3]["caption"] == alone[0]["caption"]


def test_beams_are_not_measured(checkpoint: Checkpoint) -> None:
    seen = see(checkpoint, [scenes_of(1)[0].image])
    plan = Write(BoxPrompt(seen.frames[0].whole()), [1], max_tokens=3, beams=2)

    with pytest.raises(ValueError, match="greedy"):
        carry_out(checkpoint, seen, [0], [plan])


def test_held_out_scenes_are_asked_about_held_out_pairs_only(checkpoint: Checkpoint) -> None:
    scenes = list(evaluation_scenes(4, 8, held_out=True))

    report = evaluate_scenes(checkpoint, scenes, only_held_out=True)

    describe = report["describe"]
    assert isinstance(describe, dict)
    assert describe["objects"] == sum(o.pair in HELD_OUT_PAIRS for s in scenes for o in s.objects)
    assert describe["objects"] < sum(len(s.objects) for s in scenes)


def test_model_facts_hold_the_longest_caption(checkpoint: Checkpoint) -> None:
    facts = model_facts(checkpoint)

    longest = max(len(facts.tokenizer.encode(s.caption.text)) for s in scenes_of(60))

    assert longest <= facts.max_tokens


def test_the_point_inside_a_ring_lies_on_the_ring() -> None:
    y, x = np.mgrid[:40, :40] + 0.5
    radius = np.hypot(x - 20, y - 20)
    mask = (radius < 18) & (radius > 10)

    px, py = point_inside(mask)

    assert mask[int(py), int(px)]
    assert 12 < np.hypot(px - 20, py - 20) < 16


def test_the_command_writes_the_report_as_json(
    tokenizer_model: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.manual_seed(0)
    save_checkpoint(tmp_path / "small", PixelLLM(tiny()), tokenizer_model)

    status = main(["--seed", "9", "--count", "3", "--model", str(tmp_path / "small")])

    report = json.loads(capsys.readouterr().out)
    assert status == 0
    assert (report["model"], report["seed"], report["count"]) == ("small", 9, 3)
    assert report["caption"]["captions"] == 3


def test_a_folder_without_a_model_ends_the_command_with_status_1(tmp_path: Path) -> None:
    assert main(["--model", str(tmp_path)]) == 1
