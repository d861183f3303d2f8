"""GIT-BERT against the authors' code, at once and step by step, and its preset."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from pixelllm.model.config import (
    GitBertConfig,
    MaskDecoderConfig,
    PixelLLMConfig,
    pixelllm_bert,
    pixelllm_t5_xl,
)
from pixelllm.model.frozen import is_frozen
from pixelllm.model.git_bert import GitBert
from pixelllm.model.language import Encoded
from pixelllm.model.pixelllm import PixelLLM, Prompts
from tests.python.goldens import MODULE, Golden, assert_close, load
from tests.python.model.small import WHOLE

VISUAL_DIM = 40
LANGUAGE = GitBertConfig(
    vocab_size=64,
    dim=32,
    heads=4,
    layers=2,
    mlp_dim=128,
    max_positions=16,
    dropout=0.0,
    begin_id=2,
    end_id=3,
    max_text_tokens=10,
)


def git_bert(golden: Golden, config: GitBertConfig = LANGUAGE) -> GitBert:
    model = GitBert(config, VISUAL_DIM)
    load(model, golden.params("textual/", "language."))
    return model


def source(model: GitBert, golden: Golden) -> Encoded:
    return model.encode(golden["in/visual_features"], golden["in/context_tokens"])


def texts() -> Tensor:
    tokens = torch.randint(4, 60, (3, 10), generator=torch.Generator().manual_seed(0))
    tokens[:, 0] = LANGUAGE.begin_id
    return tokens


def test_golden_git_bert_head() -> None:
    golden = Golden("git_bert_head")
    model = git_bert(golden)
    assert not (golden["in/context_tokens"] > 0).all(), "the prefixes are of different lengths"

    logits, hidden = model.decode(source(model, golden), golden["in/text_tokens"])

    golden.check("out/logits", logits)
    golden.check("out/feat", hidden)


def test_golden_git_bert_head_without_context() -> None:
    golden = Golden("git_bert_head")
    model = git_bert(golden)

    encoded = model.encode(golden["in/visual_features"], None)
    logits, hidden = model.decode(encoded, golden["in/text_tokens"])

    golden.check("out/logits_noctx", logits)
    golden.check("out/feat_noctx", hidden)


def test_golden_git_bert_head_step_by_step() -> None:
    golden = Golden("git_bert_head")
    model = git_bert(golden)
    tokens = golden["in/text_tokens"]
    encoded = source(model, golden)
    # Slots in another order than the texts, in a cache longer than either.
    slots = torch.tensor([3, 0, 4])
    cache = model.new_cache(slots=5, max_text=14, max_source=encoded.states.shape[1] + 3)
    model.fill_cache(cache, slots, encoded)

    for position in range(tokens.shape[1]):
        positions = torch.full((3,), position)
        logits, hidden = model.step(tokens[:, position], positions, slots, cache)

        golden.check("out/logits", logits, part=np.s_[:, position])
        golden.check("out/feat", hidden, part=np.s_[:, position])


def test_texts_of_different_age_share_a_step() -> None:
    golden = Golden("git_bert_head")
    model = git_bert(golden)
    encoded, tokens = source(model, golden), texts()
    logits, _ = model.decode(encoded, tokens)
    cache = model.new_cache(3, 10, encoded.states.shape[1])
    model.fill_cache(cache, torch.arange(3), encoded)
    ages = torch.tensor([4, 0, 2])
    for slot, age in enumerate(ages.tolist()):
        for position in range(age):
            here, row = torch.tensor([position]), torch.tensor([slot])
            model.step(tokens[row, position], here, row, cache)

    together, _ = model.step(tokens[range(3), ages], ages, torch.arange(3), cache)

    assert_close(together, logits[range(3), ages], MODULE)


def test_beam_goes_on_from_its_parent() -> None:
    golden = Golden("git_bert_head")
    model = git_bert(golden)
    encoded = source(model, golden)
    same = Encoded(encoded.states[[0, 0]], encoded.mask[[0, 0]])
    tokens = texts()[:2]
    slots = torch.arange(2)
    cache = model.new_cache(2, 10, encoded.states.shape[1])
    model.fill_cache(cache, slots, same)
    for position in range(3):
        model.step(tokens[:, position], torch.full((2,), position), slots, cache)

    cache.reorder(slots, torch.tensor([1, 1]))
    logits, _ = model.step(tokens[:, 3], torch.full((2,), 3), slots, cache)

    grafted = torch.cat([tokens[[1, 1], :3], tokens[:, 3:4]], 1)
    assert_close(logits, model.decode(same, grafted)[0][:, 3], MODULE)


def test_padding_of_the_prefix_changes_nothing() -> None:
    golden = Golden("git_bert_head")
    model = git_bert(golden)
    visual, prefix = golden["in/visual_features"][:1], torch.tensor([[5, 9]])

    short = model.encode(visual, prefix)
    padded = model.encode(visual, F.pad(prefix, (0, 3)))

    tokens = texts()[:1]
    assert_close(model.decode(padded, tokens)[0], model.decode(short, tokens)[0], MODULE)


def test_dropout_is_active_in_training_only() -> None:
    golden = Golden("git_bert_head")
    model = git_bert(golden, replace(LANGUAGE, dropout=0.5))
    tokens = golden["in/text_tokens"]

    quiet, _ = model.decode(source(model, golden), tokens)
    model.train()
    noisy, _ = model.decode(source(model, golden), tokens)

    golden.check("out/logits", quiet)
    assert not torch.allclose(quiet, noisy)


def test_preset_has_the_size_of_the_authors_parts() -> None:
    with torch.device("meta"):
        model = PixelLLM(pixelllm_bert())

    sizes = {name: tensor.numel() for name, tensor in model.state_dict().items()}

    def size(part: str) -> int:
        return sum(size for name, size in sizes.items() if name.startswith(part))

    assert round(size("eva.") / 1e6, 2) == 303.27
    assert round(size("sam.") / 1e6, 2) == 637.03
    assert round(size("extractor.") / 1e6, 2) == 44.03
    # Words, positions, their norm; the projection; 6 layers of BERT-base; the output layer.
    words, positions, projection = 30522 * 768, 1024 * 768, 1024 * 768 + 3 * 768
    layers, output = 6 * 7_087_872, 768 * 30522 + 30522
    assert size("language.") == words + positions + 2 * 768 + projection + layers + output
    assert size("visual_projection.") == 0


def test_preset_differs_from_the_larger_one_in_the_language_model_only() -> None:
    with torch.device("meta"):
        small, large = PixelLLM(pixelllm_bert()), PixelLLM(pixelllm_t5_xl())
    ours = {name: tensor.shape for name, tensor in small.state_dict().items()}
    theirs = {name: tensor.shape for name, tensor in large.state_dict().items()}

    differing = {name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name)}

    parts = {name.split(".")[0] for name in differing}
    assert parts == {"language", "visual_projection", "point_head"}
    assert {name for name in differing if name.startswith("point_head")} == {
        "point_head.norm.weight",
        "point_head.norm.bias",
        "point_head.layers.0.weight",
    }


def test_all_of_the_language_model_learns() -> None:
    with torch.device("meta"):
        model = PixelLLM(pixelllm_bert())

    frozen = {name.split(".")[0] for name in model.state_dict() if is_frozen(name)}

    assert frozen == {"sam", "prompt_encoder"}


def test_configuration_says_which_language_model_it_is_of() -> None:
    values = pixelllm_bert().to_dict()
    assert values["language"]["kind"] == "git_bert"

    assert PixelLLMConfig.from_dict(values) == pixelllm_bert()


def test_mask_adapter_reads_visual_tokens_as_the_extractor_makes_them() -> None:
    masks_config = MaskDecoderConfig(mlp_dim=64, hidden_dim=32)
    model = PixelLLM(replace(WHOLE, language=LANGUAGE, masks=masks_config)).eval()
    images = torch.rand(1, 112, 112, 3, generator=torch.Generator().manual_seed(0)) * 255
    size = torch.tensor([[112.0, 84.0]])
    with torch.inference_mode():
        features = model.encode_images(images, size)
        visual = model.visual_prefix(features, Prompts.of_whole_images(size))
        encoded = model.encode_prefix(visual, None)
        _, hidden = model.decode_text(encoded, texts()[:1])
        masks, _ = model.segment(features, torch.tensor([[5.0, 6, 70, 80]]), visual, hidden)

    assert visual.shape == (1, 6, WHOLE.extractor.output_dim)
    assert masks.shape == (1, 28, 28)
