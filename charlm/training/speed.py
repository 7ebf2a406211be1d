"""The speed of this machine, compared with the one on which the presets were chosen."""

from __future__ import annotations

import time

import numpy as np

from charlm.engine.arrays import Array
from charlm.kernels import has_numba
from charlm.threads import one_thread

REFERENCE = 154.0
"""10^9 additions and multiplications per second of ``PRODUCT`` on the machine of the presets: two cores."""
WITHOUT_NUMBA = 0.5
"""The speed of a training with numpy's kernels, compared with compiled ones: two layers of 128 take twice the time."""
PRODUCT = (256, 512, 512)
"""The sizes of the matrices in the product that is measured. It takes about a millisecond, so other programs do not
interrupt all of them."""
SECONDS = 0.1


def machine_speed() -> float:
    """Return how fast a training is here, compared with the machine of the presets; numpy's threads count.

    The fastest of many products counts, with numpy's threads or with one. Other programs on the machine make products
    with several threads up to 50 times slower, because each thread waits for the others.
    """
    m, k, n = PRODUCT
    a, b = np.ones((m, k), np.float32), np.ones((k, n), np.float32)
    best = _fastest(a, b)
    with one_thread():
        best = min(best, _fastest(a, b))
    speed = 2 * m * k * n / best / 1e9 / REFERENCE
    return speed if has_numba() else speed * WITHOUT_NUMBA


def _fastest(a: Array, b: Array) -> float:
    """Return the seconds of the fastest product."""
    best, end = np.inf, time.perf_counter() + SECONDS
    while time.perf_counter() < end:
        before = time.perf_counter()
        a @ b
        best = min(best, time.perf_counter() - before)
    return best
