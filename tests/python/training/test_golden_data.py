"""Images, places and tokens against those of the authors' data pipeline."""

from __future__ import annotations

import dataclasses
import json
from typing import Final

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from pixelllm.data.narrative import Narrative, utterance_places
from pixelllm.data.sample import Box, Phrase, Region, Sample, SpokenCaption
from pixelllm.model.config import PixelLLMConfig
from pixelllm.model.tokenizer import Tokenizer
from pixelllm.training.target_building import TargetBuilder, Targets, prefixed
from pixelllm.training.targets import (
    TargetOptions,
    evaluated,
    mask_targets,
    region_targets,
    trace_targets,
)
from pixelllm.training.token_places import spoken_places
from pixelllm.training.transforms import (
    Placed,
    Window,
    crop,
    flip,
    nearest,
    resize,
    resize_image,
    scaled_size,
    select,
    visible,
)
from tests.python.goldens import FOLDER, Golden

SIDE: Final = 64  # pixels, of the goldens' frame
COLOURS: Final = 255.0  # colours are compared in parts of the brightest
TRACES: Final = ("data_ln_trace_0", "data_ln_trace_1")


def build(sample: Sample, options: TargetOptions) -> Targets:
    """What the authors' evaluation makes of a sample, in the goldens' frame."""
    tokenizer = Tokenizer.load(FOLDER / "tiny_t5like_spm.model")
    config = PixelLLMConfig(image_size=SIDE)
    return TargetBuilder(config, tokenizer, evaluated(options)).build(
        sample, np.random.default_rng(0)
    )


def tensor(values: object) -> torch.Tensor:
    return torch.from_numpy(np.asarray(values))


def check_frame(golden: Golden, targets: Targets, image: NDArray[np.uint8]) -> None:
    """What is said of the image in every golden: its pixels, its padding, its sizes."""
    height, width = targets.valid_size.astype(int)
    inside = np.zeros((SIDE, SIDE), np.float32)
    inside[:height, :width] = 1
    golden.check("out/inputs", tensor(targets.image), scale=COLOURS)
    golden.check("out/padding_mask", tensor(inside), exact=True)
    golden.check("out/label/orig_size", tensor(image.shape[:2]))
    golden.check("out/label/size", tensor([height, width]))
    golden.check("out/label/padded_size", tensor(targets.image.shape[:2]))
    golden.check("out/label/labels", tensor(targets.labels))
    golden.check("out/label/text_tokens", tensor(targets.tokens))
    golden.check("out/label/context_tokens", tensor(targets.context))


@pytest.mark.parametrize("name", TRACES)
def test_golden_places_of_utterances(name: str) -> None:
    golden = Golden(name)
    annotation = json.loads(str(golden.arrays["in/annotation_json"]))

    places = utterance_places(Narrative.from_json(annotation))

    golden.check("tfrecord/bbox", tensor(places.boxes))
    golden.check("tfrecord/center", tensor(places.centres))
    golden.check("tfrecord/point", tensor(places.points))


@pytest.mark.parametrize("name", TRACES)
def test_golden_trace(name: str) -> None:
    golden = Golden(name)
    annotation = json.loads(str(golden.arrays["in/annotation_json"]))
    narrative = Narrative.from_json(annotation)
    image = golden.arrays["in/image"].astype(np.uint8)
    caption = SpokenCaption(narrative.caption, narrative=narrative)
    sample = Sample(image, captions=(caption,), id=annotation["image_id"])

    targets = build(sample, trace_targets(text_tokens=48))

    row = targets.tokens[0]
    spoken = row[(row != 0) & (row != 1)]  # the text is cut in one of the goldens
    places = np.zeros((48, 4), np.float32)
    places[1 : 1 + len(spoken)] = spoken_places(len(spoken), narrative, *image.shape[:2])
    golden.check("decoded/text_tokens", tensor(targets.tokens))
    golden.check("decoded/points", tensor(places), exact=True)
    golden.check("out/label/points", tensor(targets.corners), scale=SIDE)
    golden.check("out/label/prompt_boxes", tensor(targets.prompts), scale=SIDE)
    name_of_image = np.zeros(32, np.int64)
    name_of_image[: len(sample.id)] = [ord(letter) for letter in targets.id]
    golden.check("out/label/image/id", tensor(name_of_image))
    check_frame(golden, targets, image)


def boxes_of(golden: Golden) -> list[Box]:
    """The boxes of a file, in pixels of its image; there they are (y, x, y, x) in 0-1."""
    height, width = golden.arrays["in/image"].shape[:2]
    scaled = golden["in/boxes_yxyx"].numpy() * np.array([height, width] * 2, np.float32)
    return [(x0, y0, x1, y1) for y0, x0, y1, x1 in scaled.tolist()]


def test_golden_data_refcoco() -> None:
    golden = Golden("data_refcoco")
    image = golden.arrays["in/image"].astype(np.uint8)
    masks = golden["in/masks"].numpy() > 0
    boxes, objects = boxes_of(golden), (0, 0, 1)  # the first object has two phrases
    phrases = tuple(
        Phrase(str(text), boxes[number], masks[number])
        for text, number in zip(golden.arrays["in/sents"], objects, strict=True)
    )
    options = mask_targets(count=5, text_tokens=16, context_tokens=16)

    targets = build(Sample(image, phrases=phrases, id="7"), options)

    assert targets.masks is not None
    golden.check("out/label/boxes", tensor(targets.boxes), scale=SIDE)
    golden.check("out/label/prompt_boxes", tensor(targets.prompts), scale=SIDE)
    golden.check("out/label/masks", tensor(targets.masks * 255))
    identifiers = np.where(targets.labels == 1, np.arange(11, 16), 0)  # of the phrases, from 11 on
    golden.check("out/label/refexp_ids", tensor(identifiers))
    golden.check("out/label/image/id", tensor(int(targets.id)))
    check_frame(golden, targets, image)


def test_golden_data_vg() -> None:
    golden = Golden("data_vg")
    image = golden.arrays["in/image"].astype(np.uint8)
    phrases = [str(text) for text in golden.arrays["in/phrases"]]
    regions = tuple(map(Region, boxes_of(golden), phrases))

    targets = build(Sample(image, regions=regions, id="9"), region_targets(count=4, text_tokens=16))

    golden.check("out/label/boxes", tensor(targets.boxes), scale=SIDE)
    golden.check("out/label/image/id", tensor(int(targets.id)))
    check_frame(golden, targets, image)


def test_golden_sizes_of_resized_images() -> None:
    golden = Golden("data_resize_crop")
    table = golden.arrays["sizes_h_w_size_max_oh_ow"].astype(int)

    found = [
        (*row[:4], *scaled_size(row[0], row[1], row[2], row[3] if row[3] > 0 else None))
        for row in table.tolist()
    ]

    golden.check("sizes_h_w_size_max_oh_ow", tensor(found))


def placed(golden: Golden) -> Placed:
    return Placed(
        image=golden["in/image"].numpy(),
        boxes=golden["in/boxes"].numpy(),
        corners=golden["in/points"].numpy(),
    )


def test_golden_resized_images() -> None:
    golden = Golden("data_resize_crop")
    image = golden["in/image"].numpy()

    golden.check("out/resize_24x34", tensor(resize_image(image, 24, 34)), scale=COLOURS)
    golden.check("out/resize_60x86", tensor(resize_image(image, 60, 86)), scale=COLOURS)
    rows, columns = nearest(37, 24), nearest(53, 34)
    golden.check("out/nearest_24x34", tensor(image[rows[:, None], columns, :1]), exact=True)


def test_golden_crop() -> None:
    golden = Golden("data_resize_crop")
    window = Window(*golden["crop/region_ijhw"].tolist())

    cut = crop(placed(golden), window)
    kept = visible(dataclasses.replace(cut, corners=np.zeros((3, 1, 2, 2), np.float32)))

    assert cut.boxes is not None
    golden.check("crop/region_ijhw", tensor(dataclasses.astuple(window)))
    golden.check("crop/inputs", tensor(cut.image), exact=True)
    golden.check("crop/boxes", tensor(cut.boxes[kept]), exact=True)
    golden.check("crop/points", tensor(cut.corners), exact=True)
    golden.check("crop/labels", tensor(np.arange(1, 4)[kept]))
    golden.check("crop/size", tensor(cut.size))


def test_golden_flip() -> None:
    golden = Golden("data_resize_crop")

    mirrored = flip(placed(golden))

    crossed = mirrored.corners.copy()
    crossed[..., 0] = crossed[..., ::-1, 0]  # the authors leave left and right crossed
    assert mirrored.boxes is not None
    golden.check("flip/boxes", tensor(mirrored.boxes), exact=True)
    golden.check("flip/points", tensor(crossed), scale=53.0)


def test_golden_data_crop_context_bug() -> None:
    """The release's crop leaves a phrase's prefix where its box is gone; here it goes too."""
    golden = Golden("data_crop_context_bug")
    window = Window(*golden["region_ijhw"].tolist())
    numbers = np.arange(1, 4)  # texts and prefixes are numbered
    whole = Placed(
        image=np.zeros((37, 53, 3), np.float32),
        boxes=golden["in/boxes"].numpy(),
        corners=np.zeros((3, 1, 2, 2), np.float32),
    )

    cut = crop(whole, window)
    kept = visible(cut)

    left = select(cut, kept).boxes
    assert left is not None
    golden.check("region_ijhw", tensor(dataclasses.astuple(window)))
    golden.check("out/boxes", tensor(left), exact=True)
    golden.check("out/text_tokens", tensor(numbers[kept]))
    golden.check("out/labels", tensor(numbers[kept]))
    released = prefixed(numbers.tolist(), kept, release_bugs=True)
    golden.check("out/context_tokens", tensor(released))
    assert prefixed(numbers.tolist(), kept, release_bugs=False) == [2, 3]


def test_resize_leaves_what_has_the_size_as_it_is() -> None:
    golden = Golden("data_resize_crop")
    whole = placed(golden)

    same = resize(whole, *whole.size)

    assert np.array_equal(same.image, whole.image)
    assert np.array_equal(same.corners, whole.corners)
