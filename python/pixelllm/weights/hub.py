"""Public weights by their names on the Hugging Face hub, where there is a network.

The package `huggingface_hub` is needed for that, and for nothing else here.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from pixelllm.model.checkpoint import CheckpointError

NAME: Final = re.compile(r"([\w.-]+/[\w.-]+)(?:@([\w./-]+))?")  # owner/name, owner/name@revision
# Tensors, their index and configuration, and T5's tokenizer: no pickle, and no code.
FILES: Final = ("*.safetensors", "*.json", "spiece.model")


def is_hub_name(where: str) -> bool:
    """Whether a text can be the name of a model on the hub."""
    return NAME.fullmatch(where) is not None and Path(where).suffix not in (".safetensors", ".npz")


def download(where: str) -> Path:
    """The folder that a model of the hub was downloaded to, now or earlier.

    Raises:
        CheckpointError: it cannot be had.
    """
    match = NAME.fullmatch(where)
    assert match
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise CheckpointError(
            f"there is no folder {where}, and to download a model of that name the package "
            "huggingface_hub is needed: npm run setup brings it, or pip install huggingface_hub"
        ) from error
    try:
        return Path(snapshot_download(match[1], revision=match[2], allow_patterns=list(FILES)))
    except (OSError, ValueError) as error:
        said = " ".join(str(error).split())
        raise CheckpointError(
            f"there is no folder {where}, and no model of that name can be downloaded: {said}"
        ) from error
