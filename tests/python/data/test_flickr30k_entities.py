"""Flickr30k Entities: sentences with phrases, and the boxes of their entities."""

from pathlib import Path

import pytest

from pixelllm.data.datasets import open_dataset
from pixelllm.data.errors import DatasetError
from tests.python.data.published import HEIGHT, WIDTH, write_image

SENTENCES = (
    "[/EN#1/people Two young guys] with [/EN#2/bodyparts shaggy hair] look at "
    "[/EN#3/bodyparts/other their hands] in [/EN#4/scene the yard] .\n"
    "[/EN#1/people Two friends] — [/EN#0/notvisual who] talk .\n"
    "\n"
)
XML = f"""<annotation>
    <filename>1000092795.jpg</filename>
    <size><width>{WIDTH}</width><height>{HEIGHT}</height><depth>3</depth></size>
    <object>
        <name>1</name>
        <bndbox><xmin>3</xmin><ymin>2</ymin><xmax>10</xmax><ymax>20</ymax></bndbox>
    </object>
    <object>
        <name>1</name><name>2</name>
        <bndbox><xmin>12</xmin><ymin>1</ymin><xmax>45</xmax><ymax>15</ymax></bndbox>
    </object>
    <object><name>4</name><scene>1</scene><nobndbox>0</nobndbox></object>
    <object><name>3</name><scene>0</scene><nobndbox>1</nobndbox></object>
</annotation>
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_image(tmp_path / "images/1000092795.jpg")
    for path, text in (
        ("Sentences/1000092795.txt", SENTENCES),
        ("Annotations/1000092795.xml", XML),
        ("train.txt", "1000092795\n"),
        ("val.txt", ""),
    ):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text, "utf-8")
    return tmp_path


def test_sentences_are_captions_without_marks(folder: Path) -> None:
    sample = open_dataset(f"flickr30k_entities:{folder},split=train")[0]

    assert [c.text for c in sample.captions] == [
        "Two young guys with shaggy hair look at their hands in the yard .",
        "Two friends — who talk .",
    ]
    assert sample.id == "flickr30k_entities/1000092795"


def test_a_phrase_has_the_box_around_its_entitys_boxes(folder: Path) -> None:
    sample = open_dataset(f"flickr30k_entities:{folder}")[0]

    assert [(p.text, p.box) for p in sample.phrases] == [
        ("Two young guys", (2, 0, WIDTH, 20)),
        ("shaggy hair", (11, 0, WIDTH, 15)),
        ("Two friends", (2, 0, WIDTH, 20)),
    ]


def test_or_is_a_phrase_for_each_box(folder: Path) -> None:
    sample = open_dataset(f"flickr30k_entities:{folder},boxes=each")[0]

    assert [(p.text, p.box) for p in sample.phrases[:2]] == [
        ("Two young guys", (2, 1, 10, 20)),
        ("Two young guys", (11, 0, WIDTH, 15)),
    ]
    with pytest.raises(DatasetError, match="boxes=all: there are merge, each"):
        open_dataset(f"flickr30k_entities:{folder},boxes=all")


def test_splits_are_files_of_ids(folder: Path) -> None:
    assert len(open_dataset(f"flickr30k_entities:{folder},split=val")) == 0
    with pytest.raises(DatasetError, match=r"test\.txt cannot be read"):
        open_dataset(f"flickr30k_entities:{folder},split=test")


@pytest.mark.parametrize(
    ("xml", "what"),
    [
        ("<annotation>", "is damaged"),
        (XML.replace("<xmax>10</xmax>", ""), "there is no xmax in bndbox"),
        (XML.replace(f"<width>{WIDTH}<", "<width>500<"), "are for 500 x 30 pixels"),
    ],
)
def test_damage_is_an_error_that_names_the_file(folder: Path, xml: str, what: str) -> None:
    (folder / "Annotations/1000092795.xml").write_text(xml, "utf-8")

    with pytest.raises(DatasetError, match=rf"1000092795\.xml.*{what}"):
        open_dataset(f"flickr30k_entities:{folder}")[0]


def test_another_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()

    with pytest.raises(DatasetError, match="no folders Annotations and Sentences"):
        open_dataset(f"flickr30k_entities:{tmp_path}")
