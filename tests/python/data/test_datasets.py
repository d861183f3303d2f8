"""A spec names a dataset, and what is wrong with it is said with what there is."""

import logging
import pickle  # to hand a dataset to another process, as loaders do
from pathlib import Path

import numpy as np
import pytest

from pixelllm.data.datasets import open_dataset, open_files, parse_spec
from pixelllm.data.errors import DatasetError
from tests.python.data.published import write_image, write_lines


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three images are described, of which one is there."""
    write_image(tmp_path / "images/b.jpg")
    lines = [{"image": f"{name}.jpg", "captions": [{"caption": name}]} for name in "abc"]
    write_lines(tmp_path / "data.jsonl", lines)
    return tmp_path


def test_a_spec_is_a_format_a_path_and_options() -> None:
    spec = parse_spec("refcoco:/data/a:b,split=val,by=unc,images=/data/x=y")

    assert (spec.format, spec.path) == ("refcoco", Path("/data/a:b"))
    assert spec.options == {"split": "val", "by": "unc", "images": "/data/x=y"}


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("/data/refcoco", "is no format; a dataset is FORMAT:PATH"),
        ("coco:/data", "'coco' is no format; .* the formats are localized_narratives, coco_capt"),
        ("own:", "has no path"),
        ("own:/data,split=val", r"'split=val' is no option of own; there are images= \(the folder"),
        ("refcoco:/data,val", "'val' is no option of refcoco; there are split= "),
        ("refcoco:/data,split=", "'split=' is no option"),
        ("refcoco:/data,split=a,split=b", "split is there twice"),
        ("own:/data,missing=ignore", "missing=ignore: there are skip, fail"),
        ("own:/data,exif=yes", "exif=yes: there are apply, ignore"),
    ],
)
def test_a_wrong_spec_is_an_error_that_lists_what_there_is(text: str, what: str) -> None:
    with pytest.raises(DatasetError, match=what):
        open_dataset(text)


def test_missing_images_are_counted_and_named(folder: Path) -> None:
    with pytest.raises(
        DatasetError, match=r"own: 2 of 3 images are not in .*: a\.jpg, c\.jpg; get"
    ):
        open_dataset(f"own:{folder}")


@pytest.mark.parametrize("by_spec", [True, False])
def test_missing_images_are_left_out_when_asked(
    folder: Path, by_spec: bool, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        if by_spec:
            dataset = open_files(parse_spec(f"own:{folder},missing=skip"))
        else:
            dataset = open_files(parse_spec(f"own:{folder}"), missing_images="skip")

    assert [dataset[i].captions[0].text for i in range(len(dataset))] == ["b"]
    assert dataset.missing == ("a.jpg", "c.jpg")
    assert dataset.path(0) == "b.jpg"
    assert "2 of 3 images are not in" in caplog.text


def test_the_spec_has_the_last_word_on_missing_images(folder: Path) -> None:
    with pytest.raises(DatasetError, match="2 of 3 images"):
        open_dataset(f"own:{folder},missing=fail", missing_images="skip")


def test_without_any_image_it_is_an_error_in_any_case(folder: Path) -> None:
    (folder / "images/b.jpg").unlink()

    with pytest.raises(DatasetError, match=r"3 of 3 images.*images=FOLDER says where they are"):
        open_dataset(f"own:{folder},missing=skip")


def test_many_missing_images_are_named_in_part(folder: Path) -> None:
    lines = [{"image": f"{n}.jpg", "captions": [{"caption": "a"}]} for n in range(9)]
    write_lines(folder / "data.jsonl", lines)

    with pytest.raises(DatasetError, match=r"0\.jpg, 1\.jpg, 2\.jpg, 3\.jpg, 4\.jpg and 4 more"):
        open_dataset(f"own:{folder},missing=fail")


def test_images_are_read_when_they_are_asked_for(folder: Path) -> None:
    dataset = open_dataset(f"own:{folder},missing=skip")
    (folder / "images/b.jpg").write_bytes(b"")

    with pytest.raises(DatasetError, match=r"b\.jpg: the file is not a JPEG"):
        dataset[0]
    with pytest.raises(IndexError):
        dataset[1]


def test_a_dataset_goes_to_another_process(folder: Path) -> None:
    dataset = open_dataset(f"own:{folder},missing=skip")

    copy = pickle.loads(pickle.dumps(dataset))  # noqa: S301 - written here

    assert np.array_equal(copy[0].image, dataset[0].image)
    assert copy[0].captions == dataset[0].captions
