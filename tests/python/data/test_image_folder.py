"""Images are found by the names that annotations give them, and read as they are stored."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pixelllm.data.errors import DatasetError
from pixelllm.data.image_folder import ImageFolder, read_image
from tests.python.data.published import write_image

ORIENTATION = 0x0112


def test_names_are_found_wherever_they_are(tmp_path: Path) -> None:
    for path in ("a.jpg", "deep/er/b.jpg", "VG_100K/1.jpg", "VG_100K_2/1.jpg"):
        write_image(tmp_path / path)

    folder = ImageFolder(tmp_path)

    assert folder.find(("a.jpg",)) == "a.jpg"
    assert folder.find(("b.jpg",)) == "deep/er/b.jpg"
    assert folder.find(("er/b.jpg",)) == "deep/er/b.jpg"
    assert folder.find(("train2017/a.jpg",)) == "a.jpg"
    assert folder.find(("VG_100K_2/1.jpg",)) == "VG_100K_2/1.jpg"
    assert folder.find(("c.jpg", "a.jpg")) == "a.jpg"
    assert folder.find(("c.jpg",)) is None


def test_a_name_that_two_files_have_is_an_error(tmp_path: Path) -> None:
    write_image(tmp_path / "x/1.jpg")
    write_image(tmp_path / "y/1.jpg")

    with pytest.raises(DatasetError, match=r"several files 1\.jpg: x/1\.jpg, y/1\.jpg"):
        ImageFolder(tmp_path).find(("1.jpg",))


def test_no_name_leads_out_of_the_folder(tmp_path: Path) -> None:
    write_image(tmp_path / "secret.jpg")
    write_image(tmp_path / "images/a.jpg")

    folder = ImageFolder(tmp_path / "images")

    assert folder.find(("../secret.jpg",)) is None
    assert folder.find((str(tmp_path / "secret.jpg"),)) is None


def test_links_are_followed_once(tmp_path: Path) -> None:
    write_image(tmp_path / "real/a.jpg")
    (tmp_path / "images").mkdir()
    (tmp_path / "images/linked").symlink_to(tmp_path / "real")
    (tmp_path / "real/back").symlink_to(tmp_path / "images")

    assert ImageFolder(tmp_path / "images").find(("a.jpg",)) == "linked/a.jpg"


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"none is no folder; images=FOLDER"):
        ImageFolder(tmp_path / "none")


def test_a_rotated_image_is_read_as_it_is_stored(tmp_path: Path) -> None:
    path = write_image(tmp_path / "a.png")
    image = Image.open(path)
    exif = image.getexif()
    exif[ORIENTATION] = 6
    image.save(tmp_path / "rotated.png", exif=exif)
    stored = np.asarray(image)

    assert np.array_equal(read_image(tmp_path / "rotated.png", upright=False), stored)
    upright = read_image(tmp_path / "rotated.png", upright=True)
    assert np.array_equal(upright, np.rot90(stored, -1))


@pytest.mark.parametrize(
    ("mode", "name"),
    [("L", "a.jpg"), ("L", "a.png"), ("CMYK", "a.jpg"), ("RGBA", "a.png"), ("P", "a.png")],
)
def test_other_colours_are_read_as_rgb(tmp_path: Path, mode: str, name: str) -> None:
    red = Image.new("RGB", (16, 12), (204, 51, 51)).convert(mode)
    red.save(tmp_path / name)

    image = read_image(tmp_path / name, upright=False)

    expected = (97, 97, 97) if mode == "L" else (204, 51, 51)
    assert image.shape == (12, 16, 3)
    assert np.abs(image.astype(int) - np.array(expected)).max() <= 6


@pytest.mark.parametrize("data", [b"", b"<html>", b"\xff\xd8\xff\xe0 cut short"])
def test_a_damaged_image_is_an_error_that_names_it(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.jpg").write_bytes(data)

    with pytest.raises(DatasetError, match=r"a\.jpg: the "):
        read_image(tmp_path / "a.jpg", upright=False)
    with pytest.raises(DatasetError, match=r"b\.jpg cannot be read"):
        read_image(tmp_path / "b.jpg", upright=False)
