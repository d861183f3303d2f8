"""The table of recipes: the authors' numbers, for both language models."""

from __future__ import annotations

import pytest

from pixelllm.training.recipes import RECIPES, RecipeError, recipe

# name, batch, steps, warm-up, rate, decay, layer decay, text tokens, context tokens, texts
TABLE = [
    ("trace", 256, 10_000, 250, 5e-5, 0.0, 1.0, 128, 8, 1),
    ("ref", 64, 120_000, 1000, 5e-5, 0.0, 1.0, 40, 40, 16),
    ("refseg", 64, 60_000, 500, 5e-5, 0.0, 1.0, 40, 40, 16),
    ("densecap", 64, 40_000, 1000, 1e-4, 0.05, 0.8, 40, 8, 100),
    ("joint", 128, 240_000, 2000, 1e-4, 0.05, 0.8, 128, 32, 16),
    ("joint_refseg", 128, 30_000, 250, 1e-4, 0.0, 1.0, 128, 32, 16),
]


@pytest.mark.parametrize("row", TABLE, ids=[str(row[0]) for row in TABLE])
def test_a_recipe_has_the_authors_numbers(
    row: tuple[str, int, int, int, float, float, float, int, int, int],
) -> None:
    found = recipe(row[0], "t5")

    fast, texts = found.optimiser, found.texts
    assert row[1:] == (
        *(found.batch_size, found.steps, fast.warm_up, fast.learning_rate, fast.weight_decay),
        *(fast.layer_decay, texts.text_tokens, texts.context_tokens, texts.per_image),
    )
    assert fast.mask_adapter_factor == (10.0 if row[0] == "refseg" else 1.0)


def test_pretraining_on_captions_is_trace_without_places() -> None:
    assert recipe("caption_pretrain", "t5").objective.point == 0
    assert recipe("caption_pretrain", "t5").kinds == ("captions",)
    assert recipe("trace", "t5").objective.point == 0.1


@pytest.mark.parametrize("name", RECIPES)
def test_git_bert_learns_in_full_where_a_t5_learns_its_lora(name: str) -> None:
    t5, bert = recipe(name, "t5"), recipe(name, "git_bert")

    assert (t5.language, bert.language) in {("lora", "full"), ("frozen", "frozen")}
    assert t5.steps == bert.steps


def test_more_regions_are_captioned_with_git_bert() -> None:
    assert recipe("densecap", "t5").objective.regions == 32
    assert recipe("densecap", "git_bert").objective.regions == 64
    assert recipe("joint", "git_bert").objective.regions == 16


def test_an_unknown_recipe_is_answered_with_those_there_are() -> None:
    with pytest.raises(RecipeError, match="caption_pretrain, trace, ref, refseg, densecap"):
        recipe("everything", "t5")
