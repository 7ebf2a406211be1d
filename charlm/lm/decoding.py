"""How characters are chosen from a model's probabilities: the settings, with their rules."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np

from charlm.config.rules import (
    Rule,
    checked,
    flag,
    number,
    or_nothing,
    suggestion,
    whole,
)
from charlm.errors import ArgumentError, SettingError

WINDOW = 64
"""The number of last characters that the repeat penalty applies to, as in llama.cpp."""
MOST_BEAMS = 1024


def _ruled(rule: Rule, default: Any) -> Any:
    """Return a field whose value is checked against a rule; numpy scalars are allowed."""

    def check(value: Any, field: attrs.Attribute[Any]) -> Any:
        plain = value.item() if isinstance(value, np.generic) else value
        return checked(rule, field.name, plain)

    return attrs.field(default=default, converter=attrs.Converter(check, takes_field=True))


@attrs.frozen
class Sampling:
    """How the next character is chosen. The filters apply in the order below and the temperature last, as in llama.cpp.

    ``None`` leaves a filter out, and so do the values that remove nothing: a penalty or ``top_p`` or ``typical`` of
    1, a ``min_p`` of 0. Each filter works on the characters that the one before it kept; their probabilities
    are rescaled to sum to 1.

    Args:
        repeat_penalty: the log-probabilities of the last characters are multiplied by it: above 1 they become
            less likely.
        repeat_window: the number of last characters that the penalty applies to, the prime included.
        top_k: keep this many of the likeliest characters.
        typical: keep the characters whose surprisal is nearest to the entropy, until they have this much of the
            probability (Meister et al., "Locally typical sampling", 2023).
        top_p: keep the likeliest characters, until they have this much of the probability (Holtzman et al., 2020).
        min_p: keep what is at least this fraction as likely as the likeliest character.
        temperature: below 1 plays safe, above 1 takes risks, 0 takes the likeliest character each time.
        greedy: take the likeliest character each time.
        by_word: sample the first character of a word, and take the likeliest ones inside it.
        beam: keep this many texts at each step, and return the likeliest of them.

    Raises:
        SettingError: a value is out of its range, or two settings contradict each other.

    Example:
        >>> Sampling(top_k=5).filters
        True
        >>> Sampling(greedy=True, top_k=5)
        Traceback (most recent call last):
        charlm.errors.SettingError: greedy: it ...nothing to choose from; leave out top_k, or greedy
    """

    repeat_penalty: float = _ruled(number(above=0), 1.0)
    repeat_window: int = _ruled(whole(1), WINDOW)
    top_k: int | None = _ruled(or_nothing(whole(1)), None)
    typical: float | None = _ruled(or_nothing(number(above=0, most=1)), None)
    top_p: float | None = _ruled(or_nothing(number(above=0, most=1)), None)
    min_p: float | None = _ruled(or_nothing(number(least=0, most=1)), None)
    temperature: float = _ruled(number(least=0), 1.0)
    greedy: bool = _ruled(flag, False)
    by_word: bool = _ruled(flag, False)
    beam: int | None = _ruled(or_nothing(whole(1, MOST_BEAMS)), None)

    def __attrs_post_init__(self) -> None:
        """Refuse settings that contradict each other."""
        choosing = {"top_k", "typical", "top_p", "min_p", "temperature"}
        if self.greedy:
            why = "it always takes the likeliest character, so there is nothing to choose from"
            self._refuse("greedy", why, choosing | {"by_word", "beam"})
        if self.beam is not None:
            why = "it searches for the likeliest text, and samples nothing"
            self._refuse("beam", why, choosing | {"by_word", "repeat_penalty", "repeat_window"})
        if self.repeat_penalty == 1 and self.repeat_window != WINDOW:
            raise SettingError(
                "it needs a repeat_penalty other than 1: give one, or leave out repeat_window",
                "repeat_window",
            )

    def _refuse(self, name: str, why: str, others: set[str]) -> None:
        """Refuse a setting together with others that have no effect with it."""
        met = [
            field.name
            for field in attrs.fields(Sampling)
            if field.name in others and getattr(self, field.name) != field.default
        ]
        if met:
            raise SettingError(f"{why}; leave out {' and '.join(met)}, or {name}", name)

    @property
    def filters(self) -> bool:
        """Whether anything but the temperature changes the probabilities."""
        return (
            self.repeat_penalty != 1
            or self.top_k is not None
            or (self.typical or 1) < 1
            or (self.top_p or 1) < 1
            or (self.min_p or 0) > 0
            or self.by_word
        )

    @property
    def sharpness(self) -> float:
        """The temperature, which is 0 if the likeliest character is taken."""
        return 0.0 if self.greedy else self.temperature


NAMES = tuple(field.name for field in attrs.fields(Sampling))


def sampling_of(options: dict[str, Any]) -> Sampling:
    """Return the settings that keyword arguments give.

    Raises:
        ArgumentError: there is no such setting.
        SettingError: a value breaks its rule.

    Example:
        >>> sampling_of({"topk": 3})
        Traceback (most recent call last):
        charlm.errors.ArgumentError: topk: there is no such setting of sampling; did you mean top_k?
    """
    for name in options:
        if name not in NAMES:
            raise ArgumentError(
                f"{name}: there is no such setting of sampling{suggestion(name, NAMES)}"
            )
    return Sampling(**options)
