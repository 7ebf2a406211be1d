"""A configuration as it was written: values and their locations, before they are checked.

A tree of nodes can be merged over another (a ``--set`` over a file, a model over the base of a
comparison). Every value keeps its location: file, line and column, or the words on the command line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import attrs

from charlm.config.rules import KeyPath
from charlm.errors import ConfigError
from charlm.wording import dotted


@attrs.frozen(order=True)
class Location:
    """Where something was written, and under which key; lines count from 1, and 0 means no line."""

    source: str
    line: int = 0
    column: int = 0
    key: str = ""

    def __str__(self) -> str:
        where = f"{self.source}:{self.line}:{self.column}" if self.line else self.source
        return f"{where}: {self.key}" if self.key else where


@attrs.frozen(order=True)
class Problem:
    """Something wrong, and where."""

    location: Location
    reason: str

    def __str__(self) -> str:
        return f"{self.location}: {self.reason}"


def error_of(problems: Iterable[Problem]) -> ConfigError:
    """Return one error for all problems, in the order of their locations."""
    return ConfigError("\n".join(map(str, sorted(set(problems)))))


@attrs.frozen
class ConfigNode:
    """A value (a scalar, a list of nodes, or nodes by key), its location, and that of its key."""

    value: Any
    location: Location
    key_location: Location

    @classmethod
    def missing(cls, below: ConfigNode, key: str) -> ConfigNode:
        """Return a node for a missing key, at the location where it should be."""
        location = attrs.evolve(below.location, key=f"{below.location.key}.{key}")
        return cls(None, location, location)

    @classmethod
    def of(cls, data: object, source: str, path: KeyPath = ()) -> ConfigNode:
        """Make a tree of plain data that is not from a file; ``source`` names it in messages."""
        location = Location(source, key=dotted(path))
        value = data
        if isinstance(data, dict):
            value = {
                str(key): cls.of(child, source, (*path, str(key))) for key, child in data.items()
            }
        elif isinstance(data, (list, tuple)):
            value = [cls.of(child, source, (*path, index)) for index, child in enumerate(data)]
        return cls(value, location, location)

    def plain(self) -> Any:
        """Return the values without their locations."""
        if isinstance(self.value, dict):
            return {key: child.plain() for key, child in self.value.items()}
        if isinstance(self.value, list):
            return [child.plain() for child in self.value]
        return self.value

    def child(self, key: str | int) -> ConfigNode | None:
        """Return the node under a key or index, or None."""
        if isinstance(self.value, dict):
            return self.value.get(key)
        if isinstance(self.value, list) and isinstance(key, int) and key < len(self.value):
            return self.value[key]  # type: ignore[no-any-return]
        return None

    def find(self, path: KeyPath) -> ConfigNode:
        """Return the node at a path, or the nearest existing node above it."""
        node: ConfigNode = self
        for key in path:
            child = node.child(key)
            if child is None:
                return node
            node = child
        return node

    def over(self, base: ConfigNode) -> ConfigNode:
        """Merge this node over another: keys are joined, other values replaced; an empty section changes nothing."""
        if not isinstance(base.value, dict) or not (
            self.value is None or isinstance(self.value, dict)
        ):
            return self
        joined = dict(base.value)
        for key, child in (self.value or {}).items():
            joined[key] = child.over(joined[key]) if key in joined else child
        return attrs.evolve(base, value=joined)

    def edited(self, path: tuple[str, ...], edit: Callable[[ConfigNode], ConfigNode]) -> ConfigNode:
        """Return a copy in which ``edit`` changed the node at a path, if there is one."""
        if not path:
            return edit(self)
        child = self.child(path[0])
        if child is None:
            return self
        return attrs.evolve(self, value={**self.value, path[0]: child.edited(path[1:], edit)})
