"""A small real model on disk, and an engine around it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from pixelllm.model.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from pixelllm.model.config import tiny
from pixelllm.model.pixelllm import PixelLLM
from pixelllm.model.t5 import T5
from tests.python.tasks.language import TOKENIZER
from tests.python.worker.harness import Harness

SEED = 5


@pytest.fixture(scope="session")
def checkpoint_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`tiny()` with seeded random weights and a tokenizer whose words are several tokens.

    The weights of a model that was never trained differ too little between images: they are
    spread, so that texts differ, and some end by themselves.
    """
    torch.manual_seed(SEED)
    model = PixelLLM(tiny())
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim > 1:
                parameter.mul_(1.5)
            if name.endswith("lora_b"):
                parameter.normal_(std=0.02)
        assert isinstance(model.language, T5)
        head = model.language.lm_head.weight
        head[0] = 0  # padding, which no trained model writes
        head[72:] = 0  # what the tokenizer has no piece for
        head[1] *= 1.5  # the end token
    folder = tmp_path_factory.mktemp("checkpoints") / "seeded"
    save_checkpoint(folder, model, TOKENIZER.read_bytes(), torch.float32)
    (folder / "README.md").write_text("# Seeded\n\nRandom weights\nfor tests.\n\nMore.\n", "utf-8")
    return folder


@pytest.fixture(scope="session")
def checkpoint(checkpoint_folder: Path) -> Checkpoint:
    """The model of `checkpoint_folder`."""
    return load_checkpoint(str(checkpoint_folder))


@pytest.fixture
def make_engine(checkpoint_folder: Path) -> Iterator[Callable[..., Harness]]:
    """Makes engines that are stopped at the end of the test."""
    made: list[Harness] = []

    def make(**settings: object) -> Harness:
        harness = Harness(**{"model": str(checkpoint_folder), **settings})
        made.append(harness)
        return harness

    yield make
    for harness in made:
        harness.engine.stop(10)
        assert not harness.engine._thread.is_alive()
