"""DyNet's stack of the states of several builders."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from charlm.engine.expression import Expression, Operand
from charlm.engine.ops.arguments import each
from charlm.engine.rnn import RNNState
from charlm.errors import ArgumentError, EmptyListError


class StackedRNNState:
    """States of several builders, the lowest first; each reads the output of the one below.

    Args:
        states: one state of each builder.
        prev: the stack before this one.
    """

    def __init__(self, states: Sequence[RNNState], prev: StackedRNNState | None = None) -> None:
        self._states = list(states)
        self._previous = prev
        if not self._states:
            raise EmptyListError("StackedRNNState: the list of states is empty; give at least one")
        for state in self._states:
            if not isinstance(state, RNNState):
                raise ArgumentError(f"StackedRNNState: a list of states is needed, got {state!r}")

    def add_input(self, x: Operand) -> StackedRNNState:
        """Return the stack after one more input; this one does not change."""
        after: list[RNNState] = []
        for state in self._states:
            after.append(state.add_input(x))
            x = after[-1].output()  # type: ignore[assignment]  # not None after an input
        return StackedRNNState(after, self)

    def add_inputs(self, xs: Iterable[Operand]) -> list[StackedRNNState]:
        """Return the stacks after each input."""
        stacks: list[StackedRNNState] = []
        for x in each(xs, "add_inputs", "expressions"):
            stacks.append((stacks[-1] if stacks else self).add_input(x))
        return stacks

    def output(self) -> Expression | None:
        """Return the top state's output; None before the first input."""
        return self._states[-1].output()

    def prev(self) -> StackedRNNState | None:
        """Return the stack before this one; None for the first."""
        return self._previous

    def h(self) -> list[tuple[Expression, ...]]:
        """Return the ``h()`` of each state."""
        return [state.h() for state in self._states]

    def s(self) -> list[tuple[Expression, ...]]:
        """Return the ``s()`` of each state."""
        return [state.s() for state in self._states]
