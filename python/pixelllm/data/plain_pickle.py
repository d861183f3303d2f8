"""Plain data in Python's pickle format, read and written without running anything.

RefCOCO's expressions are published as pickles (`refs(unc).p`). A pickle is a program for a stack
machine, and Python's own reader runs whatever it asks for. This one knows only the instructions
that make lists, tuples, dicts, strings, numbers, booleans and None; at any other it stops, and says
which it is and where. What it makes is bounded: bytes, instructions, and the size of the result
with everything that is shared written out, so that no small file stands for endless data.

Protocols 0 to 5 are read. The strings of Python 2 are bytes: they are taken for UTF-8, or for
Latin-1 where they are not. Protocol 2 is written, which Python 2 reads too.

The instructions are those of Lib/pickletools.py (CPython 3.11).
"""

import codecs
import struct
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from pixelllm.data.errors import DatasetError

Plain: TypeAlias = Any  # of list, tuple, dict, str, bytes, int, float, bool and None

# 50 000 objects with three sentences each, the size of RefCOCO's, are 27 MB and 5 to 8 million
# instructions. An instruction takes about a hundred bytes at most, beside what it reads.
MAX_BYTES: Final = 256 << 20
MAX_INSTRUCTIONS: Final = 20_000_000
MAX_SIZE: Final = 20_000_000  # values of the result, counted as often as they are reached

_MARK: Final = object()
_STOP: Final = ord(".")


class PlainPickleError(DatasetError):
    """The pickle is damaged, too large, or asks for more than plain data."""


def load_plain(
    data: bytes,
    *,
    max_bytes: int = MAX_BYTES,
    max_instructions: int = MAX_INSTRUCTIONS,
    max_size: int = MAX_SIZE,
) -> Plain:
    """The value of a pickle of plain data; bytes after its end are ignored.

    Raises:
        PlainPickleError: it is not plain data, is damaged, or is larger than one of the bounds.
    """
    if len(data) > max_bytes:
        raise PlainPickleError(f"the pickle has {len(data)} bytes; {max_bytes} are read at most")
    value = _Machine(data).run(max_instructions)
    _check_size(value, max_size)
    return value


def dump_plain(value: Plain) -> bytes:
    """A pickle of protocol 2. Raises TypeError where the value has anything but plain data."""
    out = bytearray(b"\x80\x02")
    _write(value, out)
    return bytes(out + b".")


class _Machine:
    """The stack machine, with the position of the next byte."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0
        self.stack: list[Any] = []
        self.marks: list[int] = []  # where in the stack the marks are
        self.memo: dict[int, Any] = {}

    def run(self, max_instructions: int) -> Plain:
        data = self.data
        for _ in range(max_instructions):
            start = self.at
            if start >= len(data):
                raise PlainPickleError(f"the pickle is cut short: it ends at byte {start}")
            code = data[start]
            self.at = start + 1
            if code == _STOP:
                return self._result(start)
            instruction = _INSTRUCTIONS.get(code)
            if instruction is None:
                raise _refusal(code, start)
            try:
                instruction(self)
            except PlainPickleError:
                raise
            except (IndexError, KeyError, TypeError, ValueError, AttributeError) as error:
                raise PlainPickleError(f"the pickle is damaged at byte {start}: {error}") from error
        raise PlainPickleError(f"the pickle has more than {max_instructions} instructions")

    def _result(self, start: int) -> Plain:
        if len(self.stack) != 1 or self.marks:
            raise PlainPickleError(f"the pickle is damaged: it stops unfinished at byte {start}")
        return self.stack[0]

    def take(self, count: int) -> bytes:
        """The next bytes."""
        if count < 0 or self.at + count > len(self.data):
            raise ValueError("it is cut short, or a length is wrong")
        taken = self.data[self.at : self.at + count]
        self.at += count
        return taken

    def number(self, form: str) -> Any:
        """The next number, of this form of `struct`."""
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def line(self) -> bytes:
        """What is left of this line."""
        end = self.data.index(b"\n", self.at)
        line = self.data[self.at : end]
        self.at = end + 1
        return line

    def push(self, value: Plain) -> None:
        self.stack.append(value)

    def above_mark(self) -> list[Any]:
        """Takes off the stack what is above the last mark."""
        mark = self.marks.pop()
        values = self.stack[mark:]
        del self.stack[mark:]
        return values

    def top(self, kind: type) -> Any:
        """What is on top, under the last mark's values; it has to be of this kind."""
        value = self.stack[-1]
        if type(value) is not kind:
            raise TypeError(f"a {kind.__name__} is expected")
        return value

    def pop(self) -> Plain:
        """Takes the topmost value, which has to be above the last mark."""
        if self.marks and self.marks[-1] >= len(self.stack):
            raise ValueError("a mark is where a value is expected")
        return self.stack.pop()


def _text(data: bytes) -> str:
    """The text of a string of Python 2."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _quoted(machine: _Machine) -> None:
    line = machine.line().strip()
    if len(line) < 2 or line[:1] != line[-1:] or line[:1] not in (b"'", b'"'):
        raise ValueError("a string has no quotes")
    inner = line[1:-1]
    machine.push(_text(codecs.escape_decode(inner)[0] if b"\\" in inner else inner))


def _decimal(machine: _Machine) -> None:
    line = machine.line().strip()
    if line in (b"00", b"01"):
        machine.push(line == b"01")
    else:
        machine.push(int(line.removesuffix(b"L")))


def _float_line(machine: _Machine) -> None:
    machine.push(float(machine.line()))


def _unicode_line(machine: _Machine) -> None:
    machine.push(machine.line().decode("raw-unicode-escape"))


def _long(form: str) -> Callable[[_Machine], None]:
    def long(machine: _Machine) -> None:
        machine.push(int.from_bytes(machine.take(machine.number(form)), "little", signed=True))

    return long


def _number(form: str) -> Callable[[_Machine], None]:
    return lambda machine: machine.push(machine.number(form))


def _string(form: str) -> Callable[[_Machine], None]:
    return lambda machine: machine.push(_text(machine.take(machine.number(form))))


def _unicode(form: str) -> Callable[[_Machine], None]:
    return lambda machine: machine.push(
        machine.take(machine.number(form)).decode("utf-8", "surrogatepass")
    )


def _bytes(form: str) -> Callable[[_Machine], None]:
    return lambda machine: machine.push(machine.take(machine.number(form)))


def _constant(value: Plain) -> Callable[[_Machine], None]:
    return lambda machine: machine.push(value)


def _tuple_of(count: int) -> Callable[[_Machine], None]:
    def make(machine: _Machine) -> None:
        values = [machine.pop() for _ in range(count)]
        machine.push(tuple(reversed(values)))

    return make


def _mark(machine: _Machine) -> None:
    machine.marks.append(len(machine.stack))


def _list_of_marked(machine: _Machine) -> None:
    machine.push(machine.above_mark())


def _tuple_of_marked(machine: _Machine) -> None:
    machine.push(tuple(machine.above_mark()))


def _dict_of_marked(machine: _Machine) -> None:
    values = machine.above_mark()
    machine.push(dict(zip(values[::2], values[1::2], strict=True)))


def _append(machine: _Machine) -> None:
    value = machine.pop()
    machine.top(list).append(value)


def _appends(machine: _Machine) -> None:
    values = machine.above_mark()
    machine.top(list).extend(values)


def _set_item(machine: _Machine) -> None:
    value, key = machine.pop(), machine.pop()
    machine.top(dict)[key] = value


def _set_items(machine: _Machine) -> None:
    values = machine.above_mark()
    machine.top(dict).update(zip(values[::2], values[1::2], strict=True))


def _pop(machine: _Machine) -> None:
    machine.pop()


def _pop_mark(machine: _Machine) -> None:
    machine.above_mark()


def _duplicate(machine: _Machine) -> None:
    machine.push(machine.stack[-1])


def _put(number: Callable[[_Machine], int]) -> Callable[[_Machine], None]:
    def put(machine: _Machine) -> None:
        key = number(machine)
        machine.memo[key] = machine.stack[-1]

    return put


def _get(number: Callable[[_Machine], int]) -> Callable[[_Machine], None]:
    return lambda machine: machine.push(machine.memo[number(machine)])


def _protocol(machine: _Machine) -> None:
    version = machine.take(1)[0]
    if version > 5:
        raise ValueError(f"protocol {version} is not known")


_INSTRUCTIONS: Final[Mapping[int, Callable[[_Machine], None]]] = {
    ord(code): instruction
    for code, instruction in {
        "\x80": _protocol,
        "\x95": lambda machine: machine.take(8),  # a frame: how many bytes follow
        "(": _mark,
        "0": _pop,
        "1": _pop_mark,
        "2": _duplicate,
        "N": _constant(None),
        "\x88": _constant(True),
        "\x89": _constant(False),
        "I": _decimal,
        "L": _decimal,
        "J": _number("<i"),
        "K": _number("<B"),
        "M": _number("<H"),
        "\x8a": _long("<B"),
        "\x8b": _long("<i"),
        "F": _float_line,
        "G": _number(">d"),
        "S": _quoted,
        "T": _string("<i"),
        "U": _string("<B"),
        "V": _unicode_line,
        "X": _unicode("<I"),
        "\x8c": _unicode("<B"),
        "\x8d": _unicode("<Q"),
        "B": _bytes("<I"),
        "C": _bytes("<B"),
        "\x8e": _bytes("<Q"),
        "]": lambda machine: machine.push([]),
        "l": _list_of_marked,
        "a": _append,
        "e": _appends,
        "}": lambda machine: machine.push({}),
        "d": _dict_of_marked,
        "s": _set_item,
        "u": _set_items,
        ")": _constant(()),
        "t": _tuple_of_marked,
        "\x85": _tuple_of(1),
        "\x86": _tuple_of(2),
        "\x87": _tuple_of(3),
        "p": _put(lambda machine: int(machine.line())),
        "q": _put(lambda machine: machine.take(1)[0]),
        "r": _put(lambda machine: int(machine.number("<I"))),
        "\x94": _put(lambda machine: len(machine.memo)),
        "g": _get(lambda machine: int(machine.line())),
        "h": _get(lambda machine: machine.take(1)[0]),
        "j": _get(lambda machine: int(machine.number("<I"))),
    }.items()
}

# The instructions of the format that are refused, by their names.
_REFUSED: Final[Mapping[int, str]] = {
    ord(code): name
    for code, name in {
        "c": "GLOBAL",
        "\x93": "STACK_GLOBAL",
        "R": "REDUCE",
        "b": "BUILD",
        "i": "INST",
        "o": "OBJ",
        "\x81": "NEWOBJ",
        "\x92": "NEWOBJ_EX",
        "P": "PERSID",
        "Q": "BINPERSID",
        "\x82": "EXT1",
        "\x83": "EXT2",
        "\x84": "EXT4",
        "\x8f": "EMPTY_SET",
        "\x90": "ADDITEMS",
        "\x91": "FROZENSET",
        "\x96": "BYTEARRAY8",
        "\x97": "NEXT_BUFFER",
        "\x98": "READONLY_BUFFER",
    }.items()
}


def _refusal(code: int, position: int) -> PlainPickleError:
    name = _REFUSED.get(code)
    if name is None:
        return PlainPickleError(f"this is no pickle: 0x{code:02x} at byte {position} means nothing")
    return PlainPickleError(
        f"the pickle is refused: {name} at byte {position} asks for more than lists, dicts, "
        "strings and numbers; do not open the file with anything else, and download it again"
    )


def _check_size(value: Plain, max_size: int) -> None:
    """Counts a value with all in it, what is shared as often as it is reached.

    Sizes of containers are kept by identity, so that each is walked through once.
    """
    sizes: dict[int, int] = {}  # 0 while the container is walked through
    path: list[Any] = [value]
    while path:
        container = path[-1]
        if id(container) not in sizes:
            sizes[id(container)] = 0
            inner = [v for v in _inside(container) if isinstance(v, (list, tuple, dict))]
            if any(sizes.get(id(v)) == 0 for v in inner):
                raise PlainPickleError("the pickle is refused: something in it contains itself")
            path.extend(v for v in inner if id(v) not in sizes)
            continue
        path.pop()
        if sizes[id(container)] == 0:
            inside = _inside(container)
            size = 1 + sum(sizes.get(id(v), 1) for v in inside)
            if size > max_size:
                raise PlainPickleError(f"the pickle stands for more than {max_size} values")
            sizes[id(container)] = size


def _inside(value: Plain) -> list[Any]:
    if isinstance(value, dict):
        return [*value.keys(), *value.values()]
    return list(value) if isinstance(value, (list, tuple)) else []


def _write(value: Plain, out: bytearray) -> None:
    if value is None:
        out += b"N"
    elif value is True or value is False:
        out += b"\x88" if value else b"\x89"
    elif type(value) is int:
        _write_int(value, out)
    elif type(value) is float:
        out += b"G" + struct.pack(">d", value)
    elif type(value) is str:
        text = value.encode("utf-8", "surrogatepass")
        out += b"X" + struct.pack("<I", len(text)) + text
    elif type(value) is list:
        _write_marked(b"](", value, b"e", out)
    elif type(value) is tuple:
        _write_marked(b"(", value, b"t", out)
    elif type(value) is dict:
        _write_marked(b"}(", [v for item in value.items() for v in item], b"u", out)
    else:
        raise TypeError(f"a {type(value).__name__} is no plain data")


def _write_marked(start: bytes, values: Any, end: bytes, out: bytearray) -> None:
    out += start
    for value in values:
        _write(value, out)
    out += end


def _write_int(value: int, out: bytearray) -> None:
    if -(1 << 31) <= value < 1 << 31:
        out += b"J" + struct.pack("<i", value)
    else:
        length = value.bit_length() // 8 + 1
        if length > 255:
            raise TypeError("an integer has more than 255 bytes")
        out += b"\x8a" + bytes((length,)) + value.to_bytes(length, "little", signed=True)
