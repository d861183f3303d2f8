"""The detector as a whole: a pyramid, proposals from its hot cells, a second look at each.

CenterNet2 on PixelLLM's fused features (Xu et al., section 3.3, dense captioning; scenic,
projects/pixel_llm/modeling/box_decoder.py). It knows one class: something worth a caption.
"""

from __future__ import annotations

from torch import Tensor, nn

from pixelllm.model.config import DetectorConfig
from pixelllm.model.detector.centernet_head import CenterNetHead
from pixelllm.model.detector.proposals import peaks, propose
from pixelllm.model.detector.roi_head import Detections, RoiHead, detections
from pixelllm.model.detector.simple_fpn import SimpleFpn


class Detector(nn.Module):
    """Features in, regions out. Training calls its parts (`training/detection_losses.py`)."""

    def __init__(self, config: DetectorConfig, dim: int) -> None:
        super().__init__()
        self.config = config
        self.fpn = SimpleFpn(config, dim)
        self.proposal_generator = CenterNetHead(config)
        self.roi_head = RoiHead(config)

    def forward(
        self, features: Tensor, frame: tuple[int, int], overlap: Tensor | None = None
    ) -> Detections:
        """Find regions.

        Args:
            features: float[B, h, w, C], fused.
            frame: (height, width) of the padded model frame, not of the image inside it; regions
                are clipped to it.
            overlap: float[B], IoU at which the weaker of two regions goes; where absent, the
                configuration's.
        """
        config = self.config
        pyramid = self.fpn(features)
        candidates = peaks(self.proposal_generator(pyramid), config.strides, config.candidates)
        proposals = propose(candidates, config.proposal_overlap, config.proposals, frame)
        logits, corrections = self.roi_head(pyramid, proposals.boxes)
        return detections(logits, corrections, proposals, frame, config, overlap)
