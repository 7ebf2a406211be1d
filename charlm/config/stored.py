"""Read files that charlm wrote: JSON becomes objects of attrs classes, checked by the rules of their fields.

A file may be damaged or forged, so nothing in it is trusted. A value that is missing, not finite, too large or
of another type is refused, and so is a key without a field.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import attrs

from charlm.config.rules import Rule
from charlm.config.structure import from_plain
from charlm.errors import ConfigError, StoredError
from charlm.files import read_whole, why_unreadable

T = TypeVar("T")

SHOWN = 3
"""How many problems of a file an error names."""


def stored(rule: Rule, default: Any = attrs.NOTHING) -> Any:
    """Return a field with a rule for reading it from a file; the constructor does not check it."""
    return attrs.field(default=default, metadata={"rule": rule})


def made(cls: type[T], data: Any, source: str, *, more: bool = False) -> T:
    """Make an object of a class from plain data.

    Args:
        cls: an attrs class, whose fields have rules.
        data: what JSON gave.
        source: names it in messages.
        more: whether ``data`` may have keys that the class does not know, which are ignored.

    Raises:
        StoredError: the data breaks a rule.

    >>> from charlm.config.rules import whole
    >>> @attrs.frozen
    ... class Row:
    ...     step: int = stored(whole(0))
    >>> made(Row, {"step": 3}, "row")
    Row(step=3)
    >>> made(Row, {"step": -3}, "row")
    Traceback (most recent call last):
    charlm.errors.StoredError: row: step: expected 0 or more, got -3
    """
    if more and isinstance(data, dict):
        names = {field.name for field in attrs.fields(cls)}  # type: ignore[arg-type]
        data = {key: value for key, value in data.items() if key in names}
    try:
        return from_plain(cls, data, source)
    except ConfigError as error:
        first, *others = str(error).split("\n")[: SHOWN + 1]
        told = "; ".join([first, *(line.removeprefix(f"{source}: ") for line in others)])
        raise StoredError(told) from None


def parsed(content: str | bytes, source: str) -> Any:
    """Return what a JSON text holds.

    Raises:
        StoredError: it is not JSON in UTF-8, has a key twice or a number that is not finite, or is nested too deeply.
    """
    try:
        return json.loads(content, object_pairs_hook=_once, parse_constant=_no_number)
    except RecursionError:
        raise StoredError(f"{source}: it is nested too deeply") from None
    except ValueError as error:
        raise StoredError(f"{source}: it is not JSON: {error}") from None


def read_json(cls: type[T], path: Path, most: int, *, more: bool = False) -> T:
    """Make an object of a class from a JSON file of at most ``most`` bytes (see ``made``).

    Raises:
        StoredError: the file cannot be read, or holds something else.
    """
    try:
        content = read_whole(path, most)
    except OSError as error:
        raise StoredError(f"{path}: {why_unreadable(error)}") from error
    return made(cls, parsed(content, str(path)), str(path), more=more)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) < len(pairs):
        raise ValueError("a key is given twice")
    return data


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number in JSON")
