"""For each of DyNet's operations, how a random program calls it: code for one call whose arguments suit, or None.

Arguments keep away from where a float32 result is not determined: ties and kinks (``clear``), poles, spreads near 0.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tests.dynet.random_programs.draft import Dims, Draft

Make = Callable[[Draft, str], "str | None"]
CATALOGUE: dict[str, Make] = {}

# what no random program does, and why
LEFT_OUT = {
    "the reflected operators": "1 + x, 2 * x and 1 - x raise TypeError in DyNet's wheel",
    "gradients of poisson_loss": "DyNet's ignores the gradient of the result; values are compared",
    "gradients of round, ceil and floor": "DyNet reads a flag that was never set; the values are compared",
    "the gradient of binary_log_loss for its second argument": "DyNet's is not the derivative",
    "the gradients of the masks of vanilla_lstm_gates_dropout": "DyNet gives none",
    "an index of hinge_dim with d=1 beyond the number of rows": "DyNet compares it with the wrong size and refuses",
    "logsumexp_dim with d=1 of more rows than columns": "DyNet leaves rows out of the sum",
    "beta of silu": "DyNet's gradient ignores it; silu(x) is compared",
    "contract3d_1d without a bias": "DyNet adds to whatever was in memory; with a bias it is compared",
    "average of different batch sizes": "DyNet's gradient is wrong; equal sizes are compared",
    "batches of fold_rows and filter1d_narrow": "DyNet keeps only the first element",
    "a batch of matrices times a single matrix": "DyNet's product can be NaN, depending on what was in memory",
    "weightnoise_std": "with it, DyNet leaves out weights and inputs",
    "to_device": "DyNet returns zeros if the value is already on the device",
}


def op(*names: str) -> Callable[[Make], Make]:
    def register(make: Make) -> Make:
        for name in names:
            assert name not in CATALOGUE, name
            CATALOGUE[name] = make
        return make

    return register


def clear(values: np.ndarray, gap: float = 2e-3) -> bool:
    """Whether all these numbers differ."""
    return values.size < 2 or float(np.diff(np.sort(values, axis=None)).min()) > gap


def away(values: np.ndarray, point: float = 0.0, gap: float = 2e-3) -> bool:
    return bool((abs(values - point) > gap).all())


def within(low: float, high: float) -> Callable[[Dims, int, np.ndarray], bool]:
    return lambda d, b, v: bool(v.min() >= low and v.max() <= high)


def spread(values: np.ndarray, axes: tuple[int, ...], least: float = 0.1) -> bool:
    return bool((values.std(axis=axes) > least).all())


def per_element(value: np.ndarray, batch: int) -> tuple[int, ...]:
    """The axes of a value but its batch."""
    return tuple(range(value.ndim - (batch > 1)))


def between(d: Draft, low: float, high: float) -> str:
    """An expression within bounds, made from another if there is none."""
    found = d.any(within(low, high)) if d.flip() else None
    if found:
        return found
    squashed = d.node(f"dy.logistic({d.any()})")
    return d.node(
        f"{squashed} * {round((high - low) * 0.9, 3)} + {round(low + (high - low) * 0.05, 3)}"
    )


def axis_of(d: Draft, x: str) -> tuple[int, int]:
    """An axis of an expression and its size."""
    axis = d.rng.randrange(len(d.dims[x][0]))
    return axis, d.dims[x][0][axis]
