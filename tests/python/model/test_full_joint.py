"""The model that is trained on all tasks at once, with a batch of each, against the authors'."""

from __future__ import annotations

import pytest

from pixelllm.training.objective import traced
from tests.python.goldens import FRAME, Golden
from tests.python.model.small import (
    batch_of,
    check_prompts,
    check_reading_of,
    check_total,
    objective_of,
)
from tests.python.model.small_detector import (
    captioner,
    check_losses,
    check_norms,
    check_samples,
)


@pytest.mark.parametrize("task", ["trace", "ref", "det"])
def test_golden_joint_batch(task: str) -> None:
    golden, expected = Golden("full_joint_params"), Golden(f"full_joint_{task}")
    model = captioner(golden)
    objective = objective_of(model, "point", "detection")
    batch = batch_of(expected, golden)

    reading = objective.read(batch)
    losses = objective(batch)

    assert reading.detection
    assert reading.samples
    fused = reading.features.fused
    check_losses(expected, reading.detection)
    check_samples(expected, model.detector, fused, reading.samples)
    # A batch that teaches no detection has no true boxes for the detector.
    check_norms(expected, model.detector, fused, batch.boxes * (task == "det"))
    check_prompts(expected, reading.prompts.boxes)
    expected.check("out/last_proposals", reading.samples.boxes, scale=FRAME)
    assert traced(batch).all() == (task == "trace")
    check_reading_of(expected, reading)
    expected.check("out/point_logits", model.point_head(reading.hidden)[1])
    check_total(expected, losses)
