"""What training minimises: a batch is led through the model, and compared with what it teaches.

google-research/scenic, projects/pixel_llm/modeling/pixel_llm.py. Every loss is computed of every
batch, and counts as much as its weight says, times the share of the images that teach it:

    total = sum over i of weight_i * mean over images(batch.weights_i) * loss_i

Whether the words of a text have places or only the last one has the object's box is decided image
by image: an image with the place of any word is one with a trace. The detector's proposals, and not
the true regions, prompt the captions of an image that teaches detection, so that the model learns
to write about what it will find; a proposal that matches no region learns no text. The box that
prompts a mask is the model's own and gets no gradient from it.

One thing differs: the mask adapter reads what the model is served with, the states up to the last
word. The authors' reads those of the end and of the padding, too (`reads_padding`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pixelllm.model.language import PAD
from pixelllm.model.pixelllm import ImageFeatures, PixelLLM, Prompts
from pixelllm.model.point_head import points_box
from pixelllm.model.preprocess import valid_mask
from pixelllm.training.batch import Batch
from pixelllm.training.detection_losses import (
    DetectionLoss,
    Matched,
    Sampling,
    caption_prompts,
    detection_loss,
)
from pixelllm.training.losses import (
    LABEL_SMOOTHING,
    POINT_WEIGHT,
    MaskLoss,
    Total,
    corners_of_boxes,
    end_box_positions,
    mask_loss,
    own,
    point_loss,
    text_loss,
    word_positions,
)

TAUGHT: Final = ("text", "point", "detection", "mask")  # as in `LossWeights`


@dataclass(frozen=True)
class ObjectiveConfig:
    """What each loss weighs, and what the texts of regions are learned from.

    A loss of weight 0 is not computed, except the text's.
    """

    text: float = 1.0
    point: float = POINT_WEIGHT
    detection: float = 1.0
    mask: float = 1.0
    smoothing: float = LABEL_SMOOTHING
    regions: int = 32  # sampled proposals of an image that prompt a caption
    match: float = 0.6  # IoU with a true region from which on a proposal learns its text
    sampling: Sampling = field(default_factory=Sampling)
    reads_padding: bool = False  # as in the authors' code: see above


class Losses(NamedTuple):
    """The losses that were computed, by the names of `LossWeights`: each as it is, and weighted.

    A tuple, so that torch finds the tensors in it (`sharding.py`).
    """

    plain: dict[str, Tensor]
    weighted: dict[str, Tensor]

    @property
    def total(self) -> Tensor:
        """What is minimised."""
        return torch.stack(list(self.weighted.values())).sum()


@dataclass(frozen=True)
class Reading:
    """A batch as the model read it: R rows, each a text of one of B images.

    prompts: P boxes of each image where the model could look, the text of which of the K it should
        write there, and whether.
    rows: int[R], which of those B * P it did look at.
    places: bool[R, T], positions that have a place; target float[R, T, 2, 2], which one.
    """

    features: ImageFeatures  # B rows
    detection: DetectionLoss | None
    samples: Matched | None  # what the detector's box head learned from
    prompts: Matched  # B x P
    rows: Tensor
    boxes: Tensor  # float[R, 4], of the objects
    context: Tensor  # int[R, C]
    tokens: Tensor  # int[R, T]
    visual: Tensor  # float[R, Q, C]
    logits: Tensor  # float[R, T, V]
    hidden: Tensor  # float[R, T, C]
    corners: Tensor  # float32[R, T, 2, 2]
    places: Tensor
    target: Tensor

    @property
    def labelled(self) -> Tensor:
        """bool[R], rows with a text to learn."""
        return self.prompts.labels.flatten()[self.rows] > 0

    @property
    def images(self) -> Tensor:
        """int[R], the image of each row."""
        return self.rows // self.prompts.labels.shape[1]

    @property
    def matches(self) -> Tensor:
        """int[R], which of its image's texts each row is about."""
        return self.prompts.matches.flatten()[self.rows]


@dataclass(frozen=True)
class Segmented:
    """Masks of R prompts: the box that the model placed, logits float[R, 4h, 4w], IoU float[R]."""

    boxes: Tensor
    masks: Tensor
    overlap: Tensor


class Objective(nn.Module):
    """The losses of a model on a batch.

    Args:
        total: makes of a process's count that of all processes that share the batch; the losses
            are then this process's part of the batch's.
    """

    def __init__(
        self, model: PixelLLM, config: ObjectiveConfig | None = None, total: Total = own
    ) -> None:
        super().__init__()
        self.model = model
        self.config = config or ObjectiveConfig()
        self.total = total

    def forward(self, batch: Batch, generator: torch.Generator | None = None) -> Losses:
        """Losses of a batch.

        Args:
            generator: chooses what the detector's box head learns from.
        """
        reading = self.read(batch, generator, labelled_only=True)
        plain = {"text": self._text_loss(reading)}
        if self.config.point:
            plain["point"] = self._point_loss(reading)
        if reading.detection:
            plain["detection"] = reading.detection.total
        if self.config.mask:
            plain["mask"] = self.mask_loss(batch, reading, self.segment(reading)).total
        return Losses(plain, {name: self._weigh(name, loss, batch) for name, loss in plain.items()})

    def read(
        self,
        batch: Batch,
        generator: torch.Generator | None = None,
        *,
        labelled_only: bool = False,
    ) -> Reading:
        """Lead the model through the batch's texts.

        Args:
            labelled_only: leave out rows without a text, which no loss counts.
        """
        model = self.model
        features = model.encode_images(batch.images, batch.valid_size)
        detection, samples = None, None
        if self.config.detection:
            detection, samples = self._detect(batch, features, generator)
        prompts = self._prompts(batch, samples)
        rows = _rows(prompts.labels, labelled_only=labelled_only)
        image = rows // prompts.labels.shape[1]
        text = (image, prompts.matches.flatten()[rows])

        tokens = batch.tokens[text].long()
        context = batch.context[text].long()
        seen = ImageFeatures(features.fused[image], features.sam[image], features.valid_size[image])
        looked_at = Prompts.of_boxes(prompts.boxes.flatten(0, 1)[rows])
        visual = model.visual_prefix(seen, looked_at)
        logits, hidden = model.decode_text(model.encode_prefix(visual, context), tokens)
        boxes = batch.boxes[text]
        places, target = self._places(tokens, batch.corners[text], boxes, traced(batch)[image])
        return Reading(
            features=features,
            detection=detection,
            samples=samples,
            prompts=prompts,
            rows=rows,
            boxes=boxes,
            context=context,
            tokens=tokens,
            visual=visual,
            logits=logits,
            hidden=hidden,
            corners=model.place(hidden, seen.valid_size),
            places=places,
            target=target,
        )

    def segment(self, reading: Reading) -> Segmented:
        """Find the masks of what was read."""
        boxes = points_box(reading.corners, reading.places).detach()
        counts = None if self.config.reads_padding else F.pad(reading.tokens[:, 1:], (0, 1)) > PAD
        features = reading.features.select(reading.images.tolist())
        masks, overlap = self.model.segment(features, boxes, reading.visual, reading.hidden, counts)
        return Segmented(boxes, masks, overlap)

    def mask_loss(self, batch: Batch, reading: Reading, found: Segmented) -> MaskLoss:
        """How far masks are from the batch's.

        Raises:
            ValueError: it has none.
        """
        if batch.masks is None:
            raise ValueError("this recipe learns masks, and its data has none")
        side = batch.images.shape[1]
        inside = valid_mask(batch.valid_size, side)
        return mask_loss(
            found.masks,
            found.overlap,
            batch.masks[reading.images, reading.matches],
            reading.labelled,
            inside[reading.images],
            total=self.total,
        )

    def _text_loss(self, reading: Reading) -> Tensor:
        return text_loss(
            reading.logits,
            reading.tokens,
            reading.labelled,
            end_id=self.model.config.language.end_id,
            smoothing=self.config.smoothing,
            total=self.total,
        )

    def _point_loss(self, reading: Reading) -> Tensor:
        counts = reading.places & reading.labelled[:, None]
        return point_loss(reading.corners, reading.target, counts, total=self.total)

    def _weigh(self, name: str, loss: Tensor, batch: Batch) -> Tensor:
        """The part of a loss in the total."""
        taught: Tensor = getattr(batch.weights, name)
        images = self.total(torch.tensor(float(len(taught)), device=taught.device))
        weight: float = getattr(self.config, name)
        return loss * weight * (self.total(taught.float().sum()) / images)

    def _detect(
        self, batch: Batch, features: ImageFeatures, generator: torch.Generator | None
    ) -> tuple[DetectionLoss, Matched]:
        """Train the detector; an image that teaches no detection has no regions here."""
        side = batch.images.shape[1]
        taught = batch.weights.detection[:, None]
        return detection_loss(
            self.model.detector,
            features.fused,
            (side, side),
            batch.boxes * taught[..., None],
            batch.labels.long() * taught,
            self.config.sampling,
            generator,
            self.total,
        )

    def _prompts(self, batch: Batch, samples: Matched | None) -> Matched:
        """Where the model looks: at proposals in images that teach detection, else as given.

        Raises:
            ValueError: a batch has images of both kinds, and not as many proposals as texts.
        """
        labels = batch.labels.long()
        own_text = torch.arange(labels.shape[1], device=labels.device).expand_as(labels)
        given = Matched(batch.prompts, own_text, labels)
        detects = batch.weights.detection > 0
        if samples is None or not detects.any():
            return given
        config = self.config
        found = caption_prompts(
            samples, batch.boxes, labels, count=config.regions, match=config.match
        )
        if detects.all():
            return found
        if found.labels.shape != labels.shape:
            raise ValueError(
                f"images with and without regions share a batch: with {labels.shape[1]} texts "
                "each, set objective.regions to as many"
            )
        chosen = detects[:, None]
        return Matched(
            torch.where(chosen[..., None], found.boxes, given.boxes),
            torch.where(chosen, found.matches, given.matches),
            torch.where(chosen, found.labels, given.labels),
        )

    def _places(
        self, tokens: Tensor, corners: Tensor, boxes: Tensor, traced: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Positions bool[R, T] that have a place, and which: of each word, or the box of the end.

        Args:
            corners: float[R, T, 2, 2], of the words of a trace.
            boxes: float[R, 4], of the objects.
            traced: bool[R], whether the row's image has a trace.
        """
        language = self.model.config.language
        words = word_positions(tokens, begin_id=language.begin_id, end_id=language.end_id)
        ends = end_box_positions(tokens, end_id=language.end_id)
        box = corners_of_boxes(boxes, tokens.shape[1])
        return (
            torch.where(traced[:, None], words, ends),
            torch.where(traced[:, None, None, None], corners, box),
        )


def traced(batch: Batch) -> Tensor:
    """Which images have the place of a word: bool[B]."""
    return (batch.corners > 0).flatten(1).any(1)


def _rows(labels: Tensor, *, labelled_only: bool) -> Tensor:
    """Rows int[R] of int[B, P] labels: all, or those with a text; one at least."""
    flat = labels.flatten()
    if labelled_only and flat.any():
        return flat.nonzero()[:, 0]
    return torch.arange(1 if labelled_only else len(flat), device=flat.device)
