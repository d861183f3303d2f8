"""What a recipe learns from datasets: from specs to the sources of a loader.

A spec is that of `open_dataset`, with two more keys: `weight=2`, the share of the steps, and
`texts=phrases`, where not every kind of text of a dataset is to be learned. Kinds are told by what
the first samples have; each that the recipe learns becomes a source.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, get_args

from pixelllm.data.datasets import open_dataset
from pixelllm.data.sample import Dataset, Sample, SpokenCaption
from pixelllm.model.config import PixelLLMConfig
from pixelllm.model.tokenizer import Tokenizer
from pixelllm.training.batch import Batch
from pixelllm.training.loader import BatchLoader, Source
from pixelllm.training.recipes import Kind, Recipe, RecipeError
from pixelllm.training.targets import (
    TargetOptions,
    caption_targets,
    evaluated,
    exchange_targets,
    mask_targets,
    phrase_targets,
    region_targets,
    trace_targets,
)
from pixelllm.training.team import Team

LOOKED_AT: Final = 8  # samples that tell what a dataset has
TARGETS: Final[dict[Kind, Callable[..., TargetOptions]]] = {
    "trace": trace_targets,
    "captions": caption_targets,
    "phrases": phrase_targets,
    "masks": mask_targets,
    "regions": region_targets,
    "exchanges": exchange_targets,
}


@dataclass(frozen=True)
class DataSpec:
    """A spec taken apart: that of the dataset, its weight, and the kinds of texts, () for all."""

    dataset: str
    weight: float = 1.0
    kinds: tuple[Kind, ...] = ()

    @classmethod
    def parse(cls, text: str) -> DataSpec:
        """From the command line.

        Raises:
            RecipeError: a weight or a kind is none.
        """
        dataset, weight, kinds = [], 1.0, list[Kind]()
        for part in text.split(","):
            key, _, value = part.partition("=")
            if key == "weight":
                weight = _weight(value)
            elif key == "texts":
                kinds += [_kind(name) for name in value.split("+")]
            else:
                dataset.append(part)
        return cls(",".join(dataset), weight, tuple(kinds))


def _weight(text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        weight = 0.0
    if not weight > 0:
        raise RecipeError(f"weight={text} is no number above 0")
    return weight


def _kind(text: str) -> Kind:
    for kind in get_args(Kind):
        if text == kind:
            found: Kind = kind
            return found
    raise RecipeError(f"texts={text}: there are {', '.join(get_args(Kind))}, joined by +")


def open_sources(
    specs: Sequence[str], recipe: Recipe, config: PixelLLMConfig, *, validation: bool = False
) -> list[Source]:
    """The sources of a recipe.

    Args:
        validation: whether to leave out all chance.

    Raises:
        RecipeError: a dataset is empty, or has nothing that the recipe learns.
        DatasetError: a dataset cannot be read.
    """
    opened = []
    for text in specs:
        spec = DataSpec.parse(text)
        dataset = open_dataset(spec.dataset, masks="masks" in recipe.kinds)
        if not len(dataset):
            raise RecipeError(f"{spec.dataset} is empty")
        opened.append((spec, dataset))
    return sources_of(opened, recipe, config, validation=validation)


def sources_of(
    datasets: Sequence[tuple[DataSpec, Dataset]],
    recipe: Recipe,
    config: PixelLLMConfig,
    *,
    validation: bool = False,
) -> list[Source]:
    """As `open_sources`, of datasets that are open."""
    found: list[Source] = []
    used: Counter[str] = Counter()
    for spec, dataset in datasets:
        for kind in learned_kinds(spec, dataset, recipe):
            options = target_options(kind, recipe, config)
            name = f"{dataset.name}/{kind}"
            used[name] += 1
            found.append(
                Source(
                    name=name if used[name] == 1 else f"{name}-{used[name]}",
                    dataset=dataset,
                    targets=evaluated(options) if validation else options,
                    weight=spec.weight,
                    shuffle=not validation,
                )
            )
    return found


def learned_kinds(spec: DataSpec, dataset: Dataset, recipe: Recipe) -> list[Kind]:
    """The kinds of a dataset's texts that a recipe learns.

    Raises:
        RecipeError: there are none.
    """
    has: set[Kind] = set()
    for index in range(min(LOOKED_AT, len(dataset))):
        has |= kinds_of(dataset[index])
    if "trace" in has and "trace" not in recipe.kinds:
        has.add("captions")  # without their places
    learned = [kind for kind in recipe.kinds if kind in has]
    chosen = [kind for kind in learned if not spec.kinds or kind in spec.kinds]
    if not chosen:
        raise RecipeError(
            f"{recipe.name} learns {', '.join(recipe.kinds)}; {spec.dataset} has "
            f"{', '.join(sorted(has)) or 'no texts'}"
            + (f", of which texts= takes {', '.join(spec.kinds)}" if spec.kinds else "")
        )
    return chosen


def kinds_of(sample: Sample) -> set[Kind]:
    """The kinds of a sample's texts."""
    found: set[Kind] = set()
    for caption in sample.captions:
        placed = caption.words or isinstance(caption, SpokenCaption)
        found.add("trace" if placed else "captions")
    if sample.phrases:
        found.add("phrases")
    if any(phrase.mask is not None for phrase in sample.phrases):
        found.add("masks")
    if sample.regions:
        found.add("regions")
    if sample.exchanges:
        found.add("exchanges")
    return found


def target_options(kind: Kind, recipe: Recipe, config: PixelLLMConfig) -> TargetOptions:
    """What is made of a kind of texts, in the lengths and numbers of the recipe."""
    texts = recipe.texts
    options = TARGETS[kind](
        count=texts.per_image,
        text_tokens=min(texts.text_tokens, config.language.max_text_tokens),
        context_tokens=texts.context_tokens,
        spoken=texts.spoken,
        prompt_drop=texts.prompt_drop,
        release_bugs=texts.release_bugs,
    )
    if texts.prefixes == "model":
        options = replace(options, prefixes=())
    least, largest = options.frame.scale
    frame: dict[str, Any] = {
        "scale": (
            least if texts.least_scale is None else texts.least_scale,
            largest if texts.largest_scale is None else texts.largest_scale,
        )
    }
    if texts.flip is not None:
        frame["flip"] = texts.flip
    return replace(options, frame=replace(options.frame, **frame))


class Validation:
    """The batches to validate with: every source's in order, the same each time."""

    def __init__(
        self,
        sources: Sequence[Source],
        recipe: Recipe,
        config: PixelLLMConfig,
        tokenizer: Tokenizer,
        team: Team,
        workers: int = 0,
    ) -> None:
        self._loaders = []
        for source in sources:
            most = recipe.batch_size // recipe.machine.accumulation
            size = max(team.ranks, min(most, len(source.dataset)) // team.ranks * team.ranks)
            batches = max(1, len(source.dataset) // size)

            def load(
                source: Source = source, size: int = size, batches: int = batches
            ) -> BatchLoader:
                return BatchLoader(
                    [source],
                    config,
                    tokenizer,
                    batch_size=size,
                    steps=min(recipe.schedule.validation_batches, batches),
                    workers=workers,
                    rank=team.rank,
                    ranks=team.ranks,
                )

            self._loaders.append(load)

    def __call__(self) -> Iterator[Batch]:
        """The batches."""
        for load in self._loaders:
            yield from load()
