"""Localized Narratives are read as they are published, with all that is odd in them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pixelllm.data.datasets import open_dataset
from pixelllm.data.errors import DatasetError
from pixelllm.data.sample import Sample, SpokenCaption
from tests.python.data.published import HEIGHT, WIDTH, narrative, write_image, write_lines


def read(folder: Path, *lines: Any, image: str = "000000137576.jpg") -> list[Sample]:
    """The samples of these lines, which are about one image at most."""
    write_image(folder / "images" / image)
    write_lines(folder / "coco_val_localized_narratives.jsonl", lines)
    dataset = open_dataset(f"localized_narratives:{folder}/coco_val_localized_narratives.jsonl")
    return [dataset[index] for index in range(len(dataset))]


COCO = ("mscoco_val2017", "137576")


def test_words_are_where_the_trace_was_while_they_were_said(tmp_path: Path) -> None:
    (sample,) = read(tmp_path, narrative(*COCO, 93))

    (caption,) = sample.captions
    assert isinstance(caption, SpokenCaption)
    assert caption.text == "A dog, two cats."
    assert caption.narrative.to_json() == {
        key: narrative(*COCO, 93)[key] for key in ("caption", "timed_caption", "traces")
    }
    assert [caption.text[w.start : w.end] for w in caption.words] == ["A", "dog,", "two", "cats."]
    quarters = [(i * 0.25, (i + 1) * 0.25) for i in range(4)]
    expected = [(a * WIDTH, a * HEIGHT, b * WIDTH, b * HEIGHT) for a, b in quarters]
    assert np.allclose([w.box for w in caption.words], expected)
    assert sample.id == "localized_narratives/137576"
    assert sample.image.shape == (HEIGHT, WIDTH, 3)


def test_all_narratives_of_an_image_are_one_sample(tmp_path: Path) -> None:
    first, second = narrative(*COCO, 93), narrative(*COCO, 94, words=("Cats.",))

    (sample,) = read(tmp_path, first, second)

    assert [caption.text for caption in sample.captions] == ["A dog, two cats.", "Cats."]


@pytest.mark.parametrize(
    ("dataset", "key", "file"),
    [
        ("mscoco_train2017", "9", "000000000009.jpg"),
        ("mscoco_train2017", "9", "COCO_train2014_000000000009.jpg"),
        ("mscoco_val2017", "139", "COCO_val2014_000000000139.jpg"),
        ("flickr30k", "1000092795", "flickr30k-images/1000092795.jpg"),
        ("ADE20k", "ADE_train_00000001", "training/urban/ADE_train_00000001.jpg"),
        ("open_images_train_v6", "000a1249af2bc5f0", "000a1249af2bc5f0.jpg"),
    ],
)
def test_images_of_every_dataset_are_found(
    tmp_path: Path, dataset: str, key: str, file: str
) -> None:
    (sample,) = read(tmp_path, narrative(dataset, key, 1), image=file)

    assert sample.id == f"localized_narratives/{key}"


def test_a_trace_outside_the_image_is_clipped(tmp_path: Path) -> None:
    line = narrative(*COCO, 1)
    line["traces"] = [
        [{"x": -0.2, "y": -0.1, "t": 0.0}, {"x": 1.2, "y": 1.3, "t": 4.0}],
    ]

    (sample,) = read(tmp_path, line)

    boxes = np.array([w.box for w in sample.captions[0].words])
    assert boxes.min() == 0
    assert boxes[:, 2].max() == WIDTH
    assert boxes[:, 3].max() == HEIGHT
    assert isinstance(sample.captions[0], SpokenCaption)
    assert sample.captions[0].narrative.traces[0].max() > 1  # as it was recorded


@pytest.mark.parametrize(
    "change",
    [{"traces": []}, {"traces": [[]]}, {"timed_caption": []}],
)
def test_without_trace_or_times_it_is_a_caption_without_places(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    (sample,) = read(tmp_path, {**narrative(*COCO, 1), **change})

    assert not isinstance(sample.captions[0], SpokenCaption)
    assert sample.captions[0].text == "A dog, two cats."
    assert sample.captions[0].words == ()


def test_files_of_captions_alone_are_read(tmp_path: Path) -> None:
    line = narrative(*COCO, 1)
    del line["timed_caption"], line["traces"]

    (sample,) = read(tmp_path, line)

    assert sample.captions[0].text == "A dog, two cats."


def test_utterances_without_words_do_not_shift_the_others(tmp_path: Path) -> None:
    line = narrative(*COCO, 1)
    whole = read(tmp_path, line)[0].captions[0].words
    silence = {"utterance": "", "start_time": 0.5, "end_time": 0.6}
    line["timed_caption"].insert(1, silence)

    words = read(tmp_path, line)[0].captions[0].words

    assert words == whole


def test_utterances_of_other_words_leave_the_narrative(tmp_path: Path) -> None:
    line = narrative(*COCO, 1)
    line["caption"] = "Something else."

    (sample,) = read(tmp_path, line)

    assert sample.captions[0].words == ()
    assert isinstance(sample.captions[0], SpokenCaption)


def test_broken_lines_are_named_by_number(tmp_path: Path) -> None:
    good = json.dumps(narrative(*COCO, 1))

    with pytest.raises(DatasetError) as caught:
        read(tmp_path, good, good[:-40], "", "{}", good)

    first, second = str(caught.value).splitlines()
    assert "narratives.jsonl:2: no valid JSON" in first
    assert "narratives.jsonl:4: no Localized Narrative: it has no image_id" in second


def test_damage_inside_a_line_shows_when_it_is_read(tmp_path: Path) -> None:
    good = json.dumps(narrative(*COCO, 1))

    with pytest.raises(DatasetError, match=r"jsonl:1: no valid JSON"):
        read(tmp_path, good.replace('"traces": [[', '"traces": [[['))
    with pytest.raises(DatasetError, match=r"jsonl:1: no Localized Narrative: KeyError\('y'\)"):
        read(tmp_path, good.replace('"y"', '"z"'))


def test_fields_in_another_order_are_read(tmp_path: Path) -> None:
    line = dict(reversed(narrative(*COCO, 1).items()))

    assert len(read(tmp_path, line)) == 1


def test_shards_are_one_dataset(tmp_path: Path) -> None:
    for shard in range(2):
        write_image(tmp_path / f"images/00000000000{shard}.jpg")
        write_lines(
            tmp_path / f"coco_train_localized_narratives-0000{shard}-of-00002.jsonl",
            [narrative("mscoco_train2017", str(shard), 1, words=("Part", str(shard)))],
        )

    dataset = open_dataset(
        f"localized_narratives:{tmp_path}/coco_train_localized_narratives-*.jsonl"
    )

    assert [dataset[i].captions[0].text for i in range(len(dataset))] == ["Part 0", "Part 1"]
    with pytest.raises(DatasetError, match="no file fits"):
        open_dataset(f"localized_narratives:{tmp_path}/other-*.jsonl")
