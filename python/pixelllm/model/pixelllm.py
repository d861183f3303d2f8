"""PixelLLM as a whole: two image encoders, a prompt, a language model that places its words.

Xu et al., "Pixel-Aligned Language Models" (CVPR 2024). The way of an answer:

    encode_images   pixels            -> ImageFeatures     once per image
    visual_prefix   features, prompts -> visual tokens     once per prompt
    encode_prefix   visual tokens, prefix -> Encoded       once per text
    decode_step     one token of each text -> logits, states      (serving)
    decode_text     whole texts            -> logits, states      (training, known texts)
    place           states -> corners of each word's place
    segment         features, boxes, states -> masks          (with `config.masks`)
    detect          features -> regions worth a caption       (with `config.detector`)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pixelllm.model.config import GitBertConfig, PixelLLMConfig
from pixelllm.model.detector.detector import Detector
from pixelllm.model.detector.roi_head import Detections
from pixelllm.model.eva02 import Eva02
from pixelllm.model.extractor import PromptFeatureExtractor
from pixelllm.model.git_bert import GitBert
from pixelllm.model.language import DecoderCache, Encoded, LanguageModel
from pixelllm.model.mask_adapter import MaskAdapter
from pixelllm.model.mask_decoder import MaskDecoder
from pixelllm.model.point_head import PointHead, confidence
from pixelllm.model.preprocess import (
    EVA_MEAN,
    EVA_STD,
    SAM_MEAN,
    SAM_STD,
    normalise,
    valid_mask,
)
from pixelllm.model.prompt_encoder import PROMPT_TOKENS, PromptEncoder
from pixelllm.model.resize import resize_map
from pixelllm.model.sam_vit import SamViT
from pixelllm.model.t5 import T5


@dataclass(frozen=True)
class ImageFeatures:
    """What is kept of B images.

    fused: float[B, h, w, C], EVA02's channels before SAM's, on the finer of the two grids.
    sam: float[B, hs, ws, Cs], SAM's own map.
    valid_size: float[B, 2], (height, width) of each image inside the model frame.
    """

    fused: Tensor
    sam: Tensor
    valid_size: Tensor

    def select(self, rows: Sequence[int]) -> ImageFeatures:
        """The features of these images, in this order, repeated where a row is named twice."""
        index = torch.as_tensor(rows, device=self.fused.device)
        return ImageFeatures(self.fused[index], self.sam[index], self.valid_size[index])

    @staticmethod
    def stack(parts: Sequence[ImageFeatures]) -> ImageFeatures:
        """Features of all images of `parts`, in order."""
        return ImageFeatures(
            torch.cat([p.fused for p in parts]),
            torch.cat([p.sam for p in parts]),
            torch.cat([p.valid_size for p in parts]),
        )

    @property
    def nbytes(self) -> int:
        """Bytes of memory that the tensors take."""
        return sum(t.numel() * t.element_size() for t in (self.fused, self.sam, self.valid_size))


@dataclass(frozen=True)
class Prompts:
    """Where to look, one row per prompt: a box, or up to four points.

    boxes: float[P, 4], pixels of the model frame; an all-zero row means "see points".
    points: float[P, K, 2], same pixels, K <= 4; rows of boxes are ignored.
    """

    boxes: Tensor
    points: Tensor

    @staticmethod
    def of_boxes(boxes: Tensor) -> Prompts:
        """float[P, 4] boxes."""
        return Prompts(boxes, boxes.new_zeros(len(boxes), 1, 2))

    @staticmethod
    def of_points(points: Tensor) -> Prompts:
        """float[P, 2], one point each."""
        return Prompts(points.new_zeros(len(points), 4), points[:, None])

    @staticmethod
    def of_whole_images(valid_size: Tensor) -> Prompts:
        """The whole of each image, from float[P, 2] (height, width)."""
        return Prompts.of_boxes(torch.cat([torch.zeros_like(valid_size), valid_size.flip(1)], 1))

    @staticmethod
    def stack(parts: Sequence[Prompts]) -> Prompts:
        """All prompts of `parts`, in order; all must have the same number of points."""
        return Prompts(torch.cat([p.boxes for p in parts]), torch.cat([p.points for p in parts]))


class PixelLLM(nn.Module):
    """The model. Public methods take and return tensors in the model frame."""

    def __init__(self, config: PixelLLMConfig) -> None:
        super().__init__()
        self.config = config
        self.eva = Eva02(config.eva)
        self.sam = SamViT(config.sam)
        self.prompt_encoder = PromptEncoder(config.prompt_encoder)
        self.extractor = PromptFeatureExtractor(
            config.extractor, config.feature_dim, config.prompt_encoder.dim
        )
        self.visual_projection: nn.Module = nn.Identity()
        self.language: LanguageModel
        if isinstance(config.language, GitBertConfig):
            self.language = GitBert(config.language, config.visual_dim)
        else:
            self.visual_projection = nn.Sequential(
                nn.Linear(config.extractor.output_dim, config.visual_dim),
                nn.LayerNorm(config.visual_dim, eps=1e-5),
            )
            self.language = T5(config.language)
        self.point_head = PointHead(config.point_head, config.language.dim)
        if config.masks:
            dim, text_dim = config.prompt_encoder.dim, config.language.dim
            self.mask_adapter = MaskAdapter(config.masks, dim, config.visual_dim, text_dim)
            self.mask_decoder = MaskDecoder(config.masks, dim)
        if config.detector:
            self.detector = Detector(config.detector, config.feature_dim)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.extractor.output_tokens.device

    @property
    def dtype(self) -> torch.dtype:
        """What the weights are made of."""
        return self.extractor.output_tokens.dtype

    def encode_images(self, images: Tensor, valid_size: Tensor) -> ImageFeatures:
        """Run both encoders.

        Args:
            images: float[B, S, S, 3], 0-255, padded at the right and bottom.
            valid_size: float[B, 2], (height, width) of each image inside the frame, pixels.
        """
        valid = valid_mask(valid_size, images.shape[1])
        eva = self.eva(normalise(images, valid, EVA_MEAN, EVA_STD).to(self.dtype))
        sam = self.sam(normalise(images, valid, SAM_MEAN, SAM_STD).to(self.dtype))
        return ImageFeatures(fuse(eva, sam), sam, valid_size)

    def visual_prefix(self, features: ImageFeatures, prompts: Prompts) -> Tensor:
        """Visual tokens of each prompt, float[P, Q, C]; row i of both belongs together."""
        frame = (self.config.image_size, self.config.image_size)
        fused = features.fused
        sparse = torch.where(
            (prompts.boxes.amax(1) > 0)[:, None, None],
            self.prompt_encoder.box_prompt(prompts.boxes, frame),
            self.prompt_encoder.point_prompt(prompts.points, frame),
        ).to(fused.dtype)
        assert sparse.shape[1] == PROMPT_TOKENS
        image_pe = self.prompt_encoder.pe_layer.grid(*fused.shape[1:3]).to(fused.dtype)
        x = self.extractor(fused, image_pe, sparse, self.prompt_encoder.no_mask_embed.weight)
        y: Tensor = self.visual_projection(x)
        return y

    def encode_prefix(self, visual: Tensor, context: Tensor | None) -> Encoded:
        """Let the language model read float[P, Q, C] visual tokens and an int[P, T] prefix."""
        return self.language.encode(visual, context)

    def decode_text(self, encoded: Encoded, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Logits float[P, T, V] and states float[P, T, C] of whole int[P, T] texts."""
        return self.language.decode(encoded, tokens)

    def decode_step(
        self, tokens: Tensor, positions: Tensor, slots: Tensor, cache: DecoderCache
    ) -> tuple[Tensor, Tensor]:
        """Logits float[n, V] and states float[n, C] after one more token of n texts."""
        return self.language.step(tokens, positions, slots, cache)

    def place(self, hidden: Tensor, valid_size: Tensor) -> Tensor:
        """Place words.

        Args:
            hidden: float[P, T, C], states at the words' input positions.
            valid_size: float[P, 2], (height, width) of each prompt's image in the frame.

        Returns:
            float32[P, T, 2, 2], (x, y) of the top-left and bottom-right corner in pixels of the
            model frame, unclipped and, from an unsure model, possibly out of order.
        """
        points, _ = self.point_head(hidden)
        corners: Tensor = points.float() * valid_size.flip(1)[:, None, None].float()
        return corners

    def segment(
        self,
        features: ImageFeatures,
        boxes: Tensor,
        visual: Tensor,
        hidden: Tensor,
        counts: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Find the pixels of what was referred to. Only with `config.masks`.

        Args:
            features: P rows, each prompt's image.
            boxes: float[P, 4], where the phrase was placed, pixels of the model frame.
            visual: float[P, Q, C], the prompts' visual tokens (`visual_prefix`).
            hidden: float[P, T, C], the states of the phrase.
            counts: bool[P, T], which of them are read; all where absent. Those of tokens that
                padding or nothing follows depend on the length of the batch.

        Returns:
            As `decode_masks`.
        """
        sparse = self.mask_adapter(self.box_corners(boxes), visual, hidden, counts)
        return self.decode_masks(features, sparse)

    def box_corners(self, boxes: Tensor) -> Tensor:
        """What the mask decoder is prompted with: float[P, 4] pixels to float[P, 2, C] tokens."""
        frame = (self.config.image_size, self.config.image_size)
        return self.prompt_encoder.embed_boxes(boxes, frame).to(self.dtype)

    def decode_masks(self, features: ImageFeatures, corners: Tensor) -> tuple[Tensor, Tensor]:
        """The mask of each box. Only with `config.masks`.

        Args:
            features: P rows, each prompt's image.
            corners: float[P, 2, C], of the boxes (`box_corners`), adapted to a text or not.

        Returns:
            Mask logits float[P, 4h, 4w] of the whole frame, h x w being SAM's grid, and the IoU
            that the decoder predicts for each, float[P].
        """
        image_pe = self.prompt_encoder.pe_layer.grid(*features.sam.shape[1:3]).to(self.dtype)
        masks, overlap = self.mask_decoder(
            features.sam, image_pe, corners, self.prompt_encoder.no_mask_embed.weight
        )
        return masks[:, 0], overlap[:, 0]

    def detect(self, features: ImageFeatures, overlap: Tensor | None = None) -> Detections:
        """Find the regions of B images that are worth a caption. Only with `config.detector`.

        Args:
            overlap: float[B], IoU at which the weaker of two regions of an image goes; where
                absent, `config.detector.detection_overlap`.

        Returns:
            Boxes float32[B, K, 4] in pixels of the model frame, clipped to the padded frame and
            so possibly beyond the image inside it, and scores float32[B, K], best first, for the
            K of `config.detector.max_detections`; a slot without a region has a score of 0 or
            less.
        """
        detections: Detections = self.detector(
            features.fused, (self.config.image_size, self.config.image_size), overlap
        )
        return detections

    def confidence(self, hidden: Tensor) -> Tensor:
        """How sure the model is of the places of float[P, T, C] states: float32[P, T], 0-1.

        Means something only where `config.point_head.confidence` is set.
        """
        _, logits = self.point_head(hidden)
        return confidence(logits).sigmoid()


def fuse(eva: Tensor, sam: Tensor) -> Tensor:
    """Bring two channels-last maps to the larger grid and concatenate them, EVA02's first."""
    height, width = max(eva.shape[1], sam.shape[1]), max(eva.shape[2], sam.shape[2])
    return torch.cat([resize_map(eva, height, width), resize_map(sam, height, width)], -1)
