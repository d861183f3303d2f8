"""The model in batches: everything that touches the device, and nothing that waits.

Rows of a batch belong to different calls and are padded to the longest; padding is masked, so a
row's result does not depend on its neighbours beyond the rounding of floats.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from pixelllm.contract import Mask
from pixelllm.inference.draft import Draft
from pixelllm.inference.picture import Picture, fit_picture
from pixelllm.model.checkpoint import Checkpoint
from pixelllm.model.language import PAD, DecoderCache, Encoded
from pixelllm.model.mask_adapter import TextStates
from pixelllm.model.pixelllm import ImageFeatures, Prompts
from pixelllm.tasks.base import (
    BoxPrompt,
    Detect,
    FoundMask,
    PointPrompt,
    Prompt,
    Read,
    Regions,
    Segment,
    Text,
    Write,
)
from pixelllm.tasks.facts import MAX_PREFIX_TOKENS, model_facts
from pixelllm.tasks.frame import Frame
from pixelllm.tasks.masks import empty_mask, encode_mask

EncodeMask = Callable[[NDArray[np.float32], Frame, int], Mask]  # of `encode_mask`


@dataclass(frozen=True)
class EncodedImage:
    """What is kept of an image: how it lies in the model's frame, and its features (one row)."""

    frame: Frame
    features: ImageFeatures

    @property
    def nbytes(self) -> int:
        """Bytes of memory that the features take."""
        return self.features.nbytes


class Runner:
    """A loaded model and the cache of the texts it is writing. For one thread.

    Args:
        checkpoint: the model and its tokenizer.
        slots: texts that can be written at a time.
        encode_mask: makes a mask of the decoder's logits, its frame and the frame's side.
    """

    def __init__(
        self, checkpoint: Checkpoint, slots: int, encode_mask: EncodeMask = encode_mask
    ) -> None:
        self._model = checkpoint.model
        self._encode_mask = encode_mask
        self.slots = slots
        config = self._config = checkpoint.config
        language = config.language
        self._begin_id, self._end_id = language.begin_id, language.end_id
        self._device = self._model.device
        self._cache = self._model.language.new_cache(
            slots, language.max_text_tokens, config.extractor.tokens + MAX_PREFIX_TOKENS
        )
        self._source_lengths = [0] * slots  # what the text in each slot attends to
        self.facts = model_facts(checkpoint)

    def encode(self, pictures: Sequence[Picture]) -> list[EncodedImage]:
        """Run the image encoders."""
        images = [picture.image for picture in pictures]
        pixels = torch.stack([image.pixels for image in images]).to(self._device)  # [B, S, S, 3]
        sizes = [(float(image.valid_height), float(image.valid_width)) for image in images]
        features = self._model.encode_images(pixels, torch.tensor(sizes, device=self._device))
        return [
            EncodedImage(picture.frame, features.select([row]))
            for row, picture in enumerate(pictures)
        ]

    def prefill(
        self, plans: Sequence[Write], images: Sequence[EncodedImage], slots: Sequence[Sequence[int]]
    ) -> list[Draft]:
        """Read prefixes and start texts in their slots.

        Args:
            slots: for each plan as many slots as it has beams.
        """
        encoded, _ = self._read_prefixes(plans, images)
        rows = [row for row, own in enumerate(slots) for _ in own]  # beams share their prefix
        flat_slots = [slot for own in slots for slot in own]
        self._clear(flat_slots)
        self._model.language.fill_cache(
            self._cache,
            self._integers(flat_slots),
            Encoded(encoded.states[rows], encoded.mask[rows]),
        )
        for slot, length in zip(flat_slots, encoded.mask.sum(1)[rows].tolist(), strict=True):
            self._source_lengths[slot] = length
        return [Draft(plan, self._begin_id, self._end_id) for plan in plans]

    def decode(
        self,
        drafts: Sequence[Draft],
        images: Sequence[EncodedImage],
        slots: Sequence[Sequence[int]],
    ) -> None:
        """Write one more token of every text, and place the token before it."""
        flat_slots = [slot for own in slots for slot in own]
        rows = self._integers(flat_slots)
        positions = [draft.position for draft in drafts for _ in range(draft.width)]
        sizes = [
            image.features.valid_size.expand(draft.width, -1)
            for draft, image in zip(drafts, images, strict=True)
        ]
        logits, hidden = self._model.decode_step(
            self._integers([token for draft in drafts for token in draft.tokens()]),
            self._integers(positions),
            rows,
            self._reach(max(positions) + 1, max(self._source_lengths[slot] for slot in flat_slots)),
        )
        corners = self._model.place(hidden[:, None], torch.cat(sizes))[:, 0].cpu().numpy()
        logits = logits.float().cpu()  # one transfer; the searches then choose on the CPU
        parents: list[int] = []
        for draft, own in zip(drafts, slots, strict=True):
            first = len(parents)
            last = first + draft.width
            moved = draft.advance(logits[first:last], corners[first:last])
            parents += own if moved is None else [own[row] for row in moved]
        if parents != flat_slots:
            self._cache.reorder(rows, self._integers(parents))

    def read(self, plans: Sequence[Read], images: Sequence[EncodedImage]) -> list[Text]:
        """Read prefixes, then lead the model through known texts: their probabilities and places.

        The end token is read too, so that every token of a text has a successor: the model masks
        the state of one that has none.
        """
        encoded, visual = self._read_prefixes(plans, images)
        rows = [[self._begin_id, *plan.text, self._end_id] for plan in plans]
        tokens = self._padded(rows)  # [P, T]
        logits, hidden = self._model.decode_text(encoded, tokens)
        chosen = logits[:, :-1].float().log_softmax(-1)  # [P, T - 1, V]
        log_probs = chosen.gather(2, tokens[:, 1:, None])[..., 0].cpu()  # [P, T - 1]
        sizes = torch.cat([image.features.valid_size for image in images])
        corners = self._model.place(hidden, sizes).cpu().numpy()  # [P, T, 2, 2]
        confidences = self._confidences(hidden, plans)
        return [
            Text(
                tokens=plan.text,
                log_probs=log_probs[row, : len(plan.text)].tolist(),
                corners=corners[row, 1 : len(plan.text) + 1].astype(np.float32),
                finished=True,
                confidences=confidences[row],
                states=TextStates(visual[row], hidden[row, : len(plan.text) + 1])
                if plan.keep_states
                else None,
            )
            for row, plan in enumerate(plans)
        ]

    def detect(self, plans: Sequence[Detect], images: Sequence[EncodedImage]) -> list[Regions]:
        """Find the regions of each image. Only for a model with a detector.

        The detector rejects what is no number. An image without numbers would so seem to show
        nothing; its only region has a score that is not finite.
        """
        features = ImageFeatures.stack([image.features for image in images])
        sound = features.fused.isfinite().flatten(1).all(1).tolist()
        overlap = torch.tensor([plan.overlap for plan in plans], device=self._device)
        found = self._model.detect(features, overlap)
        return [
            Regions([(x0, y0, x1, y1) for x0, y0, x1, y1 in boxes[:count]], scores[:count])
            if whole
            else Regions([(0.0, 0.0, 0.0, 0.0)], [math.nan])
            for boxes, scores, count, whole in zip(
                found.boxes.tolist(),
                found.scores.tolist(),
                found.counts.tolist(),
                sound,
                strict=True,
            )
        ]

    def segment(self, plans: Sequence[Segment], images: Sequence[EncodedImage]) -> list[FoundMask]:
        """Find the mask of each box. Only for a model with a mask decoder."""
        features = ImageFeatures.stack([image.features for image in images])
        boxes = torch.tensor([plan.box for plan in plans], device=self._device)
        corners = self._model.box_corners(boxes)  # [P, 2, C]
        rows = [row for row, plan in enumerate(plans) if plan.states is not None]
        if rows:
            texts = TextStates.pad([plan.states for plan in plans if plan.states is not None])
            corners[rows] = self._model.mask_adapter(corners[rows], *texts)
        logits, scores = self._model.decode_masks(features, corners)
        maps, numbers = logits.float().cpu().numpy(), scores.float().cpu().tolist()
        return [
            self._found_mask(one, score, image.frame)
            for one, score, image in zip(maps, numbers, images, strict=True)
        ]

    def warm_up(self) -> None:
        """Answer about a grey picture, so that the first caller does not wait for set-up."""
        side = self._config.image_size
        picture = fit_picture(np.full((side, side, 3), 128, np.uint8), self._config)
        images = self.encode([picture])
        whole = picture.frame.whole()
        prefix = self.facts.tokenizer.encode_prefix(self.facts.prefixes.caption)
        plan = Write(BoxPrompt(whole), prefix, max_tokens=2, beams=1)
        (draft,) = self.prefill([plan], images, [[0]])
        while not draft.done:
            self.decode([draft], images, [[0]])
        tokens = draft.text().tokens
        (text,) = self.read([Read(plan.prompt, prefix, tokens, self.facts.masks)], images)
        if self.facts.masks:
            self.segment([Segment(whole, text.states)], images)
        if self.facts.detector:
            self.detect([Detect(overlap=0.5)], images)

    def _found_mask(self, logits: NDArray[np.float32], score: float, frame: Frame) -> FoundMask:
        """The mask of float[4h, 4w] logits; one without numbers is not finite and has no pixel."""
        if not np.isfinite(logits).all() or not math.isfinite(score):
            return FoundMask(empty_mask(frame), math.nan)
        mask = self._encode_mask(logits, frame, self._config.image_size)
        return FoundMask(mask, min(max(score, 0.0), 1.0))

    def _read_prefixes(
        self, plans: Sequence[Write | Read], images: Sequence[EncodedImage]
    ) -> tuple[Encoded, Tensor]:
        """Visual tokens and prefixes, encoded together; and the visual tokens float[P, Q, C]."""
        features = ImageFeatures.stack([image.features for image in images])
        prompts = Prompts.stack([self._prompt(plan.prompt) for plan in plans])
        visual = self._model.visual_prefix(features, prompts)
        prefixes = self._padded([plan.prefix for plan in plans])
        return self._model.encode_prefix(visual, prefixes), visual

    def _clear(self, slots: list[int]) -> None:
        """Wipe slots, since masking is not enough: zero times the NaN of a failed text is NaN."""
        cache = self._cache
        for tensor in (cache.self_keys, cache.self_values, cache.cross_keys, cache.cross_values):
            tensor[:, slots] = 0

    def _confidences(self, hidden: Tensor, plans: Sequence[Read]) -> Sequence[list[float] | None]:
        """How sure the model is of the place of each token, from float[P, T, C] states."""
        if not self._model.config.point_head.confidence:
            return [None] * len(plans)
        values = self._model.confidence(hidden).tolist()
        return [row[1 : len(plan.text) + 1] for row, plan in zip(values, plans, strict=True)]

    def _reach(self, text: int, source: int) -> DecoderCache:
        """The cache, cut to the positions that this step can attend to; it shares the memory."""
        cache = self._cache
        return DecoderCache(
            self_keys=cache.self_keys[:, :, :, :text],
            self_values=cache.self_values[:, :, :, :text],
            cross_keys=cache.cross_keys[:, :, :, :source],
            cross_values=cache.cross_values[:, :, :, :source],
            source_mask=cache.source_mask[:, :source],
            text_mask=None if cache.text_mask is None else cache.text_mask[:, :text],
        )

    def _prompt(self, prompt: Prompt) -> Prompts:
        match prompt:
            case BoxPrompt(box):
                return Prompts.of_boxes(torch.tensor([box], device=self._device))
            case PointPrompt(point):
                return Prompts.of_points(torch.tensor([point], device=self._device))

    def _integers(self, values: Sequence[int]) -> Tensor:
        return torch.tensor(values, dtype=torch.int64, device=self._device)

    def _padded(self, rows: Sequence[Sequence[int]]) -> Tensor:
        """int[P, longest row], PAD behind each row."""
        tensors = [torch.tensor(row, dtype=torch.int64) for row in rows]
        return pad_sequence(tensors, batch_first=True, padding_value=PAD).to(self._device)
