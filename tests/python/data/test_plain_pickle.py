"""Pickles of plain data are read as Python reads them, and nothing else is."""

import os
import pickle  # to write fixtures as their publishers did; the package never imports it
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest

import pixelllm
from pixelllm.data.plain_pickle import PlainPickleError, dump_plain, load_plain

REFS: list[dict[Any, Any]] = [
    {
        "sent_ids": [0, 1, 2],
        "file_name": "COCO_train2014_000000581857_16.jpg",
        "ann_id": 1719310,
        "ref_id": 0,
        "image_id": 581857,
        "split": "train",
        "sentences": [
            {
                "tokens": ["the", "lady", "with", "the", "blue", "shirt"],
                "raw": "THE LADY WITH THE BLUE SHIRT",
                "sent_id": 0,
                "sent": "the lady with the blue shirt",
            },
            {"tokens": ["café"], "raw": 'it\'s "the" café\n\\', "sent_id": 1, "sent": "café"},
        ],
        "category_id": 1,
    },
    {"numbers": [0, -1, 255, 256, 65536, -(2**31), 2**31, 2**63, -(2**70), 1.5, -0.0, 1e300]},
    {"others": [True, False, None, (), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), [], {}, ""]},
    {7: "a key that is a number", ("a", 1): "a tuple"},
]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_every_protocol_is_read_as_python_reads_it(protocol: int) -> None:
    assert load_plain(pickle.dumps(REFS, protocol)) == REFS


def test_what_is_written_is_what_python_reads() -> None:
    written = dump_plain(REFS)

    assert pickle.loads(written) == REFS  # noqa: S301 - written one line above
    assert load_plain(written) == REFS


def test_kinds_of_numbers_survive() -> None:
    read = load_plain(dump_plain([True, 1, 1.0]))

    assert [type(v) for v in read] == [bool, int, float]


def test_a_text_pickle_of_python_2_is_read() -> None:
    data = (
        b"(lp1\n(dp2\nS'sent_ids'\np3\n(lp4\nI0\naI1\nasS'big'\np5\nL99999999999L\nsS'split'\np6\n"
        b"S'train'\np7\nsS'raw'\np8\nS\"it's caf\\xc3\\xa9 \\\\ \\n\"\np9\nsS'flag'\nI01\n"
        b"sS'uni'\nVcaf\\u00e9\np10\nsS'area'\nF1.25\nsS'again'\ng7\nsa."
    )

    assert load_plain(data) == [
        {
            "sent_ids": [0, 1],
            "big": 99999999999,
            "split": "train",
            "raw": "it's café \\ \n",
            "flag": True,
            "uni": "café",
            "area": 1.25,
            "again": "train",
        }
    ]


def test_byte_strings_of_python_2_are_text() -> None:
    data = b"\x80\x02(U\x05caf\xc3\xa9T\x04\x00\x00\x00caf\xe9t."

    assert load_plain(data) == ("café", "café")


class Hostile:
    """Runs a command when a pickle of it is read by Python."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("echo never",)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_code_is_refused_with_its_instruction_and_place(protocol: int) -> None:
    name = "STACK_GLOBAL" if protocol >= 4 else "GLOBAL"

    with pytest.raises(PlainPickleError, match=rf"{name} at byte \d+ asks for more than"):
        load_plain(pickle.dumps([1, Hostile()], protocol))


@pytest.mark.parametrize(
    "value", [date(2020, 1, 1), {1, 2}, frozenset((1,)), 1j, bytearray(b"x"), print]
)
def test_other_objects_are_refused(value: object) -> None:
    with pytest.raises(PlainPickleError, match="at byte"):
        load_plain(pickle.dumps(value, 5))


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"cos\nsystem\n.", "GLOBAL at byte 0"),
        (b"(ios\nsystem\n.", "INST at byte 1"),
        (b"(NNo.", "OBJ at byte 3"),
        (b"NNR.", "REDUCE at byte 2"),
        (b"NNb.", "BUILD at byte 2"),
        (b"N)\x81.", "NEWOBJ at byte 2"),
        (b"\x80\x02\x82\x01.", "EXT1 at byte 2"),
        (b"Pid\n.", "PERSID at byte 0"),
        (b"NQ.", "BINPERSID at byte 1"),
        (b"\x97.", "NEXT_BUFFER at byte 0"),
    ],
)
def test_each_dangerous_instruction_is_named(data: bytes, name: str) -> None:
    with pytest.raises(PlainPickleError, match=name):
        load_plain(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"N",
        b".",
        b"NN.",
        b"(N.",
        b"a.",
        b"Na.",
        b"N(ae.",
        b"(0.",
        b"1.",
        b"g5\n.",
        b"h\x05.",
        b"p1\n.",
        b"Sno quotes\n.",
        b"S'open\n.",
        b"S'\\x4'\n.",
        b"Inumber\n.",
        b"I" + b"9" * 5000 + b"\n.",
        b"X\xff\xff\xff\xffab.",
        b"T\xff\xff\xff\xffab.",
        b"\x8b\xff\xff\xff\xff.",
        b"X\x01\x00\x00\x00\xff.",
        b"}(Ku.",
        b"}(K\x01u.",
        b"}(]Nu.",
        b"\x80\x09N.",
        b"\x00.",
        b"<html>not found</html>",
    ],
)
def test_damage_is_an_error_of_one_sentence(data: bytes) -> None:
    with pytest.raises(PlainPickleError, match="pickle"):
        load_plain(data)


def test_every_cut_of_a_pickle_is_refused() -> None:
    for protocol in (0, 2, 4):
        data = pickle.dumps(REFS, protocol)
        for end in range(len(data)):
            with pytest.raises(PlainPickleError):
                load_plain(data[:end])


def test_bounds_hold() -> None:
    data = dump_plain(list(range(100)))

    with pytest.raises(PlainPickleError, match="bytes; 50 are read at most"):
        load_plain(data, max_bytes=50)
    with pytest.raises(PlainPickleError, match="more than 50 instructions"):
        load_plain(data, max_instructions=50)
    with pytest.raises(PlainPickleError, match="more than 50 values"):
        load_plain(data, max_size=50)


def test_shared_lists_that_stand_for_endless_data_are_refused() -> None:
    bomb: list[Any] = ["ha"]
    for _ in range(60):
        bomb = [bomb] * 10

    with pytest.raises(PlainPickleError, match="stands for more than"):
        load_plain(pickle.dumps(bomb))


def test_what_contains_itself_is_refused() -> None:
    loop: list[Any] = []
    loop.append({"inner": (loop,)})

    with pytest.raises(PlainPickleError, match="contains itself"):
        load_plain(pickle.dumps(loop))


def test_deep_nesting_is_read() -> None:
    value = load_plain(b"]" * 100_000 + b"a" * 99_999 + b".")

    for _ in range(99_999):
        (value,) = value
    assert value == []


def test_only_plain_data_is_written() -> None:
    with pytest.raises(TypeError, match="a set is no plain data"):
        dump_plain([{1}])


def test_the_package_imports_no_pickle() -> None:
    package = Path(pixelllm.__file__).parent
    importing = [
        path
        for path in package.rglob("*.py")
        for line in path.read_text("utf-8").splitlines()
        if line.split()[:2] in (["import", "pickle"], ["from", "pickle"], ["import", "pickletools"])
    ]

    assert importing == []
    code = "import sys, pixelllm.data.plain_pickle; sys.exit('pickle' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
