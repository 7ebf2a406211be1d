"""DyNet's model files: parameters as text, equal to DyNet's files byte for byte.

A file is a sequence of records. A record is a line ``#Parameter# NAME {2,3} 97 ZERO_GRAD`` and a line with the numbers,
column-major, a table's rows along the last axis; with ``FULL_GRAD`` a line with the gradient follows. The count is
16 bytes for each number and one for the line end. A file is read as text: nothing in it is executed.
"""

from __future__ import annotations

import contextlib
import math
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeAlias

import numpy as np

from charlm.engine.arrays import Array, Shape
from charlm.engine.parameters import LookupParameter, Parameter, ParameterCollection
from charlm.errors import MissingModelFileError, ModelFileError, ModelKeyError
from charlm.files import regular, why_unreadable, write_atomically

Stored: TypeAlias = "Parameter | LookupParameter"

_HEADER = re.compile(
    r"#(Parameter|LookupParameter)# ([^\s#]+) \{(\d{1,18}(?:,\d{1,18})*)\} (\d{1,99}) (ZERO|FULL)_GRAD",
    re.ASCII,
)
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|inf|nan)", re.ASCII)
MOST_HEADER, MOST_NUMBER = 1 << 16, 64
"""The largest header and number in bytes; DyNet's numbers have 15."""
_TOO_LARGE = (2 - 2.0**-24) * 2.0**127  # from this number on, rounding to float32 gives infinity
_SMALLEST = float(np.finfo(np.float32).tiny)  # DyNet treats denormal numbers as zero


@dataclass(frozen=True)
class ParameterRecord:
    """One parameter of a file: its numbers, flat and column-major, and its gradient if there is one."""

    where: str
    lookup: bool
    name: str
    dims: Shape
    values: Array
    gradient: Array | None


@dataclass(frozen=True)
class RecordFile:
    """A file's records, all read and checked."""

    path: Path
    records: list[ParameterRecord]

    @classmethod
    def read(cls, path: Path) -> RecordFile:
        """Read a file.

        Raises:
            MissingModelFileError: there is no such file.
            ModelFileError: it cannot be read, or a line has an error.
        """
        with _opened(path) as file:
            return cls(path, list(_records(path, file)))

    def find(self, key: str, lookup: bool) -> ParameterRecord:
        """Return the first record with exactly this name and kind."""
        check_key(key)
        for record in self.records:
            if record.name == key and record.lookup == lookup:
                return record
        kind = "lookup parameter" if lookup else "parameter"
        raise ModelFileError(f"{self.path}: there is no {kind} with the key {key!r}")

    def below(self, key: str) -> list[ParameterRecord]:
        """Return the records whose names start with ``key/``; all for an empty key."""
        prefix = f"{key.rstrip('/')}/" if key else ""
        return [record for record in self.records if record.name.startswith(prefix)]

    def fill(self, collection: ParameterCollection, key: str = "") -> None:
        """Fill a collection from the records below a key: in their order, as DyNet does, not by name.

        Raises:
            ModelFileError: numbers or shapes differ; the collection is unchanged.
        """
        records = self.below(key)
        parameters = [record for record in records if not record.lookup]
        tables = [record for record in records if record.lookup]
        counts = len(parameters), len(tables)
        needed = len(collection.parameters), len(collection.lookups)
        if counts != needed:
            raise ModelFileError(
                f"{self.path}: {counts[0]} parameters and {counts[1]} lookup parameters"
                f"{f' below the key {key!r}' if key else ''}, "
                f"but the collection {collection.name} has {needed[0]} and {needed[1]}"
            )
        pairs: list[tuple[Stored, ParameterRecord]] = [
            *zip(collection.parameters, parameters, strict=True),
            *zip(collection.lookups, tables, strict=True),
        ]
        for parameter, record in pairs:
            _check_dims(parameter, record)
        for parameter, record in pairs:
            fill(parameter, record)


def file_dims(parameter: Stored) -> Shape:
    """Return the shape in files: a table's number of rows comes last."""
    if isinstance(parameter, LookupParameter):
        return (*parameter.dims, parameter.rows)
    return parameter.dims


def record_text(parameter: Stored, name: str) -> str:
    """Return a parameter's record with this name."""
    kind = "LookupParameter" if isinstance(parameter, LookupParameter) else "Parameter"
    count = (16 * parameter.size + 1) * (2 if parameter.has_gradient else 1)
    grad = "FULL_GRAD" if parameter.has_gradient else "ZERO_GRAD"
    text = f"#{kind}# {name} {dims_text(file_dims(parameter))} {count} {grad}\n"
    text += _line(parameter.value)
    if parameter.has_gradient:
        text += _line(parameter.gradient)
    return text


def write_records(path: Path, records: Iterable[tuple[Stored, str]], append: bool = False) -> None:
    """Write parameters with their names; ``append`` keeps the file's records and adds these.

    Raises:
        OutputError: the file cannot be written; it is unchanged.
        ModelKeyError: a name is empty or contains a blank or '#'.
    """
    named = list(records)
    for _, name in named:
        check_key(name)
    before = b""
    if append and path.exists():
        with _opened(path) as file:
            before = file.read()
    text = "".join(record_text(parameter, name) for parameter, name in named)
    write_atomically(path, before + text.encode())


def fill(parameter: Stored, record: ParameterRecord) -> None:
    """Set a parameter's values and gradient to those of a record of the same shape."""
    _check_dims(parameter, record)
    parameter.clear_gradient()
    if isinstance(parameter, LookupParameter):
        parameter.write()[...] = record.values.reshape(parameter.value.shape)
        if record.gradient is not None:
            parameter.gradient[...] = record.gradient.reshape(parameter.gradient.shape)
            parameter.touched[:] = parameter.gradient.any(
                axis=tuple(range(1, parameter.gradient.ndim))
            )
    else:
        parameter.write()[...] = record.values.reshape(parameter.value.shape)
        if record.gradient is not None:
            parameter.add_gradient(record.gradient.reshape(parameter.gradient.shape))


def check_key(key: str) -> None:
    """Raise ModelKeyError for a key that is not allowed in a file."""
    if not key or re.search(r"[\s#]", key):
        raise ModelKeyError(f"key {key!r}: a key has at least one character, and no blanks or '#'")


def dims_text(dims: Shape) -> str:
    """Return a shape as DyNet prints it.

    >>> dims_text((2, 3))
    '{2,3}'
    """
    return f"{{{','.join(map(str, dims))}}}"


def _line(array: Array) -> str:
    with np.errstate(over="ignore"):
        numbers = array.astype(np.float32).ravel()
    numbers = np.where(np.abs(numbers) < _SMALLEST, np.copysign(0, numbers), numbers)
    return "%+.8e " * numbers.size % tuple(numbers.tolist()) + "\n"


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """Open a model file; the system's errors become ModelFileErrors."""
    try:
        with open(path, "rb", opener=regular) as file:
            yield file
    except FileNotFoundError as error:
        raise MissingModelFileError(f"{path}: there is no such file") from error
    except OSError as error:
        raise ModelFileError(f"{path}: {why_unreadable(error)}") from error
    except MemoryError as error:
        raise ModelFileError(f"{path}: cannot be read: it does not fit in memory") from error


def _line_of(path: Path, file: BinaryIO, most: int) -> str:
    """Return the next line, cut after ``most`` bytes."""
    start = file.tell()
    try:
        return file.readline(most).decode()
    except UnicodeDecodeError as error:
        raise ModelFileError(
            f"{path}: byte {start + error.start} is not UTF-8 text; this is not a model file, or it is damaged"
        ) from error


def _records(path: Path, file: BinaryIO) -> Iterator[ParameterRecord]:
    at = 0
    size = os.fstat(file.fileno()).st_size
    while line := _line_of(path, file, MOST_HEADER):
        where = f"{path}:{at + 1}"
        header = _HEADER.fullmatch(line.removesuffix("\n"))
        if header is None or not line.endswith("\n"):
            raise ModelFileError(
                f"{where}: {line[:60]!r} is not a complete header such as '#Parameter# /W {{2,3}} 97 ZERO_GRAD'"
            )
        kind, name, sizes, length, gradient = header.groups()
        dims = tuple(map(int, sizes.split(",")))
        count = math.prod(dims)
        parts = 2 if gradient == "FULL" else 1
        if int(length) != parts * (16 * count + 1):
            raise ModelFileError(
                f"{where}: shape {dims_text(dims)} with {gradient}_GRAD takes {parts * (16 * count + 1)} bytes, "
                f"but the header says {length}"
            )
        # a line has numbers and blanks only, at least two bytes for each number
        most = 0 if 2 * count > size else MOST_NUMBER * count + 2
        values, *rest = [
            _numbers(f"{path}:{at + 2 + part}", _line_of(path, file, most), count)
            for part in range(parts)
        ]
        yield ParameterRecord(
            where, kind == "LookupParameter", name, dims, values, rest[0] if rest else None
        )
        at += 1 + parts


def _numbers(where: str, line: str, count: int) -> Array:
    tokens = line.split()
    if len(tokens) != count or not line.endswith("\n"):
        raise ModelFileError(
            f"{where}: a complete line of {count} numbers is needed here, got {len(tokens)}"
            f"{'' if line.endswith(chr(10)) else ' and no line end: the file is cut short'}"
        )
    numbers = []
    for token in tokens:
        number = float(token) if _NUMBER.fullmatch(token) else None
        if number is None or (abs(number) >= _TOO_LARGE and "inf" not in token):
            raise ModelFileError(
                f"{where}:{line.index(token) + 1}: {token[:40]!r} is not a float32 number"
            )
        numbers.append(number)
    return np.array(numbers, dtype=np.float64)


def _check_dims(parameter: Stored, record: ParameterRecord) -> None:
    if record.dims != file_dims(parameter):
        raise ModelFileError(
            f"{record.where}: {record.name} has shape {dims_text(record.dims)} in the file, but {parameter.name} in "
            f"the program has {dims_text(file_dims(parameter))}"
        )
