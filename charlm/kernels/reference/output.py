"""The output layer, and norms."""

from __future__ import annotations

import numpy as np

from charlm.kernels.reference.common import Array


def affine_softmax_nll_forward(
    h_NH: Array, W_HV: Array, b_V: Array, targets_N: Array
) -> tuple[Array, Array]:
    """Return -log softmax(b + W h)[target] for each position, and the probabilities."""
    p_NV = h_NH @ W_HV
    p_NV += b_V
    p_NV -= p_NV.max(axis=1, keepdims=True)  # exp overflows above 88 in float32
    rows = np.arange(len(targets_N))
    picked_N = p_NV[rows, targets_N]
    np.exp(p_NV, out=p_NV)
    total_N = p_NV.sum(axis=1)
    p_NV /= total_N[:, np.newaxis]
    return np.log(total_N) - picked_N, p_NV


def affine_softmax_nll_backward(
    dloss_N: Array, p_NV: Array, h_NH: Array, W_HV: Array, b_V: Array, targets_N: Array
) -> tuple[Array, Array, Array]:
    """Return the gradients of h, W and b."""
    da_NV = p_NV * dloss_N[:, np.newaxis]
    da_NV[np.arange(len(targets_N)), targets_N] -= dloss_N
    return da_NV @ W_HV.T, h_NH.T @ da_NV, da_NV.sum(axis=0)


def squared_norm(g: Array) -> float:
    """Return the sum of squares of a flat array, in the array's own precision."""
    return float(np.dot(g, g))
