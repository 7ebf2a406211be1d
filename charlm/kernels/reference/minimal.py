"""A recurrence whose gates see only the input: h' = k * h + (1 - k) * c, with k = logistic(d) and c = positive(a).

The minimal GRU and the minimal LSTM (Feng et al., 2024) differ only in how they make d. No product follows another in
time, so a step is a few operations on vectors.
"""

from __future__ import annotations

import numpy as np

from charlm.kernels.reference.common import ONE, Array, logistic

HALF = np.full((), 0.5, np.float32)


def softplus(x: Array) -> Array:
    """ln(1 + e^x), without overflow: the negative logarithm of logistic(-x).

    Example:
        >>> softplus(np.array([-1000.0, 0.0, 1000.0])).round(4).tolist()
        [0.0, 0.6931, 1000.0]
    """
    out: Array = np.logaddexp(np.zeros((), x.dtype), x)
    return out


def positive(x: Array) -> Array:
    """Return g(x) of Feng et al. (2024), which is positive: x + 1/2 from 0 on, logistic(x) below."""
    return np.where(x >= 0, x + HALF, logistic(x))


def blend_forward(
    d_TBH: Array, a_TBH: Array, h_BH: Array | None
) -> tuple[Array, tuple[Array, Array]]:
    """Return the states (1, T, B, H) of every step, and k and c for the backward pass.

    Args:
        d_TBH: inside the logistic of what is kept.
        a_TBH: inside ``positive``.
        h_BH: the initial state; zeros if it is not given.

    Example:
        >>> keep_half, one = np.zeros((2, 1, 1)), np.full((2, 1, 1), 0.5)
        >>> blend_forward(keep_half, one, None)[0].ravel().tolist()
        [0.5, 0.75]
    """
    k_TBH, c_TBH = logistic(d_TBH), positive(a_TBH)
    y_STBH = ((ONE - k_TBH) * c_TBH)[np.newaxis]
    for k, y in zip(k_TBH, y_STBH[0], strict=True):
        if h_BH is not None:
            y += k * h_BH
        h_BH = y
    return y_STBH, (k_TBH, c_TBH)


def blend_backward(
    dy_STBH: Array,
    y_STBH: Array,
    saved: tuple[Array, Array],
    h_BH: Array | None,
    state_gradient_STBH: Array | None = None,
) -> tuple[Array, Array, Array]:
    """Return the gradients of d, of a, and of the initial state, which is zeros if it is not given."""
    k_TBH, c_TBH = saved
    dh_TBH = dy_STBH[0].copy()
    for t in reversed(range(len(dh_TBH) - 1)):
        dh_TBH[t] += k_TBH[t + 1] * dh_TBH[t + 1]
    if state_gradient_STBH is not None:
        state_gradient_STBH[0] = dh_TBH
    start = np.zeros_like(y_STBH[0, 0]) if h_BH is None else h_BH
    before_TBH = np.concatenate([start[np.newaxis], y_STBH[0, :-1]])
    new_TBH = ONE - k_TBH
    dd_TBH = dh_TBH * (before_TBH - c_TBH) * k_TBH * new_TBH
    # below 0, c is the logistic function; from there on, c is 1/2 or more and the slope is 1
    slope_TBH = np.where(c_TBH < HALF, c_TBH * (ONE - c_TBH), ONE)
    return dd_TBH, dh_TBH * new_TBH * slope_TBH, dh_TBH[0] * k_TBH[0]
