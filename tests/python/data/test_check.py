"""A dataset is checked to its end, and everything that is wrong is named."""

from pathlib import Path
from typing import Any

import pytest

from pixelllm.data.check import check_dataset
from pixelllm.data.datasets import parse_spec
from tests.python.data.published import (
    coco_file,
    coco_image,
    narrative,
    write_image,
    write_json,
    write_lines,
)

CAPTION = {"captions": [{"caption": "a dog"}]}


def own(folder: Path, *lines: Any) -> tuple[list[str], str]:
    """What is told of these lines, and the summary."""
    for name in ("a.jpg", "b.jpg"):
        write_image(folder / "images" / name)
    (folder / "images/broken.jpg").write_bytes(b"no image")
    write_lines(folder / "data.jsonl", lines)
    told: list[str] = []
    found = check_dataset(parse_spec(f"own:{folder}"), told.append)
    return [text.removeprefix(f"{folder}/") for text in told], str(found)


def test_a_good_folder_has_no_problems(tmp_path: Path) -> None:
    words = [
        {"start": 0, "end": 1, "box": [0, 0, 9, 9]},
        {"start": 2, "end": 5, "box": [0, 0, 9, 9]},
    ]
    mask = {"size": [30, 40], "counts": [1000, 200]}

    told, summary = own(
        tmp_path,
        {"image": "a.jpg", "captions": [{"caption": "a dog", "words": words}, {"caption": "b"}]},
        {
            "image": "b.jpg",
            "phrases": [
                {"phrase": "it", "box": [0, 0, 9, 9]},
                {"phrase": "it", "box": [0, 0, 9, 9], "mask": mask},
            ],
            "regions": [{"box": [0, 0, 9, 9], "caption": "a"}],
        },
    )

    assert told == []
    assert summary == (
        "images: 2, captions: 2, captions with places of words: 1, phrases: 2, "
        "phrases with masks: 1, regions: 1; no problems"
    )


def test_every_bad_line_is_named_and_the_rest_is_counted(tmp_path: Path) -> None:
    told, summary = own(
        tmp_path,
        "{broken",
        {"image": "a.jpg", **CAPTION},
        {"image": "a.jpg", **CAPTION},
        "",
        {"image": "none.jpg", **CAPTION},
        {"image": "broken.jpg", **CAPTION},
        {"image": "b.jpg", "regions": [{"box": [0, 0, 41.5, 9], "caption": "a"}]},
    )

    assert [text.split(": ")[0] for text in told] == [f"data.jsonl:{n}" for n in (1, 3, 5, 6, 7)]
    assert "no valid JSON" in told[0]
    assert "line 2 is about a.jpg too" in told[1]
    assert "there is no image none.jpg in" in told[2]
    assert "broken.jpg: the file is not a JPEG, PNG or WebP picture" in told[3]
    assert "regions[0].box: [0.0, 0.0, 41.5, 9.0] is outside the image" in told[4]
    assert summary == "images: 1, captions: 1; 5 problems"


def test_images_elsewhere_are_checked_too(tmp_path: Path) -> None:
    write_image(tmp_path / "photos/a.jpg")
    write_lines(tmp_path / "mine/data.jsonl", ["{", {"image": "a.jpg", **CAPTION}, "{"])
    told: list[str] = []

    found = check_dataset(
        parse_spec(f"own:{tmp_path}/mine,images={tmp_path}/photos,exif=ignore"), told.append
    )

    assert str(found) == "images: 1, captions: 1; 2 problems"


@pytest.mark.parametrize("lacking", ["images", "data.jsonl"])
def test_what_is_lacking_is_a_problem(tmp_path: Path, lacking: str) -> None:
    if lacking == "data.jsonl":
        (tmp_path / "images").mkdir()
    told: list[str] = []

    found = check_dataset(parse_spec(f"own:{tmp_path}"), told.append)

    assert found.problems == 1
    assert str(tmp_path / lacking) in told[0]
    assert str(found) == "nothing can be used; 1 problem"


def test_a_spec_is_read_whole(tmp_path: Path) -> None:
    images = [coco_image(key, f"{key}.jpg") for key in (1, 2, 3, 4)]
    images[2]["width"] = 500
    captions = [{"image_id": key, "id": key, "caption": "A dog."} for key in (1, 2, 3, 4)]
    path = write_json(tmp_path / "captions.json", coco_file(images, captions))
    for key in (1, 3, 4):
        write_image(tmp_path / f"images/{key}.jpg")
    (tmp_path / "images/4.jpg").write_bytes(b"")
    told: list[str] = []

    found = check_dataset(parse_spec(f"coco_captions:{path}"), told.append)

    assert told[0] == "2.jpg is missing"
    assert "3.jpg: the annotations are for 500 x 30 pixels" in told[1]
    assert "4.jpg: the file is not a JPEG" in told[2]
    assert str(found) == "missing images: 1, images: 1, captions: 1; 3 problems"


@pytest.mark.parametrize(("missing", "problems"), [("fail", "1 problem"), ("skip", "no problems")])
def test_missing_images_are_a_problem_unless_they_are_accepted(
    tmp_path: Path, missing: str, problems: str
) -> None:
    images = [coco_image(key, f"{key}.jpg") for key in (1, 2)]
    captions = [{"image_id": key, "id": key, "caption": "A dog."} for key in (1, 2)]
    path = write_json(tmp_path / "captions.json", coco_file(images, captions))
    write_image(tmp_path / "images/1.jpg")
    told: list[str] = []

    found = check_dataset(parse_spec(f"coco_captions:{path},missing={missing}"), told.append)

    assert told == ["2.jpg is missing"]
    assert str(found) == f"missing images: 1, images: 1, captions: 1; {problems}"


def test_images_of_which_nothing_is_left_are_counted(tmp_path: Path) -> None:
    outside = {"image_id": 1, "id": 1, "bbox": [90, 90, 5, 5], "caption": "a dog"}
    path = write_json(tmp_path / "train.json", coco_file([coco_image(1, "1.jpg")], [outside]))
    write_image(tmp_path / "images/1.jpg")

    told: list[str] = []

    found = check_dataset(parse_spec(f"grit:{path}"), told.append)

    assert told == []
    assert str(found) == "images: 1, images of which nothing is said: 1; no problems"


def test_broken_lines_of_a_spec_are_each_a_problem(tmp_path: Path) -> None:
    write_image(tmp_path / "images/000000000007.jpg")
    lines = [narrative("mscoco_val2017", "7", 1), "{", "[1]"]
    path = write_lines(tmp_path / "narratives.jsonl", lines)
    told: list[str] = []

    found = check_dataset(parse_spec(f"localized_narratives:{path}"), told.append)

    assert found.problems == 2
    assert "jsonl:2: " in told[0]
    assert "jsonl:3: " in told[0]


def test_a_file_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    told: list[str] = []

    found = check_dataset(parse_spec(f"grit:{tmp_path}/none.json"), told.append)

    assert found.problems == 1
    assert "none.json cannot be read" in told[0]
