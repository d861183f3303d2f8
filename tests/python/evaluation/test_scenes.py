"""Evaluation end to end, with the real model at random weights and places that are known."""

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from pixelllm.data.scene_words import HELD_OUT_PAIRS
from pixelllm.data.scenes import Scene, draw_scene, scene_rng
from pixelllm.evaluation.answering import Call, answer, carry_out, model_facts, see
from pixelllm.evaluation.metrics import box_iou
from pixelllm.evaluation.scene_scores import Report
from pixelllm.evaluation.scenes import (
    LONG_SIDES,
    SceneOptions,
    evaluate_scenes,
    evaluation_scenes,
    main,
    point_inside,
    ratio_class,
)
from pixelllm.model.checkpoint import Checkpoint, save_checkpoint
from pixelllm.model.config import PixelLLMConfig, tiny
from pixelllm.model.pixelllm import PixelLLM
from pixelllm.tasks.base import BoxPrompt, Read, Write
from tests.python.tokenizers import tiny_tokenizer, tiny_tokenizer_model

CONFIG = dataclasses.replace(tiny(), masks=None, detector=None)


@pytest.fixture
def checkpoint() -> Checkpoint:
    return random_checkpoint(CONFIG)


def random_checkpoint(config: PixelLLMConfig) -> Checkpoint:
    torch.manual_seed(0)
    model = PixelLLM(config).eval().requires_grad_(False)
    return Checkpoint(model, tiny_tokenizer(), name="random", card="")


@pytest.fixture(autouse=True)
def _inference() -> Iterator[None]:
    with torch.inference_mode():
        yield


def scenes_of(count: int) -> list[Scene]:
    """Scenes of 64 to 192 pixels, four in turn."""
    return [
        next(evaluation_scenes(SceneOptions(seed=4 + index, count=1, long_side=side)))
        for index, side in zip(range(count), (64, 96, 128, 192) * count, strict=False)
    ]


def part(report: Report, name: str) -> dict[str, object]:
    found = report[name]
    assert isinstance(found, dict)
    return found


def place_everything_in_the_middle_half(checkpoint: Checkpoint) -> None:
    """Makes the point head answer (0.25, 0.25, 0.75, 0.75) of the image, whatever it reads."""
    last = checkpoint.model.point_head.layers[-1]
    assert isinstance(last, torch.nn.Linear)
    last.weight.zero_()
    last.bias.copy_(torch.tensor([-0.5, -0.5, 0.0, 0.0, 0.5, 0.5, 0.0, 0.0]))


def test_evaluation_scenes_are_not_training_scenes() -> None:
    for index, scene in enumerate(evaluation_scenes(SceneOptions(4, 6, long_side=96))):
        trained = draw_scene(scene_rng(4, index), long_side=96)
        assert scene.image.tobytes() != trained.image.tobytes()


def test_evaluation_scenes_come_in_several_sizes() -> None:
    scenes = evaluation_scenes(SceneOptions(seed=4, count=8))

    assert [max(s.image.shape) for s in scenes] == [*LONG_SIDES, LONG_SIDES[0]]
    assert (LONG_SIDES[0], LONG_SIDES[-1]) == (64, 1024)


def test_evaluation_scenes_are_the_same_every_time() -> None:
    one, other = (
        [s.image.tobytes() for s in evaluation_scenes(SceneOptions(4, 3, long_side=64))]
        for _ in range(2)
    )

    assert one == other


@pytest.mark.parametrize(("ratio", "low", "high"), [("square", 1.0, 1.2), ("long", 2.0, 3.0)])
def test_scenes_of_one_ratio_are_as_many_as_asked_for(ratio: str, low: float, high: float) -> None:
    scenes = list(evaluation_scenes(SceneOptions(4, 10, long_side=64, ratio=ratio)))

    ratios = [max(s.image.shape[:2]) / min(s.image.shape[:2]) for s in scenes]
    assert len(scenes) == 10
    assert low <= min(ratios)
    assert max(ratios) <= high + 0.1  # the short side is rounded
    assert {ratio_class(scene) for scene in scenes} == {ratio}


def test_scenes_may_have_one_thing_only() -> None:
    scenes = evaluation_scenes(SceneOptions(4, 5, max_things=1, long_side=64))

    assert [len(scene.things) for scene in scenes] == [1] * 5


def test_places_are_measured_in_pixels_of_the_original_image(checkpoint: Checkpoint) -> None:
    place_everything_in_the_middle_half(checkpoint)
    scenes = scenes_of(8)

    report = evaluate_scenes(checkpoint, scenes)

    errors, ious = [], []
    for scene in scenes:
        height, width, _ = scene.image.shape
        for names in scene.names:
            if names:
                boxes = np.array([scene.things[index].box for index in names])
                x0, y0 = boxes[:, :2].min(axis=0)
                x1, y1 = boxes[:, 2:].max(axis=0)
                offset = np.hypot((x0 + x1 - width) / 2, (y0 + y1 - height) / 2)
                errors.append(100 * offset / np.hypot(width, height))
        middle = (width / 4, height / 4, 3 * width / 4, 3 * height / 4)
        ious += [float(box_iou(middle, scene.things[r.thing].box)) for r in scene.references]
    words, everything = part(report, "words"), part(part(report, "locate"), "all")
    assert words["words"] == len(errors)
    assert words["error_percent"] == pytest.approx(np.mean(errors), abs=0.01)
    assert everything["phrases"] == len(ious)
    assert everything["iou"] == pytest.approx(np.mean(ious), abs=1e-3)


def test_everything_is_asked_about_every_scene(checkpoint: Checkpoint) -> None:
    scenes = scenes_of(3)

    report = evaluate_scenes(checkpoint, scenes)

    things = sum(len(scene.things) for scene in scenes)
    assert part(report, "caption")["captions"] == 3
    assert part(report, "describe")["things"] == things
    assert part(report, "describe_point")["things"] == things
    reliability = part(part(report, "locate"), "score")["reliability"]
    assert isinstance(reliability, list)
    phrases = sum(len(scene.references) for scene in scenes)
    assert sum(count for count, _, _ in reliability) == phrases + len(scenes)  # one absent each
    assert part(report, "dense_caption")["regions"] == 0  # this model finds none


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
    scenes = list(evaluation_scenes(SceneOptions(4, 6, held_out=True, long_side=64)))

    report = evaluate_scenes(checkpoint, scenes, only_held_out=True)

    asked = sum(o.pair in HELD_OUT_PAIRS for s in scenes for o in s.things)
    assert part(report, "describe")["things"] == asked
    assert 0 < asked < sum(len(s.things) for s in scenes)
    assert part(part(report, "locate"), "all")["phrases"] == sum(
        s.things[r.thing].pair in HELD_OUT_PAIRS for s in scenes for r in s.references
    )


def test_model_facts_hold_the_longest_caption(checkpoint: Checkpoint) -> None:
    facts = model_facts(checkpoint)
    scenes = evaluation_scenes(SceneOptions(4, 60, long_side=64))

    longest = max(len(facts.tokenizer.encode(s.caption.text)) for s in scenes)

    assert longest <= facts.max_tokens


def test_the_point_inside_a_ring_lies_on_the_ring() -> None:
    y, x = np.mgrid[:40, :40] + 0.5
    radius = np.hypot(x - 20, y - 20)
    mask = (radius < 18) & (radius > 10)

    px, py = point_inside(mask)

    assert mask[int(py), int(px)]
    assert 12 < np.hypot(px - 20, py - 20) < 16


def test_the_point_inside_every_thing_is_on_it() -> None:
    for scene in scenes_of(8):
        for thing in scene.things:
            x, y = point_inside(thing.mask)
            assert thing.mask[int(y), int(x)]


def test_the_command_writes_the_report_as_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.manual_seed(0)
    save_checkpoint(tmp_path / "small", PixelLLM(CONFIG), tiny_tokenizer_model())

    status = main(
        ["--seed", "9", "--count", "3", "--long-side", "64", "--model", str(tmp_path / "small")]
    )

    report = json.loads(capsys.readouterr().out)
    assert status == 0
    assert (report["model"], report["seed"], report["count"]) == ("small", 9, 3)
    assert (report["long_side"], report["held_out"], report["ratio"]) == (64, False, None)
    assert report["caption"]["captions"] == 3


def test_a_folder_without_a_model_ends_the_command_with_status_1(tmp_path: Path) -> None:
    assert main(["--model", str(tmp_path)]) == 1


def test_a_model_with_all_parts_is_asked_for_masks_and_regions() -> None:
    checkpoint = random_checkpoint(tiny())
    scenes = scenes_of(3)

    report = evaluate_scenes(checkpoint, scenes)

    locate, dense = report["locate"], report["dense_caption"]
    assert isinstance(locate, dict)
    assert isinstance(dense, dict)
    assert 0 <= locate["all"]["mask_iou"] <= 1
    assert locate["all"]["phrases"] == sum(len(scene.references) for scene in scenes)
    assert dense["things"] == sum(len(scene.things) for scene in scenes)


def test_a_model_without_these_parts_is_asked_for_boxes_alone(checkpoint: Checkpoint) -> None:
    report = evaluate_scenes(checkpoint, scenes_of(2))

    locate, dense = report["locate"], report["dense_caption"]
    assert isinstance(locate, dict)
    assert isinstance(dense, dict)
    assert locate["all"]["mask_iou"] is None
    assert dense["things"] == 0
