"""The batched model against the same model run plainly: one text at a time, no cache."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from pixelllm.inference.draft import Draft
from pixelllm.inference.picture import Picture
from pixelllm.inference.runner import EncodedImage, Runner
from pixelllm.model.checkpoint import Checkpoint, load_checkpoint
from pixelllm.model.config import GitBertConfig
from pixelllm.model.decoding import BeamSearch, Greedy, Search
from pixelllm.model.language import Encoded
from pixelllm.model.pixelllm import ImageFeatures, PixelLLM, Prompts
from pixelllm.model.tokenizer import Tokenizer
from pixelllm.tasks.base import BoxPrompt, PointPrompt, Prompt, Read, Text, Write
from tests.python.checkpoints import SEED, SIDE
from tests.python.inference.pictures import picture_of
from tests.python.tasks.language import TOKENIZER

LOG_PROBS = 5e-5  # half of the last digit of a score
TOLERANCE = 1e-5  # of the frame; float32 sums of padded and unpadded rows differ in their last bits
BOX = BoxPrompt((10.0, 12.0, 70.0, 50.0))
POINT = PointPrompt((40.0, 30.0))


@pytest.fixture
def runner(checkpoint: Checkpoint) -> Runner:
    return Runner(checkpoint, slots=8)


def write_all(runner: Runner, plans: Sequence[Write], images: Sequence[EncodedImage]) -> list[Text]:
    """Write texts together; those that end leave the batch, as in the engine."""
    free = iter(range(runner.slots))
    slots = [[next(free) for _ in range(plan.beams)] for plan in plans]
    drafts = runner.prefill(plans, images, slots)
    while not all(draft.done for draft in drafts):
        rows = [i for i, draft in enumerate(drafts) if not draft.done]
        runner.decode(
            [drafts[i] for i in rows], [images[i] for i in rows], [slots[i] for i in rows]
        )
    return [draft.text() for draft in drafts]


class Plain:
    """The model without cache, batch or padding."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.model = checkpoint.model
        self.tokenizer = checkpoint.tokenizer

    def features(self, picture: Picture) -> ImageFeatures:
        image = picture.image
        size = torch.tensor([[image.valid_height, image.valid_width]], dtype=torch.float32)
        return self.model.encode_images(image.pixels[None], size)

    def prefix(self, features: ImageFeatures, prompt: Prompt, prefix: Sequence[int]) -> Encoded:
        prompts = (
            Prompts.of_boxes(torch.tensor([prompt.box]))
            if isinstance(prompt, BoxPrompt)
            else Prompts.of_points(torch.tensor([prompt.point]))
        )
        visual = self.model.visual_prefix(features, prompts)
        return self.model.encode_prefix(visual, torch.tensor([prefix]))

    def write(self, search: Search, encoded: Encoded) -> list[int]:
        histories = [[token] for token in search.tokens()]
        while not search.done:
            # A successor keeps the model from masking the state of the last token.
            rows = [torch.tensor([[*history, 1]]) for history in histories]
            logits = torch.cat([self.model.decode_text(encoded, row)[0][:, -2] for row in rows])
            parents = search.advance(logits) or range(search.width)
            histories = [
                [*histories[parent], token]
                for parent, token in zip(parents, search.tokens(), strict=True)
            ]
        return search.result().tokens

    def places(
        self, features: ImageFeatures, encoded: Encoded, tokens: Sequence[int]
    ) -> tuple[NDArray[np.float32], list[float], list[float]]:
        text = torch.tensor([[0, *tokens, 1]])
        logits, hidden = self.model.decode_text(encoded, text)
        corners = self.model.place(hidden, features.valid_size)[0, 1:-1]
        log_probs = logits[0].log_softmax(-1)
        return (
            corners.numpy(),
            [float(log_probs[i, token]) for i, token in enumerate(tokens)],
            self.model.confidence(hidden)[0, 1:-1].tolist(),
        )


PLANS: list[tuple[int, Prompt, str, int, int]] = [
    (0, BOX, "a long image caption:", 62, 1),
    (1, BOX, "a", 62, 1),
    (2, POINT, "an object of the building on the lake", 20, 1),
    (0, POINT, "an object of", 1, 1),
]


def test_texts_written_together_are_those_written_plainly(
    runner: Runner, checkpoint: Checkpoint
) -> None:
    plain = Plain(checkpoint)
    pictures = [picture_of(number, checkpoint) for number, *_ in PLANS]
    prefixes = [checkpoint.tokenizer.encode_prefix(prefix) for _, _, prefix, _, _ in PLANS]
    plans = [
        Write(prompt, prefix, limit, beams)
        for (_, prompt, _, limit, beams), prefix in zip(PLANS, prefixes, strict=True)
    ]

    texts = write_all(runner, plans, runner.encode(pictures))

    lengths = set()
    for plan, image, text in zip(plans, pictures, texts, strict=True):
        features = plain.features(image)
        encoded = plain.prefix(features, plan.prompt, plan.prefix)
        tokens = plain.write(Greedy(0, 1, plan.max_tokens + 2), encoded)
        corners, *_ = plain.places(features, encoded, tokens)
        assert text.tokens == tokens
        assert text.finished
        np.testing.assert_allclose(text.corners / SIDE, corners / SIDE, atol=TOLERANCE)
        lengths.add(len(tokens))
    assert len(lengths) > 2, "texts of different lengths are what this test is about"


def test_beams_written_beside_a_greedy_text_are_those_written_plainly(
    runner: Runner, checkpoint: Checkpoint
) -> None:
    plain = Plain(checkpoint)
    pictures = [picture_of(number, checkpoint) for number in (4, 0, 1)]
    prefix = checkpoint.tokenizer.encode_prefix("a long image caption:")
    plans = [Write(BOX, prefix, 12, 3), Write(BOX, prefix, 15, 1), Write(POINT, prefix, 9, 4)]

    texts = write_all(runner, plans, runner.encode(pictures))

    for plan, image, text in zip(plans, pictures, texts, strict=True):
        encoded = plain.prefix(plain.features(image), plan.prompt, plan.prefix)
        length = plan.max_tokens + 2
        search = (
            Greedy(0, 1, length) if plan.beams == 1 else BeamSearch(0, 1, length, beams=plan.beams)
        )
        assert text.tokens == plain.write(search, encoded)


def test_texts_read_together_are_those_read_plainly(runner: Runner, checkpoint: Checkpoint) -> None:
    plain = Plain(checkpoint)
    tokenizer = checkpoint.tokenizer
    phrases = ["the lake", "a blue building on the left of the clock", "a"]
    pictures = [picture_of(number, checkpoint) for number in (0, 1, 2)]
    prompts: list[Prompt] = [BOX, POINT, BOX]
    reads = [
        Read(prompt, tokenizer.encode_prefix(f"where is {phrase}"), tokenizer.encode(phrase))
        for prompt, phrase in zip(prompts, phrases, strict=True)
    ]

    texts = runner.read(reads, runner.encode(pictures))

    for plan, image, text in zip(reads, pictures, texts, strict=True):
        features = plain.features(image)
        encoded = plain.prefix(features, plan.prompt, plan.prefix)
        corners, log_probs, confidences = plain.places(features, encoded, plan.text)
        assert text.tokens == plan.text
        np.testing.assert_allclose(text.corners / SIDE, corners / SIDE, atol=TOLERANCE)
        np.testing.assert_allclose(text.log_probs, log_probs, atol=LOG_PROBS)
        np.testing.assert_allclose(text.confidences or [], confidences, atol=1e-5)


def test_either_language_model_writes_what_it_reads(checkpoint: Checkpoint) -> None:
    language = GitBertConfig(
        vocab_size=256, dim=64, heads=4, layers=3, mlp_dim=96, begin_id=2, end_id=1
    )
    torch.manual_seed(SEED)
    model = PixelLLM(replace(checkpoint.config, language=language)).eval()
    for name, parameter in model.named_parameters():
        if name.startswith("language.") and parameter.ndim > 1:
            parameter.mul_(5)  # weights as small as they start make texts that are all alike
    bert = Checkpoint(model, Tokenizer.load(TOKENIZER), "bert", "")
    runner = Runner(bert, slots=8)
    images = runner.encode([picture_of(number, bert) for number, *_ in PLANS])
    prefixes = [bert.tokenizer.encode_prefix(prefix) for _, _, prefix, _, _ in PLANS]
    plans = [
        Write(prompt, prefix, 12, beams)
        for (_, prompt, *_), prefix, beams in zip(PLANS, prefixes, (1, 3, 1, 1), strict=True)
    ]

    written = write_all(runner, plans, images)
    read = runner.read(
        [
            Read(plan.prompt, plan.prefix, text.tokens)
            for plan, text in zip(plans, written, strict=True)
        ],
        images,
    )

    assert len({tuple(text.tokens) for text in written}) > 2, "different texts share the steps"
    for plan, one, other in zip(plans, written, read, strict=True):
        if plan.beams == 1:
            np.testing.assert_allclose(one.corners / SIDE, other.corners / SIDE, atol=TOLERANCE)
        else:
            np.testing.assert_allclose(one.log_probs, other.log_probs, atol=1e-4)


def test_slot_that_was_used_before_leaves_no_trace(runner: Runner, checkpoint: Checkpoint) -> None:
    images = runner.encode([picture_of(0, checkpoint), picture_of(1, checkpoint)])
    long = Write(BOX, checkpoint.tokenizer.encode_prefix("the lake " * 20), 62, 1)
    short = Write(BOX, checkpoint.tokenizer.encode_prefix("a"), 62, 1)
    (fresh,) = write_all(runner, [short], images[1:])

    write_all(runner, [long], images[:1])
    (again,) = write_all(runner, [short], images[1:])

    assert again.tokens == fresh.tokens
    np.testing.assert_array_equal(again.corners, fresh.corners)


def test_slot_in_which_a_text_went_wrong_is_as_good_as_new(
    runner: Runner, checkpoint: Checkpoint
) -> None:
    images = runner.encode([picture_of(1, checkpoint)])
    plan = Write(BOX, checkpoint.tokenizer.encode_prefix("a"), 62, 1)
    (fresh,) = write_all(runner, [plan], images)

    for tensor in (runner._cache.self_values, runner._cache.cross_keys):
        tensor[:] = torch.nan
    (again,) = write_all(runner, [plan], images)

    assert again.tokens == fresh.tokens
    np.testing.assert_array_equal(again.corners, fresh.corners)


def test_model_in_half_the_bits_writes_and_reads(checkpoint_folder: Path) -> None:
    half = load_checkpoint(str(checkpoint_folder), dtype=torch.bfloat16)
    runner = Runner(half, slots=2)
    images = runner.encode([picture_of(0, half)])
    prefix = half.tokenizer.encode_prefix("a")

    (written,) = write_all(runner, [Write(POINT, prefix, 9, 1)], images)
    (read,) = runner.read([Read(POINT, prefix, written.tokens)], images)

    assert written.corners.shape == read.corners.shape == (len(written.tokens), 2, 2)
    # bfloat16 has 8 bits of precision: half a percent of the frame's pixels, a few times over.
    np.testing.assert_allclose(written.corners / SIDE, read.corners / SIDE, atol=0.02)


@pytest.mark.parametrize("limit", [1, 2, 5])
def test_text_that_is_cut_has_a_place_for_every_token(
    limit: int, runner: Runner, checkpoint: Checkpoint
) -> None:
    images = runner.encode([picture_of(0, checkpoint)])
    plan = Write(BOX, checkpoint.tokenizer.encode_prefix("the lake"), limit, 1)

    (text,) = write_all(runner, [plan], images)

    assert len(text.tokens) == len(text.corners) == len(text.log_probs) == limit


def test_draft_places_each_token_one_step_after_it_is_chosen(
    runner: Runner, checkpoint: Checkpoint
) -> None:
    images = runner.encode([picture_of(0, checkpoint)])
    plan = Write(BOX, checkpoint.tokenizer.encode_prefix("the lake"), 6, 1)
    (draft,) = runner.prefill([plan], images, [[3]])
    lengths = []

    while not draft.done:
        runner.decode([draft], images, [[3]])
        text = draft.text()
        lengths.append((len(text.tokens), len(text.corners)))

    assert lengths[:4] == [(1, 0), (2, 1), (3, 2), (4, 3)]
    assert lengths[-1] == (6, 6)


def test_warm_up_leaves_the_runner_as_it_was(runner: Runner, checkpoint: Checkpoint) -> None:
    images = runner.encode([picture_of(0, checkpoint)])
    plan = Write(BOX, checkpoint.tokenizer.encode_prefix("a"), 20, 1)
    before = write_all(runner, [plan], images)

    runner.warm_up()
    after = write_all(runner, [plan], images)

    assert before[0].tokens == after[0].tokens


def test_draft_of_beams_has_no_places() -> None:
    assert Draft(Write(BOX, [1], 5, 3), 0, 1).places is False
    assert Draft(Write(BOX, [1], 5, 1), 0, 1).places is True
