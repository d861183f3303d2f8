"""Decoding pictures beside the engine."""

import hashlib
import threading

import pytest

from pixelllm.model.config import tiny
from pixelllm.tasks.errors import TaskError
from pixelllm.worker.pictures import PictureLoader, load_picture
from tests.python.tasks.pictures import gradient, png, rotated

SIDE = tiny().image_size

FILE = png(gradient(50, 200))


def id_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_picture_knows_its_size_and_its_scale() -> None:
    picture = load_picture(FILE, id_of(FILE), tiny())

    assert (picture.frame.width, picture.frame.height) == (200, 50)
    assert picture.image.pixels.shape == (SIDE, SIDE, 3)
    assert picture.frame.scale_x == pytest.approx(SIDE / 200, abs=0.01)


def test_size_is_that_of_the_upright_picture() -> None:
    turned = rotated(gradient(50, 200), 6)

    picture = load_picture(turned, id_of(turned), tiny())

    assert (picture.frame.width, picture.frame.height) == (50, 200)


def test_bytes_that_are_not_those_of_the_id_are_a_defect() -> None:
    with pytest.raises(ValueError, match="not those of image"):
        load_picture(FILE, id_of(FILE + b"\0"), tiny())


def test_loader_says_when_it_is_done_and_holds_what_went_wrong() -> None:
    loader, done = PictureLoader(tiny()), threading.Semaphore(0)

    good = loader.load(FILE, id_of(FILE), done.release)
    bad = loader.load(b"x", id_of(b"x"), done.release)

    assert done.acquire(timeout=60)
    assert done.acquire(timeout=60)
    assert good.result(60).frame.width == 200
    with pytest.raises(TaskError):
        bad.result(60)
    loader.close()
