"""Long work reports what it does and how far it is; a program that runs it may listen.

A listener belongs to the thread, or to the context, that set it: work on other threads is not reported.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from contextvars import ContextVar
from typing import Protocol, TypeAlias

Advance: TypeAlias = Callable[[float], object]
"""Takes how much was done since the last time."""


class Listener(Protocol):
    """What shows messages and progress."""

    def say(self, text: str) -> None:
        """Show a message."""

    def task(self, what: str, total: float | None) -> AbstractContextManager[Advance]:
        """Show work until the ``with`` block ends."""


def _nobody(amount: float) -> None:
    """Show nothing."""


_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)
_advance: ContextVar[Advance] = ContextVar("advance", default=_nobody)


def listen(listener: Listener) -> None:
    """Report to this listener from now on."""
    _listener.set(listener)


def say(text: str) -> None:
    """Give the listener a message, if there is one."""
    listener = _listener.get()
    if listener is not None:
        listener.say(text)


@contextlib.contextmanager
def task(what: str, total: float | None = None) -> Iterator[None]:
    """Report work while the block runs.

    Args:
        what: what is done, such as ``scoring``.
        total: how much there is to do; None if that is not known, or over in a moment.

    Example:
        >>> with task("counting", 3):
        ...     for _ in range(3):
        ...         advance(1)
    """
    listener = _listener.get()
    if listener is None:
        yield
        return
    with listener.task(what, total) as tell:
        before = _advance.set(tell)
        try:
            yield
        finally:
            _advance.reset(before)


@contextlib.contextmanager
def unheard() -> Iterator[None]:
    """Report nothing of what the block does: it is a small part of the work that a task counts by itself."""
    before = _advance.set(_nobody)
    try:
        yield
    finally:
        _advance.reset(before)


def advance(amount: float) -> None:
    """Report how much more of the innermost task is done."""
    _advance.get()(amount)
