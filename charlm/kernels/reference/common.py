"""What the cells' kernels share."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = np.ndarray[Any, Any]


def logistic(x: Array) -> Array:
    """1 / (1 + exp(-x)); exp may overflow to inf, which gives the right 0."""
    out = np.exp(-x)
    out += 1
    return np.reciprocal(out, out=out)


def flat(a_TBX: Array) -> Array:
    """Make the positions one axis."""
    return a_TBX.reshape(-1, a_TBX.shape[-1])


def project(x_TBI: Array, W_IX: Array, b_X: Array) -> Array:
    """Return b + W x for all steps, as one product."""
    out = flat(x_TBI) @ W_IX
    out += b_X
    return out.reshape(*x_TBI.shape[:2], -1)


def project_backward(da_TBX: Array, x_TBI: Array, W_IX: Array) -> tuple[Array, Array, Array]:
    """Return the gradients of ``project``'s arguments, in their order."""
    da, x = flat(da_TBX), flat(x_TBI)
    return (da @ W_IX.T).reshape(x_TBI.shape), x.T @ da, da.sum(axis=0)


def masked(h: Array, mask: Array | None) -> Array:
    """Return h where there is no mask, else their product."""
    return h if mask is None else h * mask


def recurrent_weight_gradient(
    h_TBH: Array, h_BH: Array | None, da_TBX: Array, mask_BH: Array | None = None
) -> Array:
    """Sum over steps of (h before the step) x (gradient of the step)."""
    dW: Array = flat(masked(h_TBH[:-1], mask_BH)).T @ flat(da_TBX[1:])
    return dW if h_BH is None else dW + masked(h_BH, mask_BH).T @ da_TBX[0]


def quarters(a_BG: Array) -> tuple[Array, Array, Array, Array]:
    """Return views of the four blocks of the last axis."""
    H = a_BG.shape[-1] // 4
    return a_BG[..., :H], a_BG[..., H : 2 * H], a_BG[..., 2 * H : 3 * H], a_BG[..., 3 * H :]
