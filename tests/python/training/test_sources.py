"""What recipes take from datasets: kinds by what there is, in the recipe's lengths."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from pixelllm.data.sample import (
    Caption,
    Exchange,
    Phrase,
    Region,
    Sample,
    WordPlace,
)
from pixelllm.model.config import tiny
from pixelllm.training.overrides import override
from pixelllm.training.recipes import Recipe, RecipeError, recipe
from pixelllm.training.sources import DataSpec, kinds_of, sources_of, target_options

IMAGE = np.zeros((20, 30, 3), np.uint8)
BOX = (1.0, 2.0, 9.0, 8.0)
SAMPLES = {
    "captions": Sample(IMAGE, captions=(Caption("a cat"),)),
    "trace": Sample(IMAGE, captions=(Caption("cat", (WordPlace(0, 3, BOX),)),)),
    "phrases": Sample(IMAGE, phrases=(Phrase("cat", BOX),)),
    "masks": Sample(IMAGE, phrases=(Phrase("cat", BOX, np.ones((20, 30), np.bool_)),)),
    "regions": Sample(IMAGE, regions=(Region(BOX, "a cat"),)),
    "exchanges": Sample(IMAGE, exchanges=(Exchange("what?", "a cat"),)),
}


@dataclass(frozen=True)
class Few:
    """A dataset of these samples."""

    samples: tuple[Sample, ...]
    name: str = "few"

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Sample:
        return self.samples[index]


def few(*kinds: str) -> Few:
    return Few(tuple(SAMPLES[kind] for kind in kinds))


def names(chosen: Recipe, *datasets: Few, spec: str = "few") -> list[str]:
    parsed = DataSpec.parse(spec)
    found = sources_of([(parsed, dataset) for dataset in datasets], chosen, tiny())
    return [source.name for source in found]


def test_kinds_are_told_by_what_a_sample_has() -> None:
    for kind, sample in SAMPLES.items():
        assert kinds_of(sample) == ({"phrases", "masks"} if kind == "masks" else {kind})
    assert kinds_of(Sample(IMAGE)) == set()


def test_each_kind_that_a_recipe_learns_is_a_source() -> None:
    everything = few("captions", "trace", "masks", "regions", "exchanges")

    assert names(recipe("joint", "t5"), everything) == [
        *("few/trace", "few/captions", "few/phrases", "few/regions", "few/exchanges"),
    ]
    assert names(recipe("refseg", "t5"), everything) == ["few/masks"]


def test_pretraining_on_captions_takes_those_with_places_too() -> None:
    assert names(recipe("caption_pretrain", "t5"), few("trace")) == ["few/captions"]


def test_datasets_of_one_name_are_told_apart() -> None:
    assert names(recipe("ref", "t5"), few("phrases"), few("phrases")) == [
        *("few/phrases", "few/phrases-2"),
    ]


def test_a_spec_says_a_weight_and_what_to_take() -> None:
    spec = DataSpec.parse("own:/data/mine,weight=2.5,missing=skip,texts=phrases+regions")

    assert spec == DataSpec("own:/data/mine,missing=skip", 2.5, ("phrases", "regions"))
    both = few("phrases", "regions", "captions")
    chosen = names(recipe("joint", "t5"), both, spec="few,texts=phrases+regions")
    assert chosen == ["few/phrases", "few/regions"]


@pytest.mark.parametrize(
    ("kind", "message"),
    [("phrases", "densecap learns regions; few has phrases"), ("none", "few has no texts")],
)
def test_a_dataset_without_what_is_learned_is_refused(kind: str, message: str) -> None:
    dataset = few(kind) if kind in SAMPLES else Few((Sample(IMAGE),))

    with pytest.raises(RecipeError, match=message):
        names(recipe("densecap", "t5"), dataset)


def test_targets_have_the_recipes_lengths_and_the_kinds_frame() -> None:
    joint = recipe("joint", "t5")

    options = target_options("regions", joint, tiny())

    assert (options.count, options.context_tokens) == (16, 32)
    assert options.text_tokens == tiny().language.max_text_tokens  # no longer than it writes
    assert options.frame.scale == (0.1, 2.0)
    assert options.frame.flip == 0.5


def test_what_frames_an_image_can_be_set() -> None:
    chosen = override(
        recipe("joint", "t5"),
        ["texts.least_scale=1", "texts.flip=0", "texts.prefixes=model", "texts.spoken=by_words"],
    )

    options = target_options("regions", chosen, tiny())

    assert options.frame.scale == (1.0, 2.0)
    assert options.frame.flip == 0.0
    assert options.prefixes == ()
    assert options.spoken == "by_words"


def test_validation_is_without_chance_and_in_order() -> None:
    (source,) = sources_of(
        [(DataSpec("few"), few("regions"))], recipe("densecap", "t5"), tiny(), validation=True
    )

    assert not source.shuffle
    assert source.targets.frame.flip == 0.0
    assert source.targets.frame.scale == (1.0, 1.0)
