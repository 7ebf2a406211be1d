"""``dy.save`` and ``dy.load``: parameters, tables and builders in DyNet's pair of files.

``BASE.data`` holds the numbers (``charlm/engine/io.py``). ``BASE.meta`` holds a pickle for each object: the kind and
the name of a parameter, or a builder's class, spec and collection name. A pickle is a program; this one is read as
data. Only the opcodes of tuples, strings, numbers and class names are let through, no name is ever imported, and a
class is one of charlm's builders or one that the caller passes in.
"""

from __future__ import annotations

import pickle
import pickletools
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, TypeAlias

from charlm.dynet import builders
from charlm.dynet.parameters import LookupParameters, ParameterCollection, Parameters
from charlm.engine.io import RecordFile, Stored, write_records
from charlm.engine.sketch import Sketch
from charlm.errors import ArgumentError, MissingModelFileError, ModelFileError, ModelKeyError
from charlm.files import path_of, read_whole, why_unreadable, write_atomically

__all__ = [
    "load",
    "load_generator",
    "save",
]

_Classes: TypeAlias = "dict[tuple[str, str], type[Any]]"

MOST_META = 64 << 20
"""Bytes of a meta file, some hundred for each object."""
_DYNETS = ("_dynet", "dynet")  # where DyNet's classes are, as its pickles say
_STORE = {"PUT", "BINPUT", "LONG_BINPUT"}
# fmt: off
_PLAIN = {
    "PROTO", "FRAME", "MARK", "STOP", "NONE", "NEWTRUE", "NEWFALSE", "INT", "BININT", "BININT1",
    "BININT2", "LONG", "LONG1", "FLOAT", "BINFLOAT", "STRING", "BINSTRING", "SHORT_BINSTRING",
    "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2",
    "TUPLE3", "MEMOIZE", "PUT", "BINPUT", "LONG_BINPUT", "GET", "BINGET", "LONG_BINGET", "GLOBAL",
    "STACK_GLOBAL",
}
# fmt: on


def save(basename: str | Path, objects: Iterable[Any]) -> None:
    """Write objects to ``basename.data`` and ``basename.meta``.

    Args:
        basename: the files' path without the ending.
        objects: parameters, tables, builders, or anything that has ``param_collection()``, a tuple ``spec`` of
            numbers, strings, None, classes and such tuples, and ``from_spec(spec, model)``. What several of them share
            is written once.

    Raises:
        ArgumentError: an object is none of these.
        ModelKeyError: two different parameters have the same name.
    """
    base = path_of(basename, "save")
    meta = b""
    stored: dict[str, Stored] = {}
    for thing in objects:
        entry, records = _described(thing)
        meta += _pickled(entry)
        for parameter, name in records:
            if stored.setdefault(name, parameter) is not parameter:
                raise ModelKeyError(
                    f"save: two different parameters are named {name!r}; add them to one collection, or to "
                    "sub-collections with different names"
                )
    write_records(Path(f"{base}.data"), [(parameter, name) for name, parameter in stored.items()])
    write_atomically(Path(f"{base}.meta"), meta)


def load(
    basename: str | Path, params: ParameterCollection, classes: Iterable[type[Any]] = ()
) -> list[Any]:
    """Return what ``save`` wrote, in its order, added to ``params``.

    Args:
        basename: the files' path without the ending.
        params: the collection that gets the parameters.
        classes: the classes of objects that are neither parameters nor charlm's builders. DyNet imports whatever
            the file names; here the program says what it expects.
    """
    return list(load_generator(basename, params, classes))


def load_generator(
    basename: str | Path, params: ParameterCollection, classes: Iterable[type[Any]] = ()
) -> Iterator[Any]:
    """Return ``load``'s objects one by one, each added to ``params`` when its turn comes."""
    base = path_of(basename, "load")
    path = Path(f"{base}.meta")
    known: _Classes = {(c.__module__, c.__qualname__): c for c in classes}
    entries = list(_entries(path))
    data = RecordFile.read(Path(f"{base}.data"))
    for number, entry in enumerate(entries, 1):
        yield _loaded(entry, data, params, known, f"{path}: object {number}")


@dataclass(frozen=True)
class _ClassName:
    """A class as a pickle names it."""

    module: str
    name: str


class _Unpickler(pickle.Unpickler):
    """Takes class names as names."""

    def find_class(self, module: str, name: str) -> Any:
        return _ClassName(module, name)


def _described(thing: Any) -> tuple[tuple[Any, ...], list[tuple[Stored, str]]]:
    """Return an object's entry in the meta file, and its parameters with their names."""
    if isinstance(thing, Parameters):
        return ("Parameters", thing.name()), [(thing.parameter, thing.name())]
    if isinstance(thing, LookupParameters):
        return ("LookupParameters", thing.name()), [(thing.table, thing.name())]
    try:
        collection, spec = thing.param_collection(), thing.spec
    except AttributeError as error:
        raise ArgumentError(
            f"save: {thing!r} is no parameter, table or builder: it has no param_collection() or spec"
        ) from error
    return (type(thing), spec, collection.name()), collection.records()


def _loaded(
    entry: tuple[Any, ...],
    data: RecordFile,
    params: ParameterCollection,
    known: _Classes,
    where: str,
) -> Any:
    match entry:
        case ("Parameters", str(name)):
            return params.add_record(data.find(name, lookup=False))
        case ("LookupParameters", str(name)):
            return params.add_lookup_record(data.find(name, lookup=True))
        case (_ClassName() as named, tuple(spec), str(name)):
            made = _class(named, known, where)
            try:
                arguments = _resolved(spec, known, where, {})
            except RecursionError as error:
                raise ModelFileError(f"{where}: its spec is nested too deeply") from error
            if named.module in _DYNETS:
                _check_sizes(arguments, data, name, where)
            try:
                if named.module in _DYNETS:
                    made.from_spec(arguments, _sketch(data, name))
                thing = made.from_spec(arguments, params)
            except (TypeError, ValueError, OverflowError, AssertionError) as error:
                raise ModelFileError(
                    f"{where}: {named.name} cannot be made from its spec: {error}"
                ) from error
            data.fill(thing.param_collection().engine, name)
            return thing
    raise ModelFileError(f"{where} is neither a parameter nor a class with its spec and a name")


def _resolved(value: Any, known: _Classes, where: str, done: dict[int, Any]) -> Any:
    """Return a value with classes for their names; what is shared in it is visited once and stays shared."""
    if id(value) not in done:
        if isinstance(value, _ClassName):
            done[id(value)] = _class(value, known, where)
        elif isinstance(value, tuple):
            done[id(value)] = tuple(_resolved(part, known, where, done) for part in value)
        else:
            done[id(value)] = value
    return done[id(value)]


def _class(named: _ClassName, known: _Classes, where: str) -> type[Any]:
    found = known.get((named.module, named.name))
    if found is None and named.module in _DYNETS:
        found = vars(builders).get(named.name)
    if not hasattr(found, "from_spec") or named.name.startswith("_"):
        raise ModelFileError(
            f"{where}: class {named.module}.{named.name} is not one of charlm's builders; if it is the "
            "program's own, give it to load in classes=[...]"
        )
    return found  # type: ignore[return-value]


def _check_sizes(spec: tuple[Any, ...], data: RecordFile, name: str, where: str) -> None:
    """Refuse a spec whose numbers are larger than anything in the data, before memory is asked for."""
    records = data.below(name)
    # a BiRNN's size is shared by two builders, so that its parameters have half of it
    largest = 2 * max([1, len(records), *(size for record in records for size in record.dims)])
    for number in spec:
        if isinstance(number, (int, float)) and number > largest:
            raise ModelFileError(
                f"{where}: its spec has the size {number}, but {data.path} has nothing larger than {largest} "
                f"below the key {name!r}"
            )


def _sketch(data: RecordFile, name: str) -> ParameterCollection:
    """Return a collection that takes no memory, with room for what the file has below a name."""
    numbers = sum(record.values.size for record in data.below(name))
    # the gains of a layer norm are not below the name; they are 1.5 times the rest at most
    return ParameterCollection(Sketch(3 * numbers))


def _entries(path: Path) -> Iterator[tuple[Any, ...]]:
    """Yield a meta file's entries."""
    try:
        content = read_whole(path, MOST_META)
    except FileNotFoundError as error:
        raise MissingModelFileError(f"{path}: there is no such file") from error
    except OSError as error:
        raise ModelFileError(f"{path}: {why_unreadable(error)}") from error
    file = BytesIO(content)
    while (start := file.tell()) < len(content):
        _check_opcodes(file, path)
        try:
            entry = _Unpickler(BytesIO(content[start : file.tell()])).load()
        except (
            Exception
        ) as error:  # the unpickler has no common class for what a damaged pickle leads to
            raise ModelFileError(f"{path}: byte {start}: a damaged pickle: {error}") from error
        if not isinstance(entry, tuple):
            raise ModelFileError(
                f"{path}: byte {start}: a tuple is needed, got a {type(entry).__name__}"
            )
        yield entry


def _check_opcodes(file: BytesIO, path: Path) -> None:
    """Move to the end of the next pickle; raise if it does more than say what it holds."""
    at = file.tell()
    try:
        for opcode, argument, position in pickletools.genops(file):
            at = file.tell()
            # the unpickler would make room for any number
            if opcode.name not in _PLAIN or (opcode.name in _STORE and (argument or 0) > at):
                raise ModelFileError(
                    f"{path}: byte {position}: {opcode.name} is not allowed here: the file may hold tuples, strings, "
                    "numbers and class names, as dy.save writes them"
                )
    except ValueError as error:
        raise ModelFileError(f"{path}: byte {at}: no pickle, or cut short: {error}") from error


def _pickled(entry: tuple[Any, ...]) -> bytes:
    return pickle.PROTO + b"\x04" + _opcodes(entry) + pickle.STOP


def _opcodes(value: Any) -> bytes:
    """Return the opcodes that make a value; classes of charlm stand under DyNet's names."""
    if isinstance(value, tuple):
        return pickle.MARK + b"".join(map(_opcodes, value)) + pickle.TUPLE
    if isinstance(value, type):
        ours = value.__module__.startswith("charlm.dynet.")
        module = _DYNETS[0] if ours else value.__module__
        return _opcodes(module) + _opcodes(value.__qualname__) + pickle.STACK_GLOBAL
    if value is None:
        return pickle.NONE
    if isinstance(value, bool):
        return pickle.NEWTRUE if value else pickle.NEWFALSE
    if isinstance(value, int) and -(2**31) <= value < 2**31:
        return pickle.BININT + struct.pack("<i", value)
    if isinstance(value, float):
        return pickle.BINFLOAT + struct.pack(">d", value)
    if isinstance(value, str):
        text = value.encode(errors="surrogatepass")
        return pickle.BINUNICODE + struct.pack("<I", len(text)) + text
    raise ArgumentError(
        f"save: {value!r} in a spec: a spec is a tuple of numbers (whole ones below 2**31), strings, None, classes "
        "and such tuples"
    )
