"""What a search varies: keys of the config, each with a few values or with a range of numbers."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import attrs

from charlm.config import RunConfig
from charlm.config.keys import key_meant, keys, number_of, words
from charlm.config.nodes import Location, Problem, error_of
from charlm.config.reading import read_value
from charlm.config.rules import shown, suggestion
from charlm.errors import ConfigError, SettingError

PARAM = "--param"
DIGITS = 4
"""A number from a range is rounded to this many significant digits."""

_SECTIONS = ("model", "train")
_ALSO = ("data.batch_size", "data.seq_length")
_FIXED = {
    **dict.fromkeys(("steps", "epochs", "max_time", "patience"), "all trials train equally long"),
    "seed": "all trials have the same seed, and the best is scored again with others",
    **dict.fromkeys(("eval_every", "eval_characters"), "it changes what is scored, not the model"),
    **dict.fromkeys(
        ("log_every", "sample_every", "checkpoint_every", "kernels", "threads"),
        "it does not change the score",
    ),
}
"""Keys of ``train`` that a search does not vary, and why."""


@attrs.frozen
class Choice:
    """A key with a few values; ``words`` is how the user wrote them.

    >>> parameter("model.cell=lstm,gru").values
    ('lstm', 'gru')
    """

    key: str
    words: tuple[str, ...]
    values: tuple[Any, ...]

    def __str__(self) -> str:
        """Return it as the user wrote it, without blanks."""
        return f"{self.key}={','.join(self.words)}"

    def value(self, proposed: Any) -> Any:
        """Return the value of a proposal, one of ``words``."""
        return self.values[self.words.index(proposed)]

    def proposal(self, value: Any) -> Any | None:
        """Return the proposal for a value; None if it is not among them."""
        return self.words[self.values.index(value)] if value in self.values else None


@attrs.frozen
class Range:
    """A key with a range of numbers, ends included: ``whole`` ones, or any.

    With ``log`` all orders of magnitude are equally likely.

    >>> str(parameter("train.learning_rate=log:1e-3..3e-2"))
    'train.learning_rate=log:0.001..0.03'
    """

    key: str
    low: float
    high: float
    log: bool
    whole: bool

    def __str__(self) -> str:
        """Return it as the user could have written it."""
        return f"{self.key}={'log:' if self.log else ''}{self.low!r}..{self.high!r}"

    def value(self, proposed: float) -> float:
        """Return the value of a proposal: with few digits, in a config that a person reads."""
        rounded = proposed if self.whole else float(f"{proposed:.{DIGITS}g}")
        return min(max(rounded, self.low), self.high)

    def proposal(self, value: Any) -> float | None:
        """Return the proposal for a value; None if it is not in the range."""
        number = type(value) in (int, float)
        return value if number and self.low <= value <= self.high else None


Parameter: TypeAlias = Choice | Range


@attrs.frozen
class Space:
    """All combinations of the values of some parameters."""

    parameters: tuple[Parameter, ...]

    @property
    def size(self) -> float:
        """The number of combinations.

        >>> parse(["model.cell=lstm,gru", "model.layers=1..3"]).size
        6
        >>> parse(["model.dropout=0..0.5"]).size
        inf
        """
        return math.prod(_size(parameter) for parameter in self.parameters)

    def all(self) -> Iterable[dict[str, Any]]:
        """Return the proposals for all combinations, if their number is finite."""
        names = [parameter.key for parameter in self.parameters]
        each = [p.words if isinstance(p, Choice) else _whole(p) for p in self.parameters]
        return (dict(zip(names, values, strict=True)) for values in itertools.product(*each))

    def values(self, proposal: Mapping[str, Any]) -> dict[str, Any]:
        """Return the value of each key in a proposal."""
        return {p.key: p.value(proposal[p.key]) for p in self.parameters}

    def proposal(self, config: RunConfig) -> dict[str, Any] | None:
        """Return the proposal that leaves a config as it is; None if one of its values is not in the space."""
        proposal = {p.key: p.proposal(value_of(config, p.key)) for p in self.parameters}
        return None if None in proposal.values() else proposal


def parse(written: Iterable[str]) -> Space:
    """Read parameters, each ``KEY=a,b,c``, ``KEY=low..high`` or ``KEY=log:low..high``.

    Raises:
        ConfigError: with one line for each problem.
    """
    parameters, problems = [], []
    for text in written:
        try:
            parameters.append(parameter(text))
        except ConfigError as error:
            problems.append(str(error))
    counts = Counter(parameter.key for parameter in parameters)
    problems += [
        f"{PARAM} {key}: given {count} times; give each key once"
        for key, count in counts.items()
        if count > 1
    ]
    if problems:
        raise ConfigError("\n".join(problems))
    if not parameters:
        raise ConfigError(
            f"expected what to vary, such as {PARAM} train.learning_rate=log:1e-3..3e-2"
        )
    return Space(tuple(parameters))


def parameter(written: str) -> Parameter:
    """Read one parameter.

    Raises:
        ConfigError: an unknown key or one that cannot vary, a wrong range, or values that the schema refuses.
    """
    key, equals, spec = (part.strip() for part in written.partition("="))
    where = Location(f"{PARAM} {written}", key=key)
    if not equals:
        raise _error(
            attrs.evolve(where, key=""), "expected KEY=VALUES, such as model.hidden_dim=128,256"
        )
    if (reason := _refused(key)) is not None:
        raise _error(where, reason)
    if ".." in spec and not spec.startswith(("[", '"', "'")):
        return _range(key, spec, where)
    if spec.startswith("log:"):
        raise _error(
            where, f"expected two numbers after log:, such as log:1e-3..3e-2, got {shown(spec)}"
        )
    return _choice(key, spec, where)


def configured(base: RunConfig, values: Mapping[str, Any]) -> RunConfig:
    """Return a config with other values of some keys.

    Raises:
        SettingError: the schema refuses them together.

    >>> configured(RunConfig(), {"model.cell": "gru", "train.learning_rate": 0.5}).train.learning_rate
    0.5
    """
    by_section: dict[str, dict[str, Any]] = {}
    for key, value in values.items():
        section, _, name = key.partition(".")
        by_section.setdefault(section, {})[name] = value
    for section, changes in by_section.items():
        try:
            changed = attrs.evolve(getattr(base, section), **changes)
        except SettingError as error:
            raise SettingError(error.reason, section, *error.path) from None
        base = attrs.evolve(base, **{section: changed})
    return base


def value_of(config: RunConfig, key: str) -> Any:
    """Return the value of a key in a config.

    >>> value_of(RunConfig(), "model.cell")
    'rnn'
    """
    section, _, name = key.partition(".")
    return getattr(getattr(config, section), name)


def in_words(value: Any) -> str:
    """Return a value as a config has it.

    >>> in_words(0.01), in_words(True), in_words(None), in_words((64, 32)), in_words("gru")
    ('0.01', 'true', 'null', '[64, 32]', 'gru')
    """
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(in_words, value))}]"
    return str(value)


def _refused(key: str) -> str | None:
    """Return why a key cannot vary; None if it can."""
    if key not in keys():
        meant = key_meant(key.rpartition(".")[2])
        names = [name for name in keys() if _varies(name)]
        hint = suggestion(key, names)
        if meant is not None and _varies(meant):
            hint = f"; did you mean {meant}?"
        return f"unknown key{hint or '; charlm train --print-config prints the keys'}"
    if _varies(key):
        return None
    reason = _FIXED.get(key.removeprefix("train."), "scores of other texts cannot be compared")
    if key == "name":
        reason = "it does not change the score"
    return f"this key cannot vary: {reason}; to set it: --set {key}=VALUE"


def _varies(key: str) -> bool:
    section, _, name = key.partition(".")
    return key in _ALSO or (section in _SECTIONS and not (section == "train" and name in _FIXED))


def _choice(key: str, spec: str, where: Location) -> Choice:
    node, problems = read_value(f"[{spec}]", where.source, tuple(key.split(".")))
    if problems:
        raise error_of(problems)
    rule = keys()[key].metadata["rule"]
    try:
        values = tuple(rule(item.plain()) for item in node.value)
    except SettingError as error:
        raise _error(where, error.reason) from None
    if len(values) < 2:
        raise _error(
            where,
            f"expected two values or more, or a range such as {_example(key)}; to set one value: --set {key}=VALUE",
        )
    spelled = tuple(map(in_words, values))
    for word, count in Counter(spelled).items():
        if count > 1:
            raise _error(where, f"expected each value once; {word} is given {count} times")
    return Choice(key, spelled, values)


def _range(key: str, spec: str, where: Location) -> Range:
    kind = number_of(key)
    if kind is None:
        raise _error(where, f"expected values such as {_example(key)}, because it takes no numbers")
    log, numbers = spec.startswith("log:"), spec.removeprefix("log:")
    low, high = (_end(text, key, kind, where) for text in numbers.split("..", 1))
    if not low < high:
        raise _error(where, f"expected a range from low to high, got {low!r}..{high!r}")
    if log and low <= 0:
        raise _error(where, f"expected a range above 0 after log:, got {low!r}..{high!r}")
    return Range(key, low, high, log, kind is int)


def _end(text: str, key: str, kind: type, where: Location) -> float:
    """Read an end of a range, with the rule of its key."""
    node, problems = read_value(text, where.source, tuple(key.split(".")))
    value = node.plain()
    if problems or type(value) not in (int, float):
        raise _error(
            where, f"expected low..high, two numbers such as {_example(key)}, got {shown(text)}"
        )
    try:
        checked: float = keys()[key].metadata["rule"](value)
    except SettingError as error:
        raise _error(where, error.reason) from None
    return checked


def _example(key: str) -> str:
    kind = number_of(key)
    if kind is None:
        return ",".join(words(key)[:2]) or "a,b"
    return "64..256" if kind is int else "0.001..0.01"


def _size(parameter: Parameter) -> float:
    if isinstance(parameter, Choice):
        return len(parameter.words)
    return parameter.high - parameter.low + 1 if parameter.whole else math.inf


def _whole(parameter: Range) -> range:
    return range(int(parameter.low), int(parameter.high) + 1)


def _error(where: Location, reason: str) -> ConfigError:
    return error_of([Problem(where, reason)])
