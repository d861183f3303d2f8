"""LLaVA's conversations: questions and answers about an image, in pairs."""

from pathlib import Path
from typing import Any

import pytest

from pixelllm.data.datasets import open_dataset
from pixelllm.data.errors import DatasetError
from pixelllm.data.sample import Exchange, Sample
from tests.python.data.published import write_image, write_json


def entry(key: str, image: str | None, *turns: str) -> dict[str, Any]:
    conversations = [
        {"from": "human" if number % 2 == 0 else "gpt", "value": text}
        for number, text in enumerate(turns)
    ]
    return {"id": key, **({"image": image} if image else {}), "conversations": conversations}


def read(folder: Path, content: list[dict[str, Any]]) -> list[Sample]:
    for name in ("coco/train2017/000000000009.jpg", "gqa/images/café.jpg"):
        write_image(folder / "llava_images" / name)
    path = write_json(folder / "llava_v1_5_mix665k.json", content)
    dataset = open_dataset(f"llava:{path},images={folder}/llava_images")
    return [dataset[index] for index in range(len(dataset))]


def test_turns_are_pairs_without_the_tag(tmp_path: Path) -> None:
    content = [
        entry(
            "9", "coco/train2017/000000000009.jpg", "<image>\nWhat is it?", "A dog.", "Why?", "So."
        ),
        entry("text", None, "Hello", "Hi"),
        entry("1", "gqa/images/café.jpg", "Where?\n<image>", "Here.\n"),
        entry("9b", "coco/train2017/000000000009.jpg", "Is it big?", "Yes."),
    ]

    first, second = read(tmp_path, content)

    assert first.exchanges == (
        Exchange("What is it?", "A dog."),
        Exchange("Why?", "So."),
        Exchange("Is it big?", "Yes."),
    )
    assert second.exchanges == (Exchange("Where?", "Here."),)
    assert second.id == "llava/gqa/images/café.jpg"


@pytest.mark.parametrize(
    ("turns", "what"),
    [
        (["<image>\nWhat?"], "1 questions and 0 answers do not pair"),
        ([7], "no list of from and value"),
    ],
)
def test_damage_is_an_error(tmp_path: Path, turns: list[Any], what: str) -> None:
    with pytest.raises(DatasetError, match=what):
        read(tmp_path, [entry("9", "coco/train2017/000000000009.jpg", *turns)])
