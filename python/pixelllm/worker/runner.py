"""The model in batches: everything that touches the device, and nothing that waits.

Rows of a batch belong to different calls and are padded to the longest; padding is masked, so a
row's result does not depend on its neighbours beyond the rounding of floats.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from pixelllm.model.checkpoint import Checkpoint
from pixelllm.model.language import PAD, DecoderCache, Encoded
from pixelllm.model.pixelllm import ImageFeatures, Prompts
from pixelllm.model.preprocess import preprocess_image
from pixelllm.tasks.base import BoxPrompt, ModelFacts, Plan, PointPrompt, Prompt, Read, Text, Write
from pixelllm.tasks.frame import Frame
from pixelllm.worker.draft import Draft
from pixelllm.worker.pictures import Picture

MAX_PREFIX_TOKENS = 256  # the longest prefix of the contract, should every character be a token


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
    """

    def __init__(self, checkpoint: Checkpoint, slots: int) -> None:
        self._model = checkpoint.model
        self.slots = slots
        config = checkpoint.config
        language = config.language
        self._begin_id, self._end_id = language.begin_id, language.end_id
        self._device = self._model.device
        self._cache = self._model.language.new_cache(
            slots, language.max_text_tokens, config.extractor.tokens + MAX_PREFIX_TOKENS
        )
        self._source_lengths = [0] * slots  # what the text in each slot attends to
        self.facts = ModelFacts(
            tokenizer=checkpoint.tokenizer,
            prefixes=config.prefixes,
            max_tokens=language.max_text_tokens - 2,
            max_prefix_tokens=MAX_PREFIX_TOKENS,
        )

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
        encoded = self._read_prefixes(plans, images)
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
        encoded = self._read_prefixes(plans, images)
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
            )
            for row, plan in enumerate(plans)
        ]

    def warm_up(self) -> None:
        """Caption a grey picture, so that the first caller does not wait for one-time set-up."""
        config = self._model.config
        side = config.image_size
        image = preprocess_image(np.full((side, side, 3), 128, np.uint8), config)
        frame = Frame(side, side, image.scale_x, image.scale_y)
        images = self.encode([Picture(frame, image)])
        prefix = self.facts.tokenizer.encode_prefix(self.facts.prefixes.caption)
        plan = Write(BoxPrompt(frame.whole()), prefix, max_tokens=2, beams=1)
        (draft,) = self.prefill([plan], images, [[0]])
        while not draft.done:
            self.decode([draft], images, [[0]])
        self.read([Read(plan.prompt, prefix, draft.text().tokens)], images)

    def _read_prefixes(self, plans: Sequence[Plan], images: Sequence[EncodedImage]) -> Encoded:
        """The visual tokens of each prompt and the tokens of its prefix, encoded together."""
        features = ImageFeatures.stack([image.features for image in images])
        prompts = Prompts.stack([self._prompt(plan.prompt) for plan in plans])
        visual = self._model.visual_prefix(features, prompts)  # [P, Q, C]
        return self._model.encode_prefix(visual, self._padded([plan.prefix for plan in plans]))

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
