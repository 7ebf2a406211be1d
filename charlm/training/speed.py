"""The speed of this machine, compared with the one on which the presets were chosen."""

from __future__ import annotations

import time

import numpy as np

from charlm.kernels import has_numba

REFERENCE = 190.0
"""10^9 additions and multiplications per second of ``PRODUCT`` on the machine of the presets: two cores."""
WITHOUT_NUMBA = 0.5
"""The speed of a training with numpy's kernels alone, compared with compiled ones; see docs/engine.md."""
PRODUCT = (512, 512, 2048)
"""The sizes of the matrices in the product that is measured: those of an LSTM's step."""
SECONDS = 0.2


def machine_speed() -> float:
    """Return how fast a training is here, compared with the machine of the presets; numpy's threads count.

    The fastest of many products counts: other programs make some of them slower.
    """
    m, k, n = PRODUCT
    a, b = np.ones((m, k), np.float32), np.ones((k, n), np.float32)
    best = np.inf
    end = time.perf_counter() + SECONDS
    while time.perf_counter() < end:
        before = time.perf_counter()
        a @ b
        best = min(best, time.perf_counter() - before)
    speed = 2 * m * k * n / best / 1e9 / REFERENCE
    return speed if has_numba() else speed * WITHOUT_NUMBA
