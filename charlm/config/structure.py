"""Convert trees and plain data to objects of the schema, with all problems in one error.

cattrs walks the schema and collects the errors of the rules; the tree gives each error its location.
Unknown keys are always refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, TypeVar, get_args, get_origin

import attrs
from cattrs import Converter
from cattrs.cols import list_structure_factory
from cattrs.errors import (
    AttributeValidationNote,
    BaseValidationError,
    ClassValidationError,
    ForbiddenExtraKeysError,
    IterableValidationError,
)
from cattrs.gen import make_dict_structure_fn, override

from charlm.config.comparison_schema import ComparisonConfig
from charlm.config.keys import key_meant
from charlm.config.nodes import ConfigNode, Location, Problem, error_of
from charlm.config.older import plain_of_today
from charlm.config.rules import KeyPath, Rule, shown, suggestion
from charlm.config.schema import RunConfig
from charlm.errors import ConfigError, SettingError
from charlm.wording import dotted

T = TypeVar("T")
Hook = Callable[[Any, Any], Any]

MOST_PROBLEMS = 100
"""Limit of the collected problems."""

_converter = Converter(detailed_validation=True, forbid_extra_keys=True)


def _hook_of(rule: Rule) -> Hook:
    return lambda value, _: rule(value)


@_converter.register_structure_hook_factory(attrs.has)
def _class_hook(cls: type) -> Hook:
    fields = attrs.fields(cls)
    rules = {field.name: field.metadata["rule"] for field in fields if "rule" in field.metadata}
    overrides: Any = {name: override(struct_hook=_hook_of(rule)) for name, rule in rules.items()}
    make: Hook = make_dict_structure_fn(cls, _converter, **overrides)

    def structure(value: Any, _: Any) -> Any:
        if not isinstance(value, dict):
            names = ", ".join(field.name for field in fields)
            raise SettingError(f"expected keys ({names}), got {shown(value)}")
        return make(value, cls)

    return structure


def _is_tuple(kind: Any) -> bool:
    return get_origin(kind) is tuple


@_converter.register_structure_hook_factory(_is_tuple)
def _tuple_hook(kind: Any) -> Hook:
    item = get_args(kind)[0]
    make = list_structure_factory(list[item], _converter)  # type: ignore[valid-type]

    def structure(value: Any, _: Any) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise SettingError(f"expected a list, got {shown(value)}")
        return tuple(make(value, list))

    return structure


def structured(cls: type[T], node: ConfigNode, earlier: Iterable[Problem]) -> T:
    """Make an object of the schema from a tree, or report all that is wrong with it.

    ``earlier`` problems are reported too. Their consequences are not reported again: a value that could
    not be read is also missing.
    """
    problems = list(earlier)
    broken = {problem.location for problem in problems}
    try:
        config = _converter.structure(node.plain(), cls)
    except (BaseValidationError, SettingError) as error:
        problems += islice(_problems(error, node, (), broken), MOST_PROBLEMS)
    if problems:
        raise error_of(problems)
    return config


def from_plain(cls: type[T], data: Any, source: str) -> T:
    """Make an object of an attrs class from plain data, or report all that is wrong; ``source`` names the data."""
    try:
        return _converter.structure(data, cls)
    except (BaseValidationError, SettingError) as error:
        try:
            problems = _problems(error, ConfigNode.of(data, source), (), set())
            raise error_of(islice(problems, MOST_PROBLEMS)) from None
        except RecursionError:
            raise ConfigError(f"{source}: it is nested too deeply") from None


def _problems(
    error: Exception, root: ConfigNode, path: KeyPath, broken: set[Location]
) -> Iterator[Problem]:
    if isinstance(error, (ClassValidationError, IterableValidationError)):
        below, here = error.group_exceptions()
        for part, note in below:
            step = note.name if isinstance(note, AttributeValidationNote) else note.index
            if isinstance(part, KeyError):
                location = attrs.evolve(root.find(path).location, key=dotted((*path, step)))
                yield Problem(location, "is missing")
            else:
                yield from _problems(part, root, (*path, step), broken)
        for part in here:
            yield from _problems(part, root, path, broken)
    elif isinstance(error, ForbiddenExtraKeysError):
        parent = root.find(path)
        for key in error.extra_fields:
            node = parent.value[key]
            yield Problem(node.key_location, _unknown(error.cl, key, node.value))
    elif isinstance(error, SettingError):
        location = root.find((*path, *error.path)).location
        if location not in broken:
            yield Problem(location, error.reason)
    else:
        raise error


def _unknown(cls: type, key: str, value: Any) -> str:
    """Say that a key is unknown, and which key may be meant; for a section (``optim: {lr: 1}``), by its only key."""
    names = [field.name for field in attrs.fields(cls)]
    section = isinstance(value, dict)
    word = next(iter(value)) if section and len(value) == 1 else key
    of_config = cls.__module__ in (RunConfig.__module__, ComparisonConfig.__module__)
    meant = key_meant(word) if of_config and not (section and word == key) else None
    if meant is not None:
        base = "base." if cls is ComparisonConfig else ""
        return f"unknown key; did you mean {base}{meant}?"
    listed = f"; the keys here are {', '.join(names)}"
    return f"unknown key{suggestion(key, names) or listed}"


def to_dict(config: RunConfig) -> dict[str, Any]:
    """Return a configuration as plain data that JSON can hold.

    >>> to_dict(RunConfig())["model"]["hidden_dim"]
    50
    """

    def serialize(_: object, __: object, value: Any) -> Any:
        return list(value) if isinstance(value, tuple) else value

    return attrs.asdict(config, value_serializer=serialize)


def from_dict(data: Mapping[str, Any], source: str = "config") -> RunConfig:
    """Make a configuration from plain data that charlm stored, as strictly as from a file.

    ``source`` names the data in messages.

    >>> from_dict({"model": {"cell": "lstm"}}).model.cell
    'lstm'
    """
    return from_plain(RunConfig, plain_of_today(data), source)
