"""Progress reports of long work, for a listener if there is one.

A listener belongs to the thread or context that set it: work on other threads is not reported.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from contextvars import ContextVar
from typing import Protocol, TypeAlias

Advance: TypeAlias = Callable[[float], object]
"""Takes the amount of work done since the last call."""


class Listener(Protocol):
    """Shows messages and progress."""

    def say(self, text: str) -> None:
        """Show a message."""

    def task(self, what: str, total: float | None) -> AbstractContextManager[Advance]:
        """Show the progress of work until the ``with`` block ends."""


def _ignore(amount: float) -> None:
    """Ignore the progress."""


_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)
_advance: ContextVar[Advance] = ContextVar("advance", default=_ignore)


def listen(listener: Listener) -> None:
    """Set the listener."""
    _listener.set(listener)


def say(text: str) -> None:
    """Pass a message to the listener, if there is one."""
    listener = _listener.get()
    if listener is not None:
        listener.say(text)


@contextlib.contextmanager
def task(what: str, total: float | None = None) -> Iterator[None]:
    """Report the progress of the ``with`` block.

    Args:
        what: the name of the work, such as ``scoring``.
        total: the amount of work; None if it is unknown or very short.

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
    before = _advance.set(_ignore)
    try:
        yield
    finally:
        _advance.reset(before)


def advance(amount: float) -> None:
    """Report that this much more of the innermost task is done."""
    _advance.get()(amount)
