"""What the tiny model is trained on: every loss of a batch of scenes, stage by stage.

In the first stage the encoders learn alone what is where: the probes of cells, the detector and the
mask decoder are all they need. In the second the language model and the point head learn alone to
read, to write and to place, from what the oracle tells them. In the third the extractor learns to
tell the same of pictures; in the fourth all learn together.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from pixelllm.model.pixelllm import ImageFeatures, PixelLLM, Prompts
from pixelllm.model.point_head import confidence
from pixelllm.model.preprocess import valid_mask
from pixelllm.model.t5 import T5
from pixelllm.training.auxiliary import Probes
from pixelllm.training.detection_losses import Sampling, detection_loss
from pixelllm.training.heed import HERE_HEADS, NEXT_HEADS, Heed, heed_loss
from pixelllm.training.losses import mask_loss, point_loss, text_loss
from pixelllm.training.oracle import Oracle, Told
from pixelllm.training.scene_batch import PHRASES, REGIONS, SceneBatch, Texts, each_tensor

LOSS_WEIGHTS = {  # of the losses; the rest count once
    "cell_box": 5.0,
    "whole_token_box": 5.0,
    "region_token_box": 5.0,
    "caption_place": 0.05,  # places are in pixels of the model frame
    "phrase_place": 0.05,
    "region_place": 0.05,
    "region_text": 0.5,
    "caption_here": 0.3,
    "caption_next": 0.3,
    "phrase_here": 0.3,
    "detection": 0.5,
}
PLACES = frozenset(  # the losses that say where words are, and where to look for them
    f"{text}_{what}"
    for text in ("caption", "phrase", "region")
    for what in ("place", "overlap", "confidence", "here", "next")
)
DETECTED = 2  # every so manieth scene trains the detector: it learns fast and costs a quarter
SAMPLING = Sampling(candidates=150, proposals=48, samples=32)
HIDDEN_WORDS = 0.2  # share of the words that a text is led through without being told them
UNKNOWN = 2  # the token in their place
TRUSTED = 0.5  # IoU from which on a predicted box prompts the mask decoder in training

Losses = dict[str, Tensor]


class SceneLosses:
    """The losses of a model and its probes on batches."""

    def __init__(self, model: PixelLLM, probes: Probes, oracle: Oracle) -> None:
        self.model = model
        self.probes = probes
        self.oracle = oracle
        assert isinstance(model.language, T5)
        self.heed = Heed(model.language)

    def perception(self, batch: SceneBatch) -> tuple[Losses, Losses]:
        """Losses of the first stage, and rates of success."""
        features, losses, rates = self._seen(batch)
        boxes = batch.regions.boxes[::REGIONS]
        masks = self.model.decode_masks(features, self.model.box_corners(boxes))
        there = torch.ones_like(boxes[:, 0], dtype=torch.bool)
        self._add_masks(
            losses, rates, masks, batch.region_masks[::REGIONS], there, batch.valid_size
        )
        return losses, rates

    def language(self, batch: SceneBatch) -> tuple[Losses, Losses]:
        """Losses of the second stage, and rates of success: texts alone, told by the oracle."""
        visual = self.oracle.imagine(told(batch))
        losses: Losses = {}
        rates: Losses = {}
        self._add_texts(losses, rates, visual, batch)
        return losses, rates

    def alignment(self, batch: SceneBatch) -> tuple[Losses, Losses]:
        """Losses of the third stage, and rates of success."""
        _, _, losses, rates = self._told(batch)
        return losses, rates

    def joint(self, batch: SceneBatch) -> tuple[Losses, Losses]:
        """Losses of the fourth stage, and rates of success."""
        features, visual, losses, rates = self._told(batch)
        phrases, regions = self._add_texts(losses, rates, visual, batch)
        self._add_segments(losses, rates, features, phrases.every(PHRASES), regions.every(REGIONS))
        return losses, rates

    def _told(self, batch: SceneBatch) -> tuple[ImageFeatures, Tensor, Losses, Losses]:
        """Features and visual tokens with their losses, and rates of success."""
        features, losses, rates = self._seen(batch)
        visual = self._visual_tokens(batch, features)
        losses |= self._token_losses(visual, batch)
        whole = visual[: len(batch.images)]
        losses |= self.probes.setting_losses(features.fused, whole, batch.settings)
        return features, visual, losses, rates

    def _add_texts(
        self, losses: Losses, rates: Losses, visual: Tensor, batch: SceneBatch
    ) -> tuple[Referred, Referred]:
        """Losses of captions, phrases and regions; returns the latter two."""
        scenes = len(batch.settings)
        caption = self._write(visual[:scenes], batch.captions, batch.valid_size, hide=True)
        losses |= {
            "caption_text": text_loss(caption.logits, batch.captions.tokens, smoothing=0.0),
            "caption_place": place_loss(caption.corners, batch.captions),
            "caption_here": heed_loss(caption.heed[:, HERE_HEADS], batch.captions.here),
            "caption_next": heed_loss(caption.heed[:, NEXT_HEADS], batch.captions.next),
        }
        rows = torch.arange(scenes, device=visual.device)
        phrase_rows = rows.repeat_interleave(PHRASES)
        region_rows = rows.repeat_interleave(REGIONS)
        of_phrases, of_regions = visual[:scenes][phrase_rows], visual[scenes:]
        phrases = self._write(of_phrases, batch.phrases, batch.valid_size[phrase_rows])
        regions = self._write(of_regions, batch.regions, batch.valid_size[region_rows], hide=True)
        self._add_phrases(losses, rates, phrases, batch.phrases)
        self._add_places(losses, rates, "region", regions, batch.regions)
        losses["region_text"] = text_loss(regions.logits, batch.regions.tokens, smoothing=0.0)
        rates["region_exact"] = exact(regions.logits, batch.regions.tokens)
        return (
            Referred(of_phrases, phrases, batch.phrases, batch.phrase_masks, phrase_rows),
            Referred(of_regions, regions, batch.regions, batch.region_masks, region_rows),
        )

    @property
    def _frame(self) -> tuple[int, int]:
        return self.model.config.image_size, self.model.config.image_size

    def _seen(self, batch: SceneBatch) -> tuple[ImageFeatures, Losses, Losses]:
        """Features, and the losses of cells and of the detector."""
        features = self.model.encode_images(batch.images, batch.valid_size)
        losses = self.probes.cell_losses(features.fused, batch.cell_labels, batch.cell_boxes)
        boxes = batch.thing_boxes[::DETECTED]
        labels = boxes.any(2).long()
        detection, _ = detection_loss(
            self.model.detector, features.fused[::DETECTED], self._frame, boxes, labels, SAMPLING
        )
        losses["detection"] = detection.total
        return features, losses, {"detection_roi": detection.roi.label}

    def _visual_tokens(self, batch: SceneBatch, features: ImageFeatures) -> Tensor:
        """Visual tokens of every scene as a whole, then of every region: float[P, Q, C]."""
        scenes = len(batch.images)
        whole = Prompts.of_whole_images(batch.valid_size)
        regions = Prompts(batch.region_boxes, batch.region_points[:, None])
        owner = [*range(scenes), *(i for i in range(scenes) for _ in range(REGIONS))]
        return self.model.visual_prefix(features.select(owner), Prompts.stack([whole, regions]))

    def _token_losses(self, visual: Tensor, batch: SceneBatch) -> Losses:
        """Losses of the visual tokens, of whole images and of regions apart.

        Together, the regions' tokens, all of which are labelled, would drown the few of a whole
        image that lie on a thing: then captions and phrases stay blind.
        """
        scenes = len(batch.images)
        losses: Losses = {}
        for name, rows in (("whole", slice(scenes)), ("region", slice(scenes, None))):
            part = self.probes.token_losses(
                visual[rows], batch.token_labels[rows], batch.token_boxes[rows]
            )
            losses |= {f"{name}_{key}": loss for key, loss in part.items()}
        ideal = self.oracle(told(batch))
        difference = (visual.float() - ideal).square().mean((1, 2))
        losses["whole_ideal"] = difference[:scenes].mean()
        losses["region_ideal"] = difference[scenes:].mean()
        return losses

    def _write(
        self, visual: Tensor, texts: Texts, valid_size: Tensor, *, hide: bool = False
    ) -> Written:
        """Teacher-forced logits and places of texts."""
        encoded = self.model.encode_prefix(visual, texts.context)
        tokens = hide_words(texts.tokens) if hide else texts.tokens
        logits, hidden = self.model.decode_text(encoded, tokens)
        points, extra = self.model.point_head(hidden)
        corners = points.float() * valid_size.flip(1)[:, None, None].float()
        heed = self.heed.log_shares(encoded.mask, visual.shape[1])
        return Written(logits, hidden, corners, confidence(extra), heed)

    def _add_places(
        self, losses: Losses, rates: Losses, name: str, written: Written, texts: Texts
    ) -> Tensor:
        """Losses of the places of short texts; returns the IoU of each text's box, float[N]."""
        overlap, generalised = box_overlap(end_boxes(written.corners, texts.tokens), texts.boxes)
        there = texts.boxes.any(1)
        losses[f"{name}_place"] = place_loss(written.corners, texts)
        losses[f"{name}_overlap"] = mean_where(1 - generalised, there)
        rates[f"{name}_hit"] = mean_where((overlap > 0.5).float(), there)
        return overlap

    def _add_phrases(self, losses: Losses, rates: Losses, written: Written, texts: Texts) -> None:
        """Losses of phrases: their boxes, and how sure the model is that they are right."""
        overlap = self._add_places(losses, rates, "phrase", written, texts)
        losses["phrase_here"] = heed_loss(written.heed[:, HERE_HEADS], texts.here)
        rows = torch.arange(len(overlap), device=overlap.device)
        sure = written.confidence[rows, last_words(texts.tokens)]
        right = (overlap > 0.5) & texts.boxes.any(1)
        losses["phrase_confidence"] = F.binary_cross_entropy_with_logits(sure, right.float())
        rates["phrase_sure"] = ((sure > 0) == right).float().mean()

    def _add_segments(
        self,
        losses: Losses,
        rates: Losses,
        features: ImageFeatures,
        phrases: Referred,
        regions: Referred,
    ) -> None:
        """Losses of masks, prompted as when they are served.

        The box of a phrase is adapted to what was read of it; that of a region prompts alone.
        """
        model = self.model
        adapted = model.mask_adapter(
            model.box_corners(phrases.boxes),
            phrases.visual,
            phrases.written.hidden,
            followed(phrases.texts.tokens),
        )
        corners = torch.cat([adapted, model.box_corners(regions.boxes)])
        own = features.select([*phrases.images.tolist(), *regions.images.tolist()])
        masks = model.decode_masks(own, corners)
        target = torch.cat([phrases.masks, regions.masks])
        there = torch.cat([phrases.texts.boxes, regions.texts.boxes]).any(1)
        self._add_masks(losses, rates, masks, target, there, own.valid_size)

    def _add_masks(
        self,
        losses: Losses,
        rates: Losses,
        masks: tuple[Tensor, Tensor],
        target: Tensor,
        there: Tensor,
        valid_size: Tensor,
    ) -> None:
        logits, overlap = masks
        valid = valid_mask(valid_size, target.shape[1])
        losses["mask"] = mask_loss(logits, overlap, target, there, valid).total
        rates["mask_iou"] = mean_where(mask_overlap(logits, target), there)


def told(batch: SceneBatch) -> Told:
    """What the oracle needs to know of a batch."""
    regions = (
        batch.settings.repeat_interleave(REGIONS),
        batch.valid_size.repeat_interleave(REGIONS, 0),
    )
    return Told(
        batch.token_labels,
        batch.token_boxes,
        torch.cat([batch.settings, regions[0]]),
        torch.cat([batch.valid_size, regions[1]]),
    )


@dataclass
class Written:
    """Of N texts: logits float[N, T, V], hidden float[N, T, C], corners float[N, T, 2, 2],
    confidence float[N, T] and the logarithms of attention float[N, heads, T, Q]."""

    logits: Tensor
    hidden: Tensor
    corners: Tensor
    confidence: Tensor
    heed: Tensor


@dataclass
class Referred:
    """N texts about one thing each, with the visual tokens they were read from, the thing's mask
    and the row of their image."""

    visual: Tensor
    written: Written
    texts: Texts
    masks: Tensor
    images: Tensor

    def every(self, step: int) -> Referred:
        """Every so manieth text: one of each scene."""
        return each_tensor(lambda x: x[::step], self)

    @property
    def boxes(self) -> Tensor:
        """What prompts each mask, float[N, 4]."""
        found = end_boxes(self.written.corners, self.texts.tokens)
        return trusted_boxes(found, self.texts.boxes)


def followed(tokens: Tensor) -> Tensor:
    """bool[N, T]: which int[N, T] tokens another follows; the state of the others means nothing."""
    return F.pad(tokens[:, 1:] > 0, (0, 1))


def hide_words(tokens: Tensor) -> Tensor:
    """int[N, T] tokens with a share of the words unknown.

    What comes next must then be seen in the picture and cannot be guessed from the words before.
    """
    hidden = torch.rand(tokens.shape, device=tokens.device) < HIDDEN_WORDS
    return tokens.masked_fill(hidden & (tokens > UNKNOWN), UNKNOWN)


def place_loss(corners: Tensor, texts: Texts) -> Tensor:
    """The point loss at every position that has a place: an all-zero one counts for nothing."""
    everywhere = torch.ones_like(texts.tokens, dtype=torch.bool)
    return point_loss(corners, texts.corners, everywhere, "l1_nonzero")


def mean_where(values: Tensor, counts: Tensor) -> Tensor:
    """Mean of float[N] over the rows where bool[N] is true; 0 where none is."""
    return (values * counts).sum() / counts.sum().clamp(min=1)


def last_words(tokens: Tensor) -> Tensor:
    """Position of the last word of each int[N, T] text, int[N]; words stand at 1, 2, ..."""
    return (tokens > 1).sum(1)


def end_boxes(corners: Tensor, tokens: Tensor) -> Tensor:
    """The box at each text's last word, float[N, 4], from float[N, T, 2, 2] and int[N, T]."""
    rows = torch.arange(len(tokens), device=tokens.device)
    return corners[rows, last_words(tokens)].flatten(1)


def trusted_boxes(found: Tensor, true: Tensor) -> Tensor:
    """What the mask decoder is prompted with, float[N, 4]: the boxes that the model gives, as when
    it serves; where they are far off, the true ones.
    """
    overlap, _ = box_overlap(found, true)
    return torch.where((overlap > TRUSTED)[:, None], found, true).detach()


def box_overlap(boxes: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """IoU and generalised IoU of float[N, 4] boxes, row by row."""

    def area(low: Tensor, high: Tensor) -> Tensor:
        return (high - low).clamp(min=0).prod(1)

    low, high = boxes[:, :2], boxes[:, 2:]
    target_low, target_high = targets[:, :2], targets[:, 2:]
    common = area(torch.maximum(low, target_low), torch.minimum(high, target_high))
    union = area(low, high) + area(target_low, target_high) - common
    hull = area(torch.minimum(low, target_low), torch.maximum(high, target_high))
    overlap = common / union.clamp(min=1e-6)
    return overlap, overlap - (hull - union) / hull.clamp(min=1e-6)


def exact(logits: Tensor, tokens: Tensor) -> Tensor:
    """Share of texts whose every next token is the most probable one."""
    target = tokens[:, 1:]
    right = (logits[:, :-1].argmax(-1) == target) | (target == 0)
    return right.all(1).float().mean()


def mask_overlap(logits: Tensor, target: Tensor) -> Tensor:
    """IoU of float[P, h, w] mask logits, enlarged, with bool[P, H, W] masks: float[P]."""
    size = target.shape[1:]
    large = F.interpolate(logits[:, None].float(), size, mode="bilinear", antialias=True)[:, 0]
    found, there = large > 0, target > 0
    common = (found & there).sum((1, 2))
    return common / (found | there).sum((1, 2)).clamp(min=1)
