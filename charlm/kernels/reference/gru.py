"""The GRU: z, r = logistic(..); c = tanh(bh + Wxh x + Whh (r*h)); h' = (1-z)*h + z*c."""

from __future__ import annotations

import numpy as np

from charlm.kernels.reference.common import (
    Array,
    Gradients,
    Input,
    logistic,
    project,
    project_backward,
    weight_gradient,
)


def gru_forward(
    x_TBI: Input,
    Wxz_IH: Array,
    Whz_HH: Array,
    bz_H: Array,
    Wxr_IH: Array,
    Whr_HH: Array,
    br_H: Array,
    Wxc_IH: Array,
    Whc_HH: Array,
    bc_H: Array,
    h_BH: Array | None,
) -> tuple[Array, tuple[Array, Array, Array]]:
    """Run DyNet's GRU over a sequence: the reset gate acts before the matrix, z admits the new value."""
    z_TBH = project(x_TBI, Wxz_IH, bz_H)
    r_TBH = project(x_TBI, Wxr_IH, br_H)
    c_TBH = project(x_TBI, Wxc_IH, bc_H)
    y_STBH = np.empty((1, *z_TBH.shape), z_TBH.dtype)
    for t, (z, r, c) in enumerate(zip(z_TBH, r_TBH, c_TBH, strict=True)):
        if h_BH is not None:
            z += h_BH @ Whz_HH
            r += h_BH @ Whr_HH
        z[...] = logistic(z)
        r[...] = logistic(r)
        if h_BH is not None:
            c += (r * h_BH) @ Whc_HH
        np.tanh(c, out=c)
        y = y_STBH[0, t]
        np.multiply(z, c, out=y)
        if h_BH is not None:
            y += (1 - z) * h_BH
        h_BH = y
    return y_STBH, (z_TBH, r_TBH, c_TBH)


def gru_backward(
    dy_STBH: Array,
    y_STBH: Array,
    saved: tuple[Array, Array, Array],
    x_TBI: Input,
    Wxz_IH: Array,
    Whz_HH: Array,
    bz_H: Array,
    Wxr_IH: Array,
    Whr_HH: Array,
    br_H: Array,
    Wxc_IH: Array,
    Whc_HH: Array,
    bc_H: Array,
    h_BH: Array | None,
    total_STBH: Array | None = None,
) -> Gradients:
    """Return the gradients of ``gru_forward``'s arguments, in their order."""
    z_TBH, r_TBH, c_TBH = saved
    da_z, da_r, da_c = (np.empty_like(z_TBH) for _ in range(3))
    start = np.zeros_like(z_TBH[0]) if h_BH is None else h_BH
    before_TBH = np.concatenate([start[np.newaxis], y_STBH[0, :-1]])
    dh_BH = np.zeros_like(start)
    for t in reversed(range(x_TBI.shape[0])):
        z, r, c, h = z_TBH[t], r_TBH[t], c_TBH[t], before_TBH[t]
        dy = dy_STBH[0, t] + dh_BH
        if total_STBH is not None:
            total_STBH[0, t] = dy
        da_c[t] = dy * z * (1 - c * c)
        drh = da_c[t] @ Whc_HH.T
        da_r[t] = drh * h * r * (1 - r)
        da_z[t] = dy * (c - h) * z * (1 - z)
        dh_BH = dy * (1 - z) + drh * r + da_z[t] @ Whz_HH.T + da_r[t] @ Whr_HH.T
    dxz, dWxz, dbz = project_backward(da_z, x_TBI, Wxz_IH)
    dxr, dWxr, dbr = project_backward(da_r, x_TBI, Wxr_IH)
    dxc, dWxc, dbc = project_backward(da_c, x_TBI, Wxc_IH)
    dWhz = weight_gradient(before_TBH, da_z)
    dWhr = weight_gradient(before_TBH, da_r)
    dWhc = weight_gradient(r_TBH * before_TBH, da_c)
    dh = dh_BH if h_BH is not None else None
    return [dxz + dxr + dxc, dWxz, dWhz, dbz, dWxr, dWhr, dbr, dWxc, dWhc, dbc, dh]
