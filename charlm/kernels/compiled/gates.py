"""The arithmetic of the gates on registers, and their places. Sequences, sampling and tapes share it."""

from __future__ import annotations

from charlm.kernels.compiled.functions import logistic, tanh
from charlm.kernels.compiled.options import compiled
from charlm.kernels.compiled.vectors import Lanes, load, store


def lstm_memory(i: Lanes, f: Lanes, o: Lanes, g: Lanes, c: Lanes) -> tuple[Lanes, ...]:
    """Return the four gates from their pre-activations, and the memory that follows c."""
    i, f, o, g = logistic(i), logistic(f), logistic(o), tanh(g)
    return i, f, o, g, f * c + i * g


def lstm_memory_back(
    i: Lanes, f: Lanes, g: Lanes, before: Lanes, dc: Lanes
) -> tuple[Lanes, Lanes, Lanes, Lanes]:
    """Return the gradients of the pre-activations of i, f and g, and of the previous memory."""
    return dc * g * i * (1.0 - i), dc * before * f * (1.0 - f), dc * i * (1.0 - g * g), dc * f


def output_back(o: Lanes, t: Lanes, dh: Lanes) -> tuple[Lanes, Lanes]:
    """Return the gradients of o's pre-activation and of n, for h' = o t and t = tanh(n)."""
    return dh * t * o * (1.0 - o), dh * o * (1.0 - t * t)


@compiled(inline=True)
def load_four(array, at, step, count):
    """Return one register of each gate; the next gate is ``step`` numbers further."""
    return (
        load(array, at, count),
        load(array, at + step, count),
        load(array, at + 2 * step, count),
        load(array, at + 3 * step, count),
    )


@compiled(inline=True)
def store_four(array, at, step, count, i, f, o, g):
    """The opposite of ``load_four``."""
    store(array, at, i, count)
    store(array, at + step, f, count)
    store(array, at + 2 * step, o, count)
    store(array, at + 3 * step, g, count)
