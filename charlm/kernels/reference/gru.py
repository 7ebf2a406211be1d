"""The GRU: z, r = logistic(..); c = tanh(bh + Wxh x + Whh (r*h)); h' = (1-z)*h + z*c."""

from __future__ import annotations

import numpy as np

from charlm.kernels.reference.common import (
    ONE,
    Array,
    Gradients,
    Input,
    Product,
    before,
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
    state_gradient_STBH: Array | None = None,
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
        if state_gradient_STBH is not None:
            state_gradient_STBH[0, t] = dy
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


def gru_step(
    x_BI: Array,
    Wxz_1IH: Array,
    Whz_1HH: Array,
    bz_1H: Array,
    Wxr_1IH: Array,
    Whr_1HH: Array,
    br_1H: Array,
    Wxc_1IH: Array,
    Whc_1HH: Array,
    bc_1H: Array,
    h_BH: Array | None,
) -> tuple[Array, tuple[Array, Array, Array]]:
    """Run one step."""
    z, r, c = x_BI.dot(Wxz_1IH[0]), x_BI.dot(Wxr_1IH[0]), x_BI.dot(Wxc_1IH[0])
    z += bz_1H
    r += br_1H
    c += bc_1H
    if h_BH is not None:
        z += h_BH.dot(Whz_1HH[0])
        r += h_BH.dot(Whr_1HH[0])
    logistic(z, out=z)
    logistic(r, out=r)
    if h_BH is not None:
        c += (r * h_BH).dot(Whc_1HH[0])
    np.tanh(c, out=c)
    y_BH = z * c
    if h_BH is not None:
        y_BH += (ONE - z) * h_BH
    return y_BH, (z, r, c)


def gru_step_backward(
    dy_BH: Array,
    y_BH: Array,
    saved: tuple[Array, Array, Array],
    x_BI: Array,
    Wxz_1IH: Array,
    Whz_1HH: Array,
    bz_1H: Array,
    Wxr_1IH: Array,
    Whr_1HH: Array,
    br_1H: Array,
    Wxc_1IH: Array,
    Whc_1HH: Array,
    bc_1H: Array,
    h_BH: Array | None,
) -> Gradients:
    """Return the gradients of ``gru_step``'s arguments, in their order."""
    z, r, c = saved
    h = before(h_BH, y_BH)
    dc = dy_BH * z * (ONE - c * c)
    drh = dc.dot(Whc_1HH[0].T)
    dr = drh * h * r * (ONE - r)
    dz = dy_BH * (c - h) * z * (ONE - z)
    dx = dz.dot(Wxz_1IH[0].T) + dr.dot(Wxr_1IH[0].T) + dc.dot(Wxc_1IH[0].T)
    found: Gradients = [dx]
    for da, before_BH in (dz, h), (dr, h), (dc, r * h):
        found += Product(x_BI, da), Product(before_BH, da), da
    dh = dy_BH * (ONE - z) + drh * r + dz.dot(Whz_1HH[0].T) + dr.dot(Whr_1HH[0].T)
    return [*found, None if h_BH is None else dh]
