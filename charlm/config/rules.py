"""Rules for the values of settings. A rule returns the value in its final form, or raises ``SettingError``.

Configuration files, ``--set`` and the Python constructors share them: ``True`` is not a number,
``3.0`` is not a whole number, ``"3"`` is neither. Rules do not know where a value was written.
"""

from __future__ import annotations

import codecs
import difflib
import io
import math
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import pairwise
from operator import gt, lt
from pathlib import Path
from typing import Any, Literal

from charlm.config.names import plain_name
from charlm.errors import SettingError
from charlm.wording import cut

Rule = Callable[[Any], Any]
KeyPath = tuple[str | int, ...]

LARGEST = 2**63 - 1
"""The largest whole number that every JSON reader and every array index can hold."""


def shown(value: object) -> str:
    """Name a value in a message as a configuration file would write it, cut to a readable length.

    >>> shown(True), shown("two"), shown([1, 2])
    ('true', "'two'", 'a list')
    """
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "keys and values"
    if isinstance(value, (list, tuple)):
        return "a list"
    # Python refuses to write integers of more than 4300 digits in decimal.
    return cut(hex(value) if isinstance(value, int) and abs(value) >= 10**57 else repr(value))


def suggestion(
    word: str, names: Iterable[str], called: Callable[[str], str] = lambda name: name
) -> str:
    """Return ``; did you mean NAME?`` for the closest name, as it is called, or nothing when none is close.

    >>> suggestion("LTSM", ["gru", "lstm"])
    '; did you mean lstm?'
    """
    by_lower_case = {name.lower(): name for name in names}
    close = difflib.get_close_matches(word.lower(), by_lower_case, n=1)
    return f"; did you mean {called(by_lower_case[close[0]])}?" if close else ""


def checked(rule: Rule, name: str, value: Any) -> Any:
    """Return the value in its final form; an error names it.

    >>> checked(whole(1), "steps", 0)
    Traceback (most recent call last):
    charlm.errors.SettingError: steps: expected 1 or more, got 0
    """
    try:
        return rule(value)
    except SettingError as error:
        raise SettingError(error.reason, name, *error.path) from None


def whole(least: int, most: int = LARGEST) -> Rule:
    """Accept whole numbers from ``least`` to ``most``."""

    def rule(value: Any) -> int:
        if type(value) is not int:
            raise SettingError(f"expected a whole number, got {shown(value)}")
        if not least <= value <= most:
            bound = f"{least} or more" if value < least else f"at most {most}"
            raise SettingError(f"expected {bound}, got {shown(value)}")
        return value

    return rule


def number(
    *,
    above: float | None = None,
    least: float | None = None,
    most: float | None = None,
    below: float | None = None,
) -> Rule:
    """Accept finite numbers inside the bounds, as floats."""
    bounds = [f"above {above:g}"] if above is not None else []
    bounds += [f"of {least:g} or more"] if least is not None else []
    bounds += [f"of at most {most:g}"] if most is not None else []
    bounds += [f"below {below:g}"] if below is not None else []
    expected = f"expected a number {' and '.join(bounds)}" if bounds else "expected a finite number"

    def rule(value: Any) -> float:
        if type(value) not in (int, float):
            raise SettingError(f"expected a number, got {shown(value)}")
        finite = abs(value) <= sys.float_info.max  # NaN is not, nor an integer beyond floats
        if (
            not finite
            or (above is not None and value <= above)
            or (least is not None and value < least)
            or (most is not None and value > most)
            or (below is not None and value >= below)
        ):
            raise SettingError(f"{expected}, got {shown(value)}")
        return float(value)

    return rule


def real(value: Any) -> float:
    """Accept any number, infinite ones and NaN too, as a float."""
    return value if type(value) is float else float(number()(value))


def flag(value: Any) -> bool:
    """Accept true or false."""
    if type(value) is not bool:
        raise SettingError(f"expected true or false, got {shown(value)}")
    return value


_UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_DURATION = re.compile("".join(rf"(?:(\d+(?:\.\d+)?){unit})?" for unit in _UNITS))


def duration(value: Any) -> str:
    """Accept a time such as 90s, 10m or 1h30m, or a number of seconds; return it with its units.

    >>> duration("1h30m"), duration(90)
    ('1h30m', '90s')
    """
    written = f"{real(value):.12g}s" if type(value) in (int, float) else value
    if not isinstance(written, str) or not _is_time(written):
        meant = _short_units(value) if isinstance(value, str) else ""
        hint = f"; did you mean {meant}?" if _is_time(meant) else ""
        raise SettingError(
            f"expected a time above zero, such as 90s, 10m or 1h30m, got {shown(value)}{hint}"
        )
    return written


def _is_time(written: str) -> bool:
    return _DURATION.fullmatch(written) is not None and 0 < seconds_of(written) < math.inf


def _short_units(written: str) -> str:
    """Return ``5m`` for ``5 min`` or ``5 minutes``, and so on; other text does not become a time."""
    words = re.sub(r"\s|,|\band\b", "", written.lower())
    return re.sub(r"(d)ays?|(h)(?:ou)?rs?|(m)in(?:ute)?s?|(s)ec(?:ond)?s?", r"\1\2\3\4", words)


def seconds_of(time: str) -> float:
    """Return the seconds of a time that ``duration`` accepted.

    >>> seconds_of("1h30m")
    5400.0
    """
    match = _DURATION.fullmatch(time)
    assert match is not None
    parts = zip(match.groups(), _UNITS.values(), strict=True)
    return sum((float(number) * unit for number, unit in parts if number), 0.0)


def one_of(*names: str) -> Rule:
    """Accept one of a few words."""

    def rule(value: Any) -> str:
        if value not in names or not isinstance(value, str):
            hint = suggestion(value, names) if isinstance(value, str) else ""
            raise SettingError(f"expected {' or '.join(names)}, got {shown(value)}{hint}")
        return value

    return rule


def or_nothing(rule: Rule) -> Rule:
    """Accept None, or what the rule accepts."""
    return lambda value: None if value is None else rule(value)


def each(rule: Rule, value: Iterable[Any]) -> tuple[Any, ...]:
    """Apply a rule to every item of a list; an error names the item's index."""
    items = []
    for index, item in enumerate(value):
        try:
            items.append(rule(item))
        except SettingError as error:
            raise SettingError(error.reason, index, *error.path) from None
    return tuple(items)


def all_of(rule: Rule) -> Rule:
    """Accept a list, also an empty one, of values that the rule accepts."""

    def rule_of_list(value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise SettingError(f"expected a list, got {shown(value)}")
        return list(each(rule, value))

    return rule_of_list


def one_or_list(rule: Rule, what: str) -> Rule:
    """Accept what the rule accepts, or a list of such values that is not empty (made a tuple)."""

    def either(value: Any) -> Any:
        if isinstance(value, (list, tuple)):
            if not value:
                raise SettingError(f"expected {what}, or a list of them; the list is empty")
            return each(rule, value)
        return rule(value)

    return either


def ordered(rule: Rule, word: Literal["above", "below"]) -> Rule:
    """Accept a list of what the rule accepts, each above (or below) the one before (made a tuple)."""
    fits = lt if word == "above" else gt

    def rule_of_list(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, (list, tuple)):
            raise SettingError(f"expected a list of numbers, got {shown(value)}")
        items = each(rule, value)
        for index, (before, item) in enumerate(pairwise(items), start=1):
            if not fits(before, item):
                reason = f"expected a number {word} the one before ({before:g}), got {item:g}"
                raise SettingError(reason, index)
        return items

    return rule_of_list


_PART = re.compile(r"embedding|rnn|layer[1-9]\d{0,3}|softmax")


def parts(value: Any) -> tuple[str, ...]:
    """Accept parts of a network, as a list or with commas between them; nothing is an empty list.

    >>> parts("embedding, layer 1"), parts(["rnn"]), parts(None)
    (('embedding', 'layer1'), ('rnn',), ())
    """
    given = value.split(",") if isinstance(value, str) else value or []
    if not isinstance(given, (list, tuple)):
        raise SettingError(f"expected parts of the network, such as embedding, got {shown(value)}")
    names = [
        re.sub(r"[\s_-]", "", part).lower() if isinstance(part, str) else part for part in given
    ]
    for name in names:
        if not isinstance(name, str) or not _PART.fullmatch(name):
            known = ("embedding", "rnn", "layer1", "softmax")
            hint = suggestion(name, known) if isinstance(name, str) else ""
            raise SettingError(
                f"expected embedding, rnn, layer1, layer2, ... or softmax, got {shown(name)}{hint}"
            )
    return tuple(dict.fromkeys(names))


def place(value: Any) -> Any:
    """Accept a place in a training: ``here``, or its step and its seconds.

    >>> place("here"), place([100, 2.5])
    ('here', (100, 2.5))
    """
    if value == "here" and isinstance(value, str):
        return value
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        raise SettingError(f"expected here, or a step and a time in seconds, got {shown(value)}")
    return whole(0)(value[0]), number(least=0)(value[1])


def line(value: Any) -> str:
    """Accept a string, also an empty one."""
    if not isinstance(value, str):
        raise SettingError(f"expected text, got {shown(value)}")
    return value


def text(value: Any) -> str:
    """Accept a string that is not empty."""
    if not isinstance(value, str):
        quoting = "" if value is None or isinstance(value, (dict, list)) else " (put it in quotes)"
        raise SettingError(f"expected text, got {shown(value)}{quoting}")
    if not value:
        raise SettingError("expected text, got an empty string")
    return value


def path_or_name(value: Any) -> str:
    """Accept the name of a bundled text, or a path."""
    if "\0" in text(value):
        raise SettingError(
            f"expected a path, got {shown(value)}: a path cannot contain a NUL character"
        )
    return str(value)


def folder_name(value: Any) -> str:
    """Accept a name that a directory can have."""
    if text(value) == ".." or "\0" in value or Path(value).name != value:
        raise SettingError(f"expected a plain name for a directory, got {shown(value)}")
    return str(value)


def run_name(value: Any) -> str:
    """Accept a name that a directory can have; return it as ``plain_name`` writes it."""
    return plain_name(folder_name(value))


def alphabet(value: Any) -> str | None:
    """Accept the characters of an alphabet, each once, or None for the characters of the text."""
    if value is None:
        return None
    repeated = [character for character, count in Counter(text(value)).items() if count > 1]
    if repeated:
        listed = ", ".join(map(repr, repeated[:5]))
        raise SettingError(f"expected each character once; more than once: {listed}")
    for character in value:
        if "\ud800" <= character <= "\udfff":
            raise SettingError(
                f"expected characters, but {character!r} is half of a surrogate pair"
            )
    return str(value)


def separator(value: Any) -> str:
    """Accept a line that separates documents, or a regular expression between two slashes.

    >>> separator("---"), separator("/^(?=def )/")
    ('---', '/^(?=def )/')
    """
    given = str(value) if value == "" else text(value)
    if pattern := pattern_of(given):
        try:
            re.compile(pattern)
        except re.error as error:
            raise SettingError(
                f"expected a regular expression between the slashes, got {shown(pattern)}: {error}; to separate by a "
                f"line that begins and ends with a slash, write /{re.escape(given)}/"
            ) from error
    elif "\n" in given or "\r" in given:
        raise SettingError(
            f"expected one line, got {shown(given)}; for an empty line give '', and for other separators a pattern "
            "between slashes"
        )
    return given


def pattern_of(separator: str) -> str | None:
    """Return the regular expression of a separator; None if it is a line.

    >>> pattern_of("/a+/"), pattern_of("a+"), pattern_of("//")
    ('a+', None, None)
    """
    is_pattern = len(separator) > 2 and separator.startswith("/") and separator.endswith("/")
    return separator[1:-1] if is_pattern else None


def encoding(value: Any) -> str:
    """Accept ``bytes``, or the name of a codec that decodes texts piece by piece."""
    name = text(value)
    if name == "bytes":
        return name
    try:
        codec = codecs.lookup(name)
        # it refuses codecs that do not decode to text: base64, zip, ...
        io.TextIOWrapper(io.BytesIO(), name)
    except (LookupError, ValueError):
        raise SettingError(
            f"expected bytes, or an encoding that Python knows such as utf-8, cp1252 or utf-16, got {shown(value)}"
        ) from None
    if codec.name in ("idna", "punycode", "undefined"):
        raise SettingError(
            f"expected an encoding of texts, such as utf-8 or cp1252, got {shown(value)}"
        )
    return name
