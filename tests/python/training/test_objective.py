"""What the objective promises beside the authors' numbers, which tests/python/model compares."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from pixelllm.training.batch import Batch
from pixelllm.training.objective import Objective, ObjectiveConfig
from tests.python.goldens import Golden
from tests.python.model.small import SAMPLING, batch_of, objective_of
from tests.python.model.small_detector import captioner
from tests.python.model.test_masks import segmenter


def joint_batch(task: str) -> tuple[Golden, Batch]:
    golden = Golden("full_joint_params")
    return golden, batch_of(Golden(f"full_joint_{task}"), golden)


def test_the_box_that_prompts_a_mask_learns_nothing_from_it() -> None:
    golden = Golden("full_refseg_train")
    model = segmenter(golden)

    losses = objective_of(model, "mask")(batch_of(golden))
    torch.autograd.backward(losses.plain["mask"])

    assert model.point_head.layers[0].weight.grad is None
    assert model.mask_adapter.gate.grad is not None


def test_a_text_behind_which_more_padding_is_gives_the_same_mask_loss() -> None:
    golden = Golden("full_refseg_train")
    objective = Objective(segmenter(golden), ObjectiveConfig(detection=0))
    batch = batch_of(golden)
    padding = torch.zeros_like(batch.tokens[..., :3])
    longer = replace(
        batch,
        tokens=torch.cat([batch.tokens, padding], -1),
        corners=torch.cat([batch.corners, batch.corners[:, :, :3] * 0], 2),
    )

    with torch.no_grad():
        short, long = (objective(b).plain["mask"] for b in (batch, longer))

    torch.testing.assert_close(long, short, rtol=0, atol=1e-5)


def test_a_loss_without_weight_is_not_computed() -> None:
    golden, batch = joint_batch("trace")

    losses = objective_of(captioner(golden), "detection")(batch)

    assert set(losses.plain) == {"text", "detection"}


def test_each_image_is_prompted_as_it_is_taught() -> None:
    golden, batch = joint_batch("det")
    only_first = torch.tensor([1, 0])
    mixed = replace(batch, weights=replace(batch.weights, detection=only_first))

    prompts = objective_of(captioner(golden), "point", "detection").read(mixed).prompts

    assert not torch.equal(prompts.boxes[0], batch.prompts[0])
    assert torch.equal(prompts.boxes[1], batch.prompts[1])
    assert torch.equal(prompts.labels[1], batch.labels[1].long())
    assert prompts.matches[1].tolist() == list(range(5))


def test_a_mixed_batch_needs_as_many_proposals_as_texts() -> None:
    golden, batch = joint_batch("det")
    mixed = replace(batch, weights=replace(batch.weights, detection=torch.tensor([1, 0])))
    config = ObjectiveConfig(mask=0, regions=4, sampling=SAMPLING)

    with pytest.raises(ValueError, match=r"set objective\.regions to as many"):
        Objective(captioner(golden), config).read(mixed)


def test_masks_cannot_be_learned_without_any() -> None:
    golden = Golden("full_refseg_train")
    batch = replace(batch_of(golden), masks=None)

    with pytest.raises(ValueError, match="its data has none"):
        objective_of(segmenter(golden), "mask")(batch)


def test_rows_without_a_text_are_not_computed_and_change_nothing() -> None:
    golden = Golden("full_refseg_train")
    objective = objective_of(segmenter(golden), "point", "mask")
    batch = batch_of(golden)
    empty = torch.zeros_like(batch.labels)

    with torch.no_grad():
        every, labelled = (objective.read(batch, labelled_only=switch) for switch in (False, True))
        nothing = objective(replace(batch, labels=empty))

    assert len(every.tokens) == batch.labels.numel() > batch.labels.sum() == len(labelled.tokens)
    assert torch.equal(every.tokens[every.labelled], labelled.tokens)
    assert [loss.item() for loss in nothing.plain.values()] == [0.0, 0.0, 0.0]
