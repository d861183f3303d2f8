"""A step of training: it learns, its parts add up, and what is not finite is skipped and told."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from pixelllm.training.batch import Batch
from pixelllm.training.freezing import learned
from pixelllm.training.trainer import Trainer, TrainingError, split_batch
from tests.python.training.small_training import (
    ALONE,
    STEPS,
    joint_batch,
    joint_model,
    joint_steps,
    masks_steps,
    small_recipe,
    trainer_of,
)


def joint_trainer(*assignments: str) -> Trainer:
    return trainer_of(joint_model(), small_recipe("joint", *assignments))


def poisoned(batch: Batch) -> Batch:
    """A batch whose second image is no number."""
    images = batch.images.clone()
    images[1] = torch.nan
    return replace(batch, images=images)


def weights(trainer: Trainer) -> dict[str, Tensor]:
    return {name: t.clone() for name, t in trainer.model.state_dict().items()}


def test_a_batch_that_is_shown_again_is_learned() -> None:
    _, reports = joint_steps(ALONE, ["trace"] * 8, "optimiser.learning_rate=3e-3")

    assert reports[-1].losses["total"] < 0.7 * reports[0].losses["total"]


def test_frozen_weights_stay_and_the_others_move() -> None:
    trainer = joint_trainer()
    before = weights(trainer)

    trainer.train_step(joint_batch("det"))

    moves = {name for name, _ in learned(trainer.model)}
    for name, after in weights(trainer).items():
        if name not in moves:
            assert torch.equal(after, before[name]), name
    assert not torch.equal(trainer.model.eva.pos_embed, before["eva.pos_embed"])


@pytest.mark.parametrize("task", ["det", "trace"])
def test_recomputed_activations_give_the_same_gradients(task: str) -> None:
    norms = [
        joint_trainer(f"machine.checkpointing={switch}").train_step(joint_batch(task)).gradient_norm
        for switch in (True, False)
    ]

    assert norms[0] == pytest.approx(norms[1], rel=1e-5)


def test_parts_of_a_batch_are_averaged() -> None:
    whole = joint_batch("ref")
    first, second = split_batch(whole, 2)
    alone = [joint_trainer().train_step(part).losses for part in (first, second)]

    together = joint_trainer("machine.accumulation=2").train_step(whole).losses

    mean = {name: (alone[0][name] + alone[1][name]) / 2 for name in together}
    assert together == pytest.approx(mean, rel=1e-5)


def test_gradients_are_scaled_down_to_the_limit() -> None:
    free, limited = joint_trainer(), joint_trainer("optimiser.max_norm=0.01")

    norms = [t.train_step(joint_batch("ref")).gradient_norm for t in (free, limited)]

    assert norms[0] == norms[1] > 0.01
    moments = [t.optimiser.state[t.parameters["eva.pos_embed"]]["exp_avg"] for t in (free, limited)]
    torch.testing.assert_close(moments[1], moments[0] * 0.01 / norms[0])


def test_a_step_without_a_finite_loss_is_skipped_and_told(caplog: pytest.LogCaptureFixture) -> None:
    trainer = joint_trainer()
    before = weights(trainer)

    with caplog.at_level(logging.WARNING):
        report = trainer.train_step(poisoned(joint_batch("ref")))

    assert report.skipped
    assert (trainer.skipped, trainer.step) == (1, 1)
    assert all(torch.equal(after, before[name]) for name, after in weights(trainer).items())
    assert not trainer.optimiser.state
    assert "full_joint_ref/1" in caplog.text


def test_only_the_part_that_is_not_finite_is_suspected(caplog: pytest.LogCaptureFixture) -> None:
    trainer = joint_trainer("machine.accumulation=2")

    with caplog.at_level(logging.WARNING):
        trainer.train_step(poisoned(joint_batch("ref")))

    assert "full_joint_ref/1" in caplog.text
    assert "full_joint_ref/0" not in caplog.text


def test_many_bad_steps_in_a_row_end_the_run() -> None:
    trainer = joint_trainer("machine.bad_steps=2")

    trainer.train_step(poisoned(joint_batch("ref")))
    trainer.train_step(joint_batch("ref"))
    trainer.train_step(poisoned(joint_batch("ref")))
    with pytest.raises(TrainingError, match=r"2 steps in a row, up to step 3.*full_joint_trace/1"):
        trainer.train_step(poisoned(joint_batch("trace")))


def test_what_was_kept_goes_on_as_if_nothing_had_been() -> None:
    straight, expected = joint_steps(ALONE, STEPS)
    first, _ = joint_steps(ALONE, STEPS[:2])
    second = joint_trainer()

    second.load_state(first.state())
    second.step = first.step
    reports = [second.train_step(joint_batch(task)) for task in STEPS[2:]]

    assert reports == expected[2:]
    for name, value in straight.state().items():
        assert torch.equal(second.state()[name], value), name


def test_a_state_of_another_recipe_is_refused() -> None:
    state = joint_trainer().state()

    with pytest.raises(TrainingError, match="does not fit this recipe"):
        joint_trainer("language=frozen").load_state(state)


def test_bfloat16_comes_close() -> None:
    _, exact = masks_steps(ALONE, 1)
    _, narrow = masks_steps(ALONE, 1, "machine.precision=bfloat16")

    assert narrow[0].losses["total"] != exact[0].losses["total"]
    assert narrow[0].losses["total"] == pytest.approx(exact[0].losses["total"], rel=0.05)


def test_a_batch_that_does_not_divide_is_refused() -> None:
    with pytest.raises(TrainingError, match="2 images of a process do not divide into 3 parts"):
        split_batch(joint_batch("ref"), 3)


def test_a_loss_is_validated_over_the_batches_that_teach_it() -> None:
    trainer = joint_trainer()
    each = {task: trainer.validate([joint_batch(task)]) for task in ("det", "ref")}

    both = trainer.validate([joint_batch("det"), joint_batch("ref")])

    assert both["text"] == pytest.approx(each["det"]["text"])
    assert both["point"] == pytest.approx(each["ref"]["point"])
    assert both["total"] == pytest.approx((each["det"]["total"] + each["ref"]["total"]) / 2)


def test_validation_changes_nothing() -> None:
    trainer = joint_trainer()
    before = weights(trainer)

    once, again = (trainer.validate([joint_batch("ref")]) for _ in range(2))

    assert once == again
    assert all(torch.equal(after, before[name]) for name, after in weights(trainer).items())
    with pytest.raises(ValueError, match="nothing to validate"):
        trainer.validate([])
