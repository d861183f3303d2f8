"""Every number of the architecture, one frozen dataclass per part, and the presets that fill them.

The defaults of each part are those of the paper's model as the authors' code configures it
(google-research/scenic, projects/pixel_llm, commit 4a38d475), so `pixelllm_t5_xl()` names almost
nothing. Where the paper and that code differ, the code's value is the default.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Self, TypeVar, get_args, get_origin, get_type_hints

T = TypeVar("T")
PRESETS: Final = (
    "tiny",
    "pixelllm_t5_xl",
    "pixelllm_bert",
    "pixelllm_t5_large",
    "pixelllm_t5_base",
    "pixelllm_t5_small",
)


class ConfigError(ValueError):
    """A configuration that no model can be built from; the message says which field and why."""


@dataclass(frozen=True)
class SamViTConfig:
    """SAM's image encoder (ViT-H)."""

    pretrain_image_size: int = 1024  # pixels; the position tables have this size's grid
    patch_size: int = 16
    dim: int = 1280
    depth: int = 32
    heads: int = 16
    mlp_ratio: float = 4.0
    window: int = 14
    global_blocks: tuple[int, ...] = (7, 15, 23, 31)  # these attend over the whole map
    neck_dim: int = 256
    stem: tuple[int, ...] = ()  # see `PatchEmbed`; published weights have none
    drop_path: float = 0.0  # training only: see `drop_path.py`


@dataclass(frozen=True)
class Eva02Config:
    """EVA02-L without inner attention norm, as pre-trained by masked image modelling."""

    pretrain_image_size: int = 224
    patch_size: int = 14
    dim: int = 1024
    depth: int = 24
    heads: int = 16
    mlp_ratio: float = 8 / 3  # SwiGLU's hidden width is int(dim * mlp_ratio)
    rope_theta: float = 10000.0
    stem: tuple[int, ...] = ()
    drop_path: float = 0.0


@dataclass(frozen=True)
class PromptEncoderConfig:
    """SAM's prompt encoder."""

    dim: int = 256  # equals SamViTConfig.neck_dim: SAM's mask decoder adds the two
    mask_channels: int = 0  # 16 adds SAM's encoder of mask prompts, which PixelLLM never uses


@dataclass(frozen=True)
class ExtractorConfig:
    """The prompt feature extractor: a two-way transformer that reads the image at a prompt."""

    tokens: int = 32  # learned query tokens, and so visual tokens that the language model reads
    dim: int = 512
    depth: int = 6  # the paper says 2; the authors' code trains 6
    heads: int = 8
    mlp_dim: int = 2048
    output_dim: int = 1024


@dataclass(frozen=True)
class T5Config:
    """Flan-T5-XL with LoRA on the queries and values of every attention."""

    kind: Literal["t5"] = "t5"
    vocab_size: int = 32128
    dim: int = 2048
    heads: int = 32
    head_dim: int = 64
    encoder_layers: int = 24
    decoder_layers: int = 24
    mlp_dim: int = 5120
    relative_buckets: int = 32
    relative_max_distance: int = 128
    lora_rank: int = 32
    lora_scale: float = 2.0  # multiplies A·B directly; not alpha / rank
    dropout: float = 0.1  # training only
    begin_id: int = 0
    end_id: int = 1
    max_text_tokens: int = 128  # begin and end included


@dataclass(frozen=True)
class GitBertConfig:
    """GIT's decoder at BERT-base's width, in BERT's vocabulary."""

    kind: Literal["git_bert"] = "git_bert"
    vocab_size: int = 30522
    dim: int = 768
    heads: int = 12
    layers: int = 6
    mlp_dim: int = 3072
    max_positions: int = 1024  # of a text, and of a prefix
    dropout: float = 0.1  # training only
    begin_id: int = 101  # [CLS]
    end_id: int = 102  # [SEP]
    max_text_tokens: int = 128  # begin and end included


@dataclass(frozen=True)
class PointHeadConfig:
    """The MLP that places each word."""

    hidden_dim: int = 512
    depth: int = 4
    points: int = 2  # top-left and bottom-right corner of the word's place
    confidence: bool = False  # its extra logits are trained to tell a right box from a wrong one


@dataclass(frozen=True)
class MaskDecoderConfig:
    """SAM's mask decoder, and the adapter that prompts it with what was read of the phrase."""

    depth: int = 2
    heads: int = 8
    mlp_dim: int = 2048
    hidden_dim: int = 256  # of the MLPs that weigh the map's channels and predict the IoU


@dataclass(frozen=True)
class DetectorConfig:
    """SimpleFPN, CenterNet's proposals without classes, and a box head of one stage."""

    strides: tuple[int, ...] = (8, 16, 32, 64, 128)  # nominal; the features are taken for 16
    dim: int = 256
    upsample_dim: int = 768  # SimpleFPN's `in_dim`, at ViT-B's in the authors' code for any input
    tower_dim: int = 256
    tower_layers: int = 4
    hidden_dim: int = 1024  # of the box head's two layers
    candidates: int = 1000  # hottest cells that proposals are chosen from
    proposals: int = 256
    proposal_overlap: float = 0.9  # IoU at which the weaker of two proposals goes
    max_detections: int = 100
    detection_overlap: float = 0.5
    min_score: float = 0.05


@dataclass(frozen=True)
class Prefixes:
    """What the language model reads before it writes; `{phrase}` stands for the caller's words."""

    caption: str = "A long image caption: "
    describe: str = "an object of "
    locate: str = "where is {phrase}"


@dataclass(frozen=True)
class PixelLLMConfig:
    """The whole model."""

    preset: str = "pixelllm_t5_xl"
    image_size: int = 384  # pixels, side of the square padded frame; no multiple of 14, EVA drops 6
    antialias: bool = False  # when shrinking an image; the authors' tf.image.resize has none
    sam: SamViTConfig = field(default_factory=SamViTConfig)
    eva: Eva02Config = field(default_factory=Eva02Config)
    prompt_encoder: PromptEncoderConfig = field(default_factory=PromptEncoderConfig)
    extractor: ExtractorConfig = field(default_factory=ExtractorConfig)
    language: T5Config | GitBertConfig = field(default_factory=T5Config)
    point_head: PointHeadConfig = field(default_factory=PointHeadConfig)
    masks: MaskDecoderConfig | None = None  # for a model that segments
    detector: DetectorConfig | None = None  # for a model that finds regions to caption
    prefixes: Prefixes = field(default_factory=Prefixes)

    @property
    def feature_dim(self) -> int:
        """Channels of the fused feature map, EVA02's before SAM's."""
        return self.eva.dim + self.sam.neck_dim

    @property
    def visual_dim(self) -> int:
        """Channels of a visual token as the language model takes it; GIT-BERT projects its own."""
        own = isinstance(self.language, GitBertConfig)
        return self.extractor.output_dim if own else self.language.dim

    def to_dict(self) -> dict[str, Any]:
        """This configuration as plain JSON values."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Read what `to_dict` wrote.

        Raises:
            ConfigError: a field is unknown or has the wrong type.
        """
        return _read(cls, values, "config")


def _read(kind: type[T], values: object, where: str) -> T:
    if not isinstance(values, dict):
        raise ConfigError(f"{where} must be an object")
    types = get_type_hints(kind)
    unknown = sorted(set(values) - set(types))
    if unknown:
        raise ConfigError(f"{where} has unknown fields: {', '.join(unknown)}")
    return kind(
        **{name: _value(types[name], value, f"{where}.{name}") for name, value in values.items()}
    )


def _value(kind: Any, value: object, where: str) -> object:
    for part in (MaskDecoderConfig, DetectorConfig):
        if kind == part | None:
            return None if value is None else _read(part, value, where)
    if kind == T5Config | GitBertConfig:
        of_bert = isinstance(value, dict) and value.get("kind") == GitBertConfig.kind
        return _read(GitBertConfig if of_bert else T5Config, value, where)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return _read(kind, value, where)
    if kind is float and type(value) in (int, float):
        return float(value)  # type: ignore[arg-type]
    if kind in (int, str, bool) and type(value) is kind:
        return value
    if get_origin(kind) is Literal and value in get_args(kind):
        return value
    if (
        kind == tuple[int, ...]
        and isinstance(value, list | tuple)
        and all(type(v) is int for v in value)
    ):
        return tuple(value)
    raise ConfigError(f"{where} has the wrong type: {value!r}")


def pixelllm_t5_xl() -> PixelLLMConfig:
    """The paper's model: SAM ViT-H, EVA02-L and Flan-T5-XL with LoRA."""
    return PixelLLMConfig()


def flan_t5_large() -> T5Config:
    """Flan-T5-Large."""
    return T5Config(dim=1024, heads=16, mlp_dim=2816)


def flan_t5_base() -> T5Config:
    """Flan-T5-Base."""
    return T5Config(dim=768, heads=12, encoder_layers=12, decoder_layers=12, mlp_dim=2048)


def flan_t5_small() -> T5Config:
    """Flan-T5-Small."""
    return T5Config(dim=512, heads=6, encoder_layers=8, decoder_layers=8, mlp_dim=1024)


def pixelllm_bert() -> PixelLLMConfig:
    """The authors' second model: the same with a small language model, trained in full."""
    return PixelLLMConfig(preset="pixelllm_bert", language=GitBertConfig())


def tiny() -> PixelLLMConfig:
    """Every part at small width; trains on two CPU cores and ships with the project."""
    return PixelLLMConfig(
        preset="tiny",
        image_size=192,  # textures of small things are lost below; tables are of 128 and stretched
        antialias=True,
        sam=SamViTConfig(
            pretrain_image_size=128,
            patch_size=8,
            dim=96,
            depth=3,
            heads=3,
            window=4,
            global_blocks=(2,),
            neck_dim=128,
            stem=(32, 64, 96),  # convolutions learn edges within minutes, a linear patch in hours
        ),
        eva=Eva02Config(
            pretrain_image_size=128,
            patch_size=8,
            dim=128,
            depth=3,
            heads=4,
            rope_theta=100.0,  # a 16 x 16 grid; 10000 leaves most frequencies constant over it
            stem=(32, 64, 128),
        ),
        prompt_encoder=PromptEncoderConfig(dim=128),
        extractor=ExtractorConfig(
            tokens=36, dim=160, depth=2, heads=4, mlp_dim=512, output_dim=160
        ),
        language=T5Config(
            vocab_size=384,
            dim=160,
            heads=5,
            head_dim=32,
            encoder_layers=2,
            decoder_layers=3,
            mlp_dim=384,
            lora_rank=4,
            dropout=0.0,
            max_text_tokens=64,
        ),
        point_head=PointHeadConfig(hidden_dim=256, confidence=True),
        masks=MaskDecoderConfig(heads=4, mlp_dim=256, hidden_dim=64),
        detector=DetectorConfig(
            strides=(4, 8, 16, 32, 64),
            dim=64,
            upsample_dim=128,
            tower_dim=64,
            tower_layers=2,
            hidden_dim=192,
            candidates=200,
            proposals=48,
            max_detections=24,
        ),
        prefixes=Prefixes(caption="a long image caption:", describe="an object of"),
    )


def preset(name: str) -> PixelLLMConfig:
    """The preset of that name.

    Raises:
        ConfigError: there is none; the message lists those there are.
    """
    match name:
        case "tiny":
            return tiny()
        case "pixelllm_t5_xl":
            return pixelllm_t5_xl()
        case "pixelllm_bert":
            return pixelllm_bert()
        case "pixelllm_t5_large":
            return PixelLLMConfig(preset=name, language=flan_t5_large())
        case "pixelllm_t5_base":
            return PixelLLMConfig(preset=name, language=flan_t5_base())
        case "pixelllm_t5_small":
            return PixelLLMConfig(preset=name, language=flan_t5_small())
        case _:
            raise ConfigError(f"no preset {name!r}; there are {', '.join(PRESETS)}")
