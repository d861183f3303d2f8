"""What a source's images are to teach: which texts, how long, with what around them.

The numbers are those of the authors' configurations (google-research/scenic, projects/pixel_llm,
configs/t5). What is made of a sample with them is in `target_building.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

from pixelllm.training import prefixes
from pixelllm.training.transforms import FrameOptions

Kind = Literal["captions", "phrases", "regions", "exchanges"]


@dataclass(frozen=True)
class Teaches:
    """The losses that a source's samples count for, 1 or 0 each; see `LossWeights`."""

    text: int = 1
    point: int = 0
    detection: int = 0
    mask: int = 0


@dataclass(frozen=True)
class TargetOptions:
    """What of an image's texts is taught, and how.

    count: K, texts per image; an image that has fewer is filled up with empty ones.
    text_tokens: T, begin and end included; a longer text is cut and loses its end.
    context_tokens: C, of the prefix with its end.
    prefixes: one is drawn for every text; `{phrase}` and `{question}` stand for the text's own. Of
        none the model's own is taken.
    spoken: how the tokens of a spoken caption find their places: by the share of the caption that
        is before them, as with the authors, or by their words, where the reader has placed those.
    masks: whether objects come with their masks; phrases that have none are left out then.
    choose: which K texts of an image that has more: any, or the first that a crop leaves.
    prompt: where the model is asked to look: at the whole image, or at the text's object.
    prompt_drop: how often it is asked to look nowhere, by an empty box.
    """

    texts: Kind
    teaches: Teaches
    count: int
    text_tokens: int
    context_tokens: int
    prefixes: tuple[str, ...] = ()
    spoken: Literal["by_share", "by_words"] = "by_share"
    masks: bool = False
    frame: FrameOptions = field(default_factory=FrameOptions)
    choose: Literal["random", "first"] = "random"
    prompt: Literal["image", "object"] = "image"
    prompt_drop: float = 0.0
    release_bugs: bool = False

    def __post_init__(self) -> None:
        if self.count < 1 or self.text_tokens < 2 or self.context_tokens < 1:
            raise ValueError("count and context_tokens have to be at least 1, text_tokens 2")
        if not 0 <= self.prompt_drop <= 1:
            raise ValueError(f"prompt_drop has to be a share from 0 to 1: {self.prompt_drop}")
        if self.masks and self.texts != "phrases":
            raise ValueError(f"{self.texts} have no masks; phrases may")


def trace_targets(**changes: Any) -> TargetOptions:
    """Captions whose words have places: Localized Narratives."""
    options = TargetOptions(
        "captions", Teaches(text=1, point=1), 1, 128, 8, prefixes=prefixes.LONG_CAPTION
    )
    return replace(options, **changes)


def caption_targets(**changes: Any) -> TargetOptions:
    """Captions without places: COCO captions."""
    options = TargetOptions(
        "captions",
        Teaches(text=1),
        *(1, 128, 8),
        prefixes=prefixes.SHORT_CAPTION,
        frame=FrameOptions(scale=(0.75, 1.25)),
    )
    return replace(options, **changes)


def phrase_targets(**changes: Any) -> TargetOptions:
    """Phrases that refer to an object: the RefCOCO family, Flickr30k Entities."""
    options = TargetOptions(
        "phrases",
        Teaches(text=0, point=1),
        *(16, 40, 40),
        prefixes=prefixes.REFERRING,
        frame=FrameOptions(scale=(0.75, 1.25)),
    )
    return replace(options, **changes)


def mask_targets(**changes: Any) -> TargetOptions:
    """Phrases with the masks of their objects."""
    return replace(phrase_targets(teaches=Teaches(text=0, point=1, mask=1), masks=True), **changes)


def region_targets(**changes: Any) -> TargetOptions:
    """Boxes and what is in them: Visual Genome."""
    options = TargetOptions(
        "regions",
        Teaches(text=1, detection=1),
        *(100, 40, 8),
        prefixes=prefixes.OBJECT,
        frame=FrameOptions(scale=(0.1, 2.0), flip=0.5),
        choose="first",
    )
    return replace(options, **changes)


def exchange_targets(**changes: Any) -> TargetOptions:
    """Questions and answers: LLaVA's conversations."""
    options = TargetOptions("exchanges", Teaches(text=1), 16, 128, 32, prefixes=prefixes.EXCHANGE)
    return replace(options, **changes)


def evaluated(options: TargetOptions) -> TargetOptions:
    """The same without chance: the whole image, the first prefix, the first texts."""
    frame = replace(options.frame, scale=(1.0, 1.0), crop="centre", flip=0.0)
    return replace(
        options, prefixes=options.prefixes[:1], frame=frame, choose="first", prompt_drop=0.0
    )
