"""Pickles of plain data: numbers, text, bytes, None, tuples, lists, dictionaries, sets, and the names of classes.

A pickle is a program for a stack machine. The machine here has no instruction that calls a function or imports a
name. A file with such an instruction is an error, and so is one whose data would need much more memory than the file.
"""

from __future__ import annotations

import pickle
import pickletools
import struct
from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np

from charlm.errors import ArgumentError, ModelFileError

Find = Callable[[str, str], type[Any]]

_DEEPEST = 100  # levels of nested containers
_LARGEST = 1_000_000  # values in a container, repeated ones counted each time
_LARGEST_KEY = 100  # values in a tuple that is a key

_CONSTANTS: dict[bool | None, bytes] = {
    None: pickle.NONE,
    True: pickle.NEWTRUE,
    False: pickle.NEWFALSE,
}
_SINGLE = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_VALUES = {
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
    *("STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8"),
    *("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
}
_EMPTY: dict[str, Callable[[list[Any]], Any]] = {
    "EMPTY_TUPLE": tuple,
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
    "EMPTY_SET": set,
}
_EXTENDED = {"APPEND": list, "APPENDS": list, "SETITEM": dict, "SETITEMS": dict, "ADDITEMS": set}


def dumps(value: Any, module_of: Callable[[type[Any]], str]) -> bytes:
    """Return a pickle that ``pickle.loads`` reads.

    Args:
        value: plain data. numpy's numbers become Python's.
        module_of: returns the name of a class's module.

    Raises:
        ArgumentError: a part of it is not plain data, or contains itself.

    Example:
        >>> pickle.loads(dumps({"sizes": [1, 2], "words": {"a"}}, lambda c: c.__module__))
        {'sizes': [1, 2], 'words': {'a'}}
    """
    try:
        return pickle.PROTO + b"\x04" + _opcodes(value, module_of) + pickle.STOP
    except RecursionError as error:
        raise ArgumentError("save: a spec is nested too deeply, or contains itself") from error


def _opcodes(value: Any, module_of: Callable[[type[Any]], str]) -> bytes:
    def each(values: Any) -> bytes:
        return pickle.MARK + b"".join([_opcodes(part, module_of) for part in values])

    if isinstance(value, np.generic):
        value = value.item()
    kind = type(value)
    if isinstance(value, type):
        names = module_of(value), value.__qualname__
        return b"".join([_opcodes(name, module_of) for name in names]) + pickle.STACK_GLOBAL
    if value is None or kind is bool:
        return _CONSTANTS[value]
    if kind is int:
        if -(2**31) <= value < 2**31:
            return pickle.BININT + struct.pack("<i", value)
        digits = pickle.encode_long(value)
        return pickle.LONG4 + struct.pack("<i", len(digits)) + digits
    if kind is float:
        return pickle.BINFLOAT + struct.pack(">d", value)
    if kind is str:
        text: bytes = value.encode(errors="surrogatepass")
        return pickle.BINUNICODE + struct.pack("<I", len(text)) + text
    if isinstance(value, bytes):
        return pickle.BINBYTES + struct.pack("<I", len(value)) + value
    if isinstance(value, tuple):
        return each(value) + pickle.TUPLE
    if isinstance(value, list):
        return each(value) + pickle.LIST
    if isinstance(value, dict):
        return each([part for pair in value.items() for part in pair]) + pickle.DICT
    if isinstance(value, set):
        return pickle.EMPTY_SET + each(value) + pickle.ADDITEMS
    if isinstance(value, frozenset):
        return each(value) + pickle.FROZENSET
    raise ArgumentError(
        f"save: {value!r} in a spec: a spec is made of numbers, text, bytes, None, classes, and tuples, lists, "
        "dictionaries and sets of these"
    )


def load(file: BytesIO, where: str, find: Find) -> Any:
    """Return the value of the next pickle of a file, and leave the file's position after it.

    Raises:
        ModelFileError: it is damaged, it is not plain data, or ``find`` does not know a class.
    """
    start = file.tell()
    machine = _Machine(find)
    at = start
    try:
        for opcode, argument, position in pickletools.genops(file):
            at = start if position is None else position
            if not machine.does(opcode.name, argument):
                raise ModelFileError(
                    f"{where}: byte {at}: {opcode.name} is not allowed here: the file may have only plain data and "
                    "class names, as dy.save writes them"
                )
        return machine.result()
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ModelFileError(
            f"{where}: byte {at}: the pickle is damaged or incomplete: {error}"
        ) from error


class _Machine:
    """The stack machine, with the memo of values that are used again."""

    def __init__(self, find: Find) -> None:
        self.find = find
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}
        self.sizes: dict[
            int, tuple[int, int]
        ] = {}  # the depth and count of values of each container, by its id
        self.parts: set[int] = set()  # the ids of containers that are in another container
        self.kept: list[Any] = []  # all containers: so no id is used again

    def does(self, name: str, argument: Any) -> bool:
        """Execute an instruction; return False if it is not allowed."""
        stack = self.stack
        if name in _VALUES:
            stack.append(argument)
        elif name in _SINGLE:
            stack.append(_SINGLE[name])
        elif name in _EMPTY:
            self.push(_EMPTY[name], [])
        elif name == "MARK":
            self.marks.append(len(stack))
        elif name in _MADE:
            self.push(_MADE[name], self.marked())
        elif name in ("TUPLE1", "TUPLE2", "TUPLE3"):
            self.push(tuple, self.pop(int(name[-1])))
        elif name in _EXTENDED:
            items = self.marked() if name.endswith("S") else self.pop(1 + (name == "SETITEM"))
            self.extend(_EXTENDED[name], items)
        elif name in ("MEMOIZE", "PUT", "BINPUT", "LONG_BINPUT"):
            self.memo[len(self.memo) if argument is None else argument] = stack[-1]
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            stack.append(self.memo[argument])
        elif name == "GLOBAL":
            stack.append(self.find(*argument.split(" ", 1)))
        elif name == "STACK_GLOBAL":
            stack.append(self.find(*self.pop(2)))
        else:
            return name in ("PROTO", "FRAME", "STOP")
        return True

    def result(self) -> Any:
        """Return the only value on the stack."""
        (value,) = self.stack
        return value

    def pop(self, count: int) -> list[Any]:
        """Take the last values."""
        if count > len(self.stack) - (self.marks[-1] if self.marks else 0):
            raise ValueError("a value is missing")
        items = self.stack[-count:]
        del self.stack[-count:]
        return items

    def marked(self) -> list[Any]:
        """Take the values after the last mark."""
        start = self.marks.pop()
        items = self.stack[start:]
        del self.stack[start:]
        return items

    def push(self, make: Callable[[list[Any]], Any], parts: list[Any]) -> None:
        """Put a new container on the stack."""
        size = self.weigh(parts, hashed=make in (frozenset, _pairs))
        container = make(parts)
        self.sizes[id(container)] = size
        self.kept.append(container)
        self.stack.append(container)

    def extend(self, kind: type[Any], parts: list[Any]) -> None:
        """Add values to the container at the top of the stack, which is not part of another yet."""
        whole = self.stack[-1]
        if type(whole) is not kind:
            raise ValueError(f"a {kind.__name__} is needed, got a {type(whole).__name__}")
        size = self.weigh(parts, kind is not list, self.sizes[id(whole)])
        if id(whole) in self.parts:
            raise ValueError("a container changes after it became part of another")
        if kind is list:
            whole.extend(parts)
        else:
            whole.update(_pairs(parts) if kind is dict else parts)
        self.sizes[id(whole)] = size

    def weigh(
        self, parts: list[Any], hashed: bool, before: tuple[int, int] = (1, 1)
    ) -> tuple[int, int]:
        """Return the depth and the size of a container with these parts; ValueError if too large."""
        depth, size = before
        for part in parts:
            below, values = self.sizes.get(id(part), (0, 1))
            if below:
                self.parts.add(id(part))
            depth, size = max(depth, 1 + below), size + values
            if hashed and isinstance(part, tuple) and values > _LARGEST_KEY:
                raise ValueError("a key or a member of a set is too large")
        if depth > _DEEPEST or size > _LARGEST:
            raise ValueError("its values are nested too deeply, or repeated too often")
        return depth, size


def _pairs(flat: list[Any]) -> dict[Any, Any]:
    return dict(zip(flat[::2], flat[1::2], strict=True))


_MADE: dict[str, Callable[[list[Any]], Any]] = {
    "TUPLE": tuple,
    "LIST": list,
    "FROZENSET": frozenset,
    "DICT": _pairs,
}
