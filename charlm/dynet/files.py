"""``dy.save`` and ``dy.load``: parameters, tables and builders in DyNet's pair of files.

``BASE.data`` has the numbers (``records.py``). ``BASE.meta`` has a pickle for each object: the kind and the name of a
parameter, or a builder's class, spec and collection name. A pickle is a program, but it is read as data here
(``plain_pickle.py``). No name is imported: a class is one of charlm's builders or one that the caller passes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import Any, TypeAlias

from charlm.dynet import builders, plain_pickle
from charlm.dynet.builders.base import Builder
from charlm.dynet.parameters import LookupParameters, ParameterCollection, Parameters
from charlm.dynet.records import RecordFile, Stored, write_records
from charlm.dynet.sketch import Sketch
from charlm.errors import ArgumentError, MissingModelFileError, ModelFileError, ModelKeyError
from charlm.files import path_of, read_whole, why_unreadable, write_atomically

__all__ = ["load", "load_generator", "save"]

_Classes: TypeAlias = "dict[tuple[str, str], type[Any]]"

MOST_META = 64 << 20
"""The largest meta file in bytes; an object takes about a hundred."""
_DYNETS = ("_dynet", "dynet")  # the modules of DyNet's classes in its pickles


def save(basename: str | Path, objects: Iterable[Any]) -> None:
    """Write objects to ``basename.data`` and ``basename.meta``.

    Args:
        basename: the files' path without the ending.
        objects: parameters, tables, builders, or anything that has ``param_collection()``, ``from_spec(spec, model)``
            and a ``spec`` of plain data: numbers, text, bytes, None, classes, and tuples, lists, dictionaries and sets
            of these. A parameter of several objects is written once.

    Raises:
        ArgumentError: an object is not one of these.
        ModelKeyError: two different parameters have the same name.
    """
    base = path_of(basename, "save")
    meta = b""
    stored: dict[str, Stored] = {}
    for saved in objects:
        entry, records = _described(saved)
        meta += plain_pickle.dumps(entry, _module)
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
    """Return the objects that ``save`` wrote, in their order, after adding them to ``params``.

    Args:
        basename: the files' path without the ending.
        params: the collection for the parameters.
        classes: the classes of objects that are neither parameters nor charlm's builders. DyNet imports the
            classes that the file names; here the program has to name them.
    """
    return list(load_generator(basename, params, classes))


def load_generator(
    basename: str | Path, params: ParameterCollection, classes: Iterable[type[Any]] = ()
) -> Iterator[Any]:
    """Yield the objects of ``load``; each is added to ``params`` when it is yielded."""
    base = path_of(basename, "load")
    path = Path(f"{base}.meta")
    by_name: _Classes = {(c.__module__, c.__qualname__): c for c in classes}
    entries = list(_entries(path, by_name))
    data = RecordFile.read(Path(f"{base}.data"))
    for number, entry in enumerate(entries, 1):
        yield _loaded(entry, data, params, f"{path}: object {number}")


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
            f"save: {thing!r} is not a parameter, table or builder: it has no param_collection() or no spec"
        ) from error
    return (type(thing), spec, collection.name()), collection.records()


def _loaded(
    entry: tuple[Any, ...], data: RecordFile, params: ParameterCollection, where: str
) -> Any:
    match entry:
        case ("Parameters", str(name)):
            return params.add_record(data.find(name, lookup=False))
        case ("LookupParameters", str(name)):
            return params.add_lookup_record(data.find(name, lookup=True))
        case (type() as kind, spec, str(name)):
            if issubclass(kind, (Builder, builders.BiRNNBuilder)):
                _check_sizes(spec, data, name, where)
            try:
                if kind.__module__.startswith(builders.__name__):
                    kind.from_spec(spec, _sketch(data, name))  # type: ignore[attr-defined]
                builder = kind.from_spec(spec, params)  # type: ignore[attr-defined]
            except (TypeError, ValueError, LookupError, ArithmeticError, AssertionError) as error:
                raise ModelFileError(
                    f"{where}: {kind.__name__} cannot be made from its spec: {error}"
                ) from error
            data.fill(builder.param_collection().engine, name)
            return builder
    raise ModelFileError(f"{where} is neither a parameter nor a class with its spec and a name")


def _class(module: str, name: str, classes: _Classes, where: str) -> type[Any]:
    """Return a class that a file names, if it is one of charlm's builders or of these classes."""
    builder = classes.get((module, name))
    if builder is None and module in _DYNETS:
        builder = vars(builders).get(name)
    if not hasattr(builder, "from_spec") or name.startswith("_"):
        raise ModelFileError(
            f"{where}: class {module}.{name} is not one of charlm's builders; if it is the program's own, "
            "give it to load in classes=[...]"
        )
    return builder  # type: ignore[return-value]


def _check_sizes(spec: Any, data: RecordFile, name: str, where: str) -> None:
    """Raise ModelFileError for a spec with a number larger than all sizes in the data: it would need much memory."""
    if not isinstance(spec, tuple):
        raise ModelFileError(f"{where}: a builder's spec is a tuple, not a {type(spec).__name__}")
    records = data.below(name)
    # a BiRNN's two builders have half of its size each
    largest = 2 * max([1, len(records), *(size for record in records for size in record.dims)])
    for number in spec:
        if isinstance(number, (int, float)) and number > largest:
            raise ModelFileError(
                f"{where}: its spec has the size {number}, but {data.path} has no size above {largest} "
                f"below the key {name!r}"
            )


def _sketch(data: RecordFile, name: str) -> ParameterCollection:
    """Return a collection without memory, with room for the file's numbers below a name."""
    numbers = sum(record.values.size for record in data.below(name))
    # the gains of a layer norm are not below the name; they are at most 1.5 times the rest
    return ParameterCollection.of(Sketch(3 * numbers))


def _entries(path: Path, classes: _Classes) -> Iterator[tuple[Any, ...]]:
    try:
        content = read_whole(path, MOST_META)
    except FileNotFoundError as error:
        raise MissingModelFileError(f"{path}: there is no such file") from error
    except OSError as error:
        raise ModelFileError(f"{path}: {why_unreadable(error)}") from error
    file = BytesIO(content)
    for number in count(1):
        start = file.tell()
        if start == len(content):
            return
        where = f"{path}: object {number}"
        entry = plain_pickle.load(file, str(path), partial(_class, classes=classes, where=where))
        if not isinstance(entry, tuple):
            raise ModelFileError(
                f"{path}: byte {start}: a tuple is needed, got a {type(entry).__name__}"
            )
        yield entry


def _module(of: type[Any]) -> str:
    """Return a class's module for a file: DyNet's for charlm's classes."""
    return _DYNETS[0] if of.__module__.startswith("charlm.dynet.") else of.__module__
