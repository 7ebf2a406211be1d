"""The kernels of a cell over a sequence: how their memory is laid out, and how they are called."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from charlm.kernels.compiled.dense import gradient_scratch
from charlm.kernels.compiled.packing import padded
from charlm.kernels.compiled.sequence import (
    Call,
    ForwardMemory,
    arrays_like,
    at_once,
    backward_like,
    cropped,
    flat,
    flats,
    forward_like,
    input_gradient,
    input_parts,
    steps_together,
    threads_for,
    threads_for_texts,
)
from charlm.kernels.reference.common import Array, Input
from charlm.kernels.team import Team


@dataclass(frozen=True)
class SequenceKernels:
    """A cell's kernels over a sequence.

    The compiled functions get tuples of flat arrays: the weights and the states as the plain kernels have them,
    what forward keeps for backward, and memory to work in. ``settings`` follow the states of the plain kernels.

    Attributes:
        forward, backward: the compiled functions.
        weights: the number of arrays of weights; the second is a recurrent matrix of H rows.
        gates: blocks of H numbers for each position.
        states: arrays that the cell carries on.
        settings: the numbers that it takes, with their defaults.
        resets: recurrent vectors beside the states that go through a matrix: kept, and with a gradient.
        by_text: whether a thread owns texts, rather than units.
    """

    forward: Any
    backward: Any
    weights: int
    gates: int
    states: int
    settings: tuple[np.float32, ...] = ()
    resets: int = 0
    by_text: bool = False

    def functions(self, forward: Any, backward: Any) -> tuple[Callable[..., Any], ...]:
        """Return both kernels; the arguments are the plain ones."""
        most = self.weights + self.states + len(self.settings)
        return (
            forward_like(forward, most, at_once(self.prepare_forward)),
            backward_like(backward, at_once(self.prepare_backward)),
        )

    def prepare_forward(
        self, team: Team, x: Input, *args: Any
    ) -> tuple[Call, tuple[Array, ForwardMemory]]:
        """Return a call that runs the cell over a sequence, and the states and the memory that it fills."""
        weights, states, settings = self._split(args, self.states)
        (T, B, X), H = x.shape, len(weights[1])
        numbers, ids, V = input_parts(x)
        y = team.empty(self.states, T, B, H)
        kept = tuple(map(team.empty, self.kept(T * B, V if len(ids) else T * B, H)))
        width = self.columns(H)
        work = [X * width, H * width, V * width, *self.forward_work(H)]
        call = team.call(
            self.forward,
            numbers,
            ids,
            flats(weights),
            flats(states),
            settings,
            flat(y),
            kept,
            tuple(team.temporary(*work)),
            (T, B, X, H, padded(H), V, steps_together(T, B)),
            threads=self._threads(team, T, B, H),
        )
        return call, (y, ForwardMemory(*kept))

    def prepare_backward(
        self,
        team: Team,
        dy: Array,
        y: Array,
        memory: ForwardMemory,
        x: Input,
        *args: Any,
        into: Sequence[Array] | None = None,
    ) -> tuple[Call, list[Any]]:
        """Return a call for the gradients of all arguments, and these, in order; those of weights are ``into``."""
        weights, states, _ = self._split(args, self.states)
        kept = memory.take(lambda: at_once(self.prepare_forward)(team, x, *args))
        (T, B, X), H = x.shape, len(weights[1])
        Hp, Xp = padded(H), padded(X)
        numbers, ids, V = input_parts(x)
        threads = self._threads(team, T, B, H)
        dx, gradients = input_gradient(team, x, Xp), arrays_like(team, weights, into)
        carried = [team.empty(B, Hp) for _ in range(self.states + self.resets)]
        width, scratch = self.columns(H), threads * gradient_scratch(max(X, H))
        work = [Xp * width, Hp * width, X * width, H * width, V * width, width, scratch]
        work += self.backward_work(H, threads)
        call = team.call(
            self.backward,
            flat(dy),
            flat(y),
            kept,
            numbers,
            ids,
            flats(weights),
            flats(states),
            flat(dx),
            flats(gradients),
            flats(carried),
            tuple(team.temporary(*work)),
            (T, B, X, H, Hp, V, steps_together(T, B)),
            threads=threads,
        )
        starts = zip(states, carried, strict=False)
        return call, [
            cropped(dx, X),
            *gradients,
            *(None if state is None else cropped(gradient, H) for state, gradient in starts),
        ]

    def columns(self, H: int) -> int:
        """Return the numbers of all gates at a position, with padding."""
        return self.gates * padded(H)

    def kept(self, N: int, rows: int, H: int) -> list[int]:
        """Return the sizes of what forward keeps, for N positions and as many rows of the input or its table."""
        return [N * self.columns(H), *[N * H] * self.resets]

    def forward_work(self, H: int) -> list[int]:
        """Return the sizes of further memory to work in."""
        return []

    def backward_work(self, H: int, threads: int) -> list[int]:
        """Return the sizes of further memory to work in."""
        return []

    def _split(
        self, args: Sequence[Any], states: int
    ) -> tuple[Sequence[Any], Sequence[Any], tuple[Any, ...]]:
        """Return the weights, the states, and the settings with their defaults."""
        end = self.weights + states
        settings = tuple(map(np.float32, args[end:])) or self.settings
        return args[: self.weights], args[self.weights : end], settings

    def _threads(self, team: Team, T: int, B: int, H: int) -> int:
        operations = 2 * self.gates * B * H * H
        if self.by_text:
            return threads_for_texts(team, T * operations, B)
        return threads_for(team, operations, H)
