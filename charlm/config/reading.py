"""YAML 1.2 text to nodes, with the location of every key and value.

Only plain YAML is supported: no aliases, no tags, no key twice, and a limited number of values. All such
problems are collected; a file that is not YAML is an error at once. Values are checked elsewhere.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import attrs
from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer, ComposerError
from ruamel.yaml.error import MarkedYAMLError, StreamMark
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode
from ruamel.yaml.nodes import Node as YamlNode
from ruamel.yaml.reader import ReaderError

from charlm.config.nodes import ConfigNode, Location, Problem, error_of
from charlm.config.rules import KeyPath, shown
from charlm.errors import ConfigError
from charlm.files import read_whole, why_unreadable
from charlm.wording import dotted

MOST_BYTES = 8 << 20
MOST_VALUES = 20_000
"""Reading this many takes two or three seconds."""

_BEYOND = re.compile(r"\\U(?!000|0010)[0-9A-Fa-f]{8}")
"""An escape beyond the last character of Unicode."""
_TAG = "tag:yaml.org,2002:"
_TYPED = {"null", "bool", "int", "float"}
_STRINGS = {"str", "timestamp", "merge", "value"}  # a date, "<<" and "=" are mere strings here


def read_file(path: Path) -> tuple[ConfigNode, list[Problem]]:
    """Read a configuration file.

    Returns the tree, whose root holds keys, and the problems met on the way.

    Errors:
        ConfigError: the file cannot be read, is not UTF-8, is not YAML, or holds no keys.
    """
    source = str(path)
    reader = _Reader(Location(source), in_file=True)
    first = Location(source, 1, 1)
    written = reader.compose(_decoded(path))
    if reader.problems:
        raise error_of(reader.problems)
    root = ConfigNode({}, first, first) if written is None else reader.node(written, (), first)
    if not isinstance(root.value, dict):
        reason = f"expected keys, such as model: or train:, got {shown(root.plain())}"
        raise error_of([*reader.problems, Problem(root.location, reason)])
    return root, reader.problems


def read_value(text: str, source: str, path: KeyPath) -> tuple[ConfigNode, list[Problem]]:
    """Read a value from the command line as if it were in a file, after its key."""
    reader = _Reader(Location(source, key=dotted(path)), in_file=False)
    written = reader.compose(f"key: {text}")
    if isinstance(written, MappingNode) and len(written.value) == 1:
        return reader.node(written.value[0][1], path, reader.start), reader.problems
    problems = reader.problems or [
        Problem(reader.start, f"expected one YAML value, got {shown(text)}")
    ]
    return ConfigNode(None, reader.start, reader.start), problems


def _decoded(path: Path) -> str:
    try:
        data = read_whole(path, MOST_BYTES)
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise ConfigError(
            f"{path}: expected a configuration file, and this is a directory"
        ) from None
    except OSError as error:
        raise ConfigError(f"{path}: {why_unreadable(error)}") from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # The error counts from after the byte order mark, if there is one.
        offset = len(data) - len(error.object) + error.start
        location = _location_after(str(path), data[:offset].decode("utf-8-sig"))
        reason = f"byte {offset} (0x{data[offset]:02x}) is not UTF-8; save the file as UTF-8"
        raise error_of([Problem(location, reason)]) from None


def _location_after(source: str, text: str) -> Location:
    return Location(source, text.count("\n") + 1, len(text) - text.rfind("\n"))


class _Composer(Composer):
    """Ends early where there is too much."""

    values = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        self.values += 1
        if self.values > MOST_VALUES:
            reason = f"more than {MOST_VALUES:,} values; a configuration may not have this many"
            raise ComposerError(None, None, reason, self.parser.peek_event().start_mark)
        return super().compose_node(parent, index)


def _yaml() -> YAML:
    yaml = YAML(typ="safe", pure=True)
    yaml.Composer = _Composer
    return yaml


@attrs.define
class _Reader:
    start: Location
    in_file: bool
    problems: list[Problem] = attrs.field(factory=list)
    _yaml: YAML = attrs.field(factory=_yaml)
    _seen: set[int] = attrs.field(factory=set)

    def compose(self, text: str) -> YamlNode | None:
        try:
            return self._yaml.compose(text)  # type: ignore[no-any-return]
        except MarkedYAMLError as error:
            at = self._location(error.problem_mark or error.context_mark, self.start.key)
            problem = Problem(at, f"not valid YAML: {error.problem or error.context}")
        except ReaderError as error:
            at = self._location_at(text, error.position)
            problem = Problem(at, f"not valid YAML: the character {text[error.position]!r}")
        except RecursionError:
            problem = Problem(self.start, "not a configuration: nested too deeply")
        except (ValueError, OverflowError):  # they have no location
            beyond = _BEYOND.search(text)
            reason = (
                f"{beyond[0]} is not a character; the last is \\U0010FFFF"
                if beyond
                else "a number is too large"
            )
            problem = Problem(
                self._location_at(text, beyond.start() if beyond else 0),
                f"not valid YAML: {reason}",
            )
        self.problems.append(problem)
        return None

    def node(self, written: YamlNode, path: KeyPath, key_at: Location) -> ConfigNode:
        key = dotted(path)
        at = self._location(written.start_mark, key)
        if id(written) in self._seen:  # an alias; its mark is that of the value it refers to
            at = attrs.evolve(key_at, key=key)
            self._report(at, "aliases (*name) are not supported; write the value itself")
            return ConfigNode(None, at, key_at)
        self._seen.add(id(written))
        if isinstance(written, MappingNode):
            return ConfigNode(self._children(written, path), at, key_at)
        if isinstance(written, SequenceNode):
            items = [
                self.node(item, (*path, index), at) for index, item in enumerate(written.value)
            ]
            return ConfigNode(items, at, key_at)
        # An empty value has the mark of the next token.
        left_out = written.start_mark.index == written.end_mark.index
        return ConfigNode(self._scalar(written, at), key_at if left_out else at, key_at)

    def _children(self, written: MappingNode, path: KeyPath) -> dict[str, ConfigNode]:
        children: dict[str, ConfigNode] = {}
        for written_key, written_value in written.value:
            if not isinstance(written_key, ScalarNode):
                at = self._location(written_key.start_mark, dotted(path))
                self._report(at, "expected a plain word as a key")
                continue
            name = written_key.value
            key_at = self._location(written_key.start_mark, dotted((*path, name)))
            child = self.node(written_value, (*path, name), key_at)
            if name in children:
                first = (
                    f" (first on line {children[name].key_location.line})" if self.in_file else ""
                )
                self._report(key_at, f"given twice{first}")
            children[name] = child
        return children

    def _scalar(self, written: YamlNode, at: Location) -> Any:
        tag = str(written.tag).removeprefix(_TAG)
        if tag in _STRINGS:
            return written.value
        if tag not in _TYPED:
            self.problems.append(
                Problem(at, f"tags (!name) are not supported; write only {shown(written.value)}")
            )
            return None
        try:
            return self._yaml.constructor.construct_object(written)
        except (ValueError, KeyError):
            self._report(at, f"cannot be read as {tag}: {shown(written.value)}")
            return None

    def _report(self, at: Location, reason: str) -> None:
        self.problems.append(Problem(at, reason))

    def _location_at(self, text: str, offset: int) -> Location:
        return _location_after(self.start.source, text[:offset]) if self.in_file else self.start

    def _location(self, mark: StreamMark | None, key: str) -> Location:
        if mark is None or not self.in_file:
            return attrs.evolve(self.start, key=key)
        return Location(self.start.source, mark.line + 1, mark.column + 1, key)
