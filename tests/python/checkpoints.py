"""Small real models with random weights, and how to write one to a folder.

`python -m tests.python.checkpoints FOLDER` writes a model with all parts, for tests in TypeScript;
with `plain` behind it, one without a mask decoder and a detector.
"""

import sys
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from pixelllm.model.checkpoint import save_checkpoint
from pixelllm.model.config import DetectorConfig, MaskDecoderConfig, PixelLLMConfig, tiny
from pixelllm.model.pixelllm import PixelLLM
from pixelllm.model.t5 import T5
from tests.python.tasks.language import TOKENIZER

SEED = 5


SIDE = 128  # pixels of the frame; what is tested needs no more


def plain() -> PixelLLMConfig:
    """`tiny()` in a smaller frame, without a mask decoder and a detector."""
    return replace(tiny(), image_size=SIDE, masks=None, detector=None)


def whole() -> PixelLLMConfig:
    """`tiny()` in a smaller frame, with a mask decoder and a detector of other sizes."""
    return replace(
        tiny(),
        image_size=SIDE,
        masks=MaskDecoderConfig(mlp_dim=64, hidden_dim=32),
        detector=DetectorConfig(
            dim=32,
            upsample_dim=64,
            tower_dim=32,
            tower_layers=1,
            hidden_dim=64,
            candidates=200,
            proposals=100,
            max_detections=40,
        ),
    )


def write_checkpoint(folder: Path, config: PixelLLMConfig) -> None:
    """Write a model with seeded random weights and a tokenizer whose words are several tokens.

    The weights of a model that was never trained differ too little between images: they are
    spread, so that texts differ, and some end by themselves.
    """
    torch.manual_seed(SEED)
    model = PixelLLM(config)
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
        if config.masks:
            model.mask_adapter.gate.normal_()  # closed, it hides what was read
            last = model.mask_decoder.iou_prediction_head.layers[-1]
            assert isinstance(last, nn.Linear)
            last.bias.fill_(0.5)
        if config.detector:
            _spread(model)
    save_checkpoint(folder, model, TOKENIZER.read_bytes(), torch.float32)
    (folder / "README.md").write_text("# Seeded\n\nRandom weights\nfor tests.\n\nMore.\n", "utf-8")


def _spread(model: PixelLLM) -> None:
    """Let the detector find many regions that differ, of which it is unsure in many ways."""
    head, second = model.detector.proposal_generator, model.detector.roi_head
    head.agn_hm.weight.normal_(std=0.5)
    assert head.agn_hm.bias is not None
    head.agn_hm.bias.zero_()
    head.bbox_pred.weight.normal_(std=0.3)
    second.cls_score.weight.normal_(std=0.5)


if __name__ == "__main__":
    write_checkpoint(Path(sys.argv[1]), plain() if sys.argv[2:] == ["plain"] else whole())
