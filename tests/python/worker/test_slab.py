"""Reading images out of shared memory."""

from pathlib import Path

import pytest

from pixelllm.worker.slab import SlabReader

SIZE = 8192


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "slab").write_bytes(bytes(range(256)) * (SIZE // 256))
    (tmp_path / str(SIZE)).write_bytes(b"spilled")
    return tmp_path


@pytest.fixture
def slab(folder: Path) -> SlabReader:
    settings = {"path": str(folder / "slab"), "bytes": SIZE, "spill_path": str(folder)}
    return SlabReader(settings)  # type: ignore[arg-type]


def test_reads_the_bytes_at_an_offset(slab: SlabReader) -> None:
    assert slab.read(256, 3) == b"\x00\x01\x02"
    assert slab.read(SIZE - 2, 2) == b"\xfe\xff"


def test_sees_what_is_written_later(slab: SlabReader, folder: Path) -> None:
    with (folder / "slab").open("r+b") as file:
        file.seek(4096)
        file.write(b"new")

    assert slab.read(4096, 3) == b"new"


def test_reads_a_spilled_image_from_its_own_file(slab: SlabReader) -> None:
    assert slab.read(SIZE, 7) == b"spilled"


@pytest.mark.parametrize(
    ("offset", "length"),
    [(-1, 4), (0, 0), (0, -5), (SIZE - 2, 3), (0, SIZE + 1), (SIZE, 6), (SIZE, 8)],
)
def test_refuses_what_is_not_there(slab: SlabReader, offset: int, length: int) -> None:
    with pytest.raises(ValueError, match=r"bytes at"):
        slab.read(offset, length)


def test_refuses_a_spilled_image_that_is_gone(slab: SlabReader) -> None:
    with pytest.raises(FileNotFoundError):
        slab.read(SIZE + 1, 7)


def test_refuses_a_slab_that_is_smaller_than_agreed(folder: Path) -> None:
    settings = {"path": str(folder / "slab"), "bytes": SIZE * 2, "spill_path": str(folder)}

    with pytest.raises(ValueError, match="length"):
        SlabReader(settings)  # type: ignore[arg-type]
