"""Small real models on disk."""

from pathlib import Path

import pytest

from pixelllm.model.checkpoint import Checkpoint, load_checkpoint
from pixelllm.model.config import tiny
from tests.python.checkpoints import whole, write_checkpoint


@pytest.fixture(scope="session")
def checkpoint_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that captions, describes and locates, and has no other parts."""
    folder = tmp_path_factory.mktemp("checkpoints") / "seeded"
    write_checkpoint(folder, tiny())
    return folder


@pytest.fixture(scope="session")
def checkpoint(checkpoint_folder: Path) -> Checkpoint:
    """The model of `checkpoint_folder`."""
    return load_checkpoint(str(checkpoint_folder))


@pytest.fixture(scope="session")
def whole_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with a mask decoder and a detector too."""
    folder = tmp_path_factory.mktemp("checkpoints") / "whole"
    write_checkpoint(folder, whole())
    return folder


@pytest.fixture(scope="session")
def whole_checkpoint(whole_folder: Path) -> Checkpoint:
    """The model of `whole_folder`."""
    return load_checkpoint(str(whole_folder))
