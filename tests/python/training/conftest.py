"""What runs are made of in the tests: scenes in the published formats, and a small whole model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch

from pixelllm.data.write_scenes import write_scenes
from tests.python.checkpoints import write_checkpoint
from tests.python.model.small import LANGUAGE, WHOLE
from tests.python.model.small_detector import DETECTOR
from tests.python.model.test_masks import MASKS
from tests.python.training.commands import Material


@pytest.fixture(scope="session")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    """A model to start from, and scenes to learn."""
    folder = tmp_path_factory.mktemp("material")
    language = replace(LANGUAGE, vocab_size=96, max_text_tokens=24, dropout=0.1)
    config = replace(WHOLE, language=language, masks=MASKS, detector=DETECTOR)
    write_checkpoint(folder / "start", config)
    write_scenes(folder / "scenes", train=6, val=3, seed=0, image_side=112)
    return Material(folder / "start", folder / "scenes")


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Sums that do not depend on the number of cores."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
