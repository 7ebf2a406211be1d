"""The GRU: z, r = logistic(..); c = tanh(bh + Wxh x + Whh (r*h)); h' = (1-z)*h + z*c."""

from __future__ import annotations

import numpy as np

from charlm.kernels.reference.common import (
    ONE,
    Array,
    Gradients,
    Input,
    Product,
    SamplingLayer,
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
    for z, r, c, y in zip(z_TBH, r_TBH, c_TBH, y_STBH[0], strict=True):
        _open(z, r, c, h_BH, Whz_HH, Whr_HH, Whc_HH, y)
        h_BH = y
    return y_STBH, (z_TBH, r_TBH, c_TBH)


def _open(
    z: Array, r: Array, c: Array, h: Array | None, Whz: Array, Whr: Array, Whc: Array, y: Array
) -> None:
    """Replace the pre-activations z, r and c by their values; fill ``y`` with h'."""
    if h is not None:
        z += h.dot(Whz)
        r += h.dot(Whr)
    logistic(z, out=z)
    logistic(r, out=r)
    if h is not None:
        c += (r * h).dot(Whc)
    np.tanh(c, out=c)
    np.multiply(z, c, out=y)
    if h is not None:
        y += (ONE - z) * h


def _open_backward(
    dy: Array, z: Array, r: Array, c: Array, h: Array, Whz: Array, Whr: Array, Whc: Array
) -> tuple[Array, Array, Array, Array]:
    """Return the gradients of the pre-activations of z, r and the candidate, and of h."""
    da_c = dy * z * (ONE - c * c)
    drh = da_c.dot(Whc.T)
    da_r = drh * h * r * (ONE - r)
    da_z = dy * (c - h) * z * (ONE - z)
    dh = dy * (ONE - z) + drh * r + da_z.dot(Whz.T) + da_r.dot(Whr.T)
    return da_z, da_r, da_c, dh


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
        dy = dy_STBH[0, t] + dh_BH
        if state_gradient_STBH is not None:
            state_gradient_STBH[0, t] = dy
        da_z[t], da_r[t], da_c[t], dh_BH = _open_backward(
            dy, z_TBH[t], r_TBH[t], c_TBH[t], before_TBH[t], Whz_HH, Whr_HH, Whc_HH
        )
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
    y_BH = np.empty_like(z)
    _open(z, r, c, h_BH, Whz_1HH[0], Whr_1HH[0], Whc_1HH[0], y_BH)
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
    dz, dr, dc, dh = _open_backward(dy_BH, z, r, c, h, Whz_1HH[0], Whr_1HH[0], Whc_1HH[0])
    dx = dz.dot(Wxz_1IH[0].T) + dr.dot(Wxr_1IH[0].T) + dc.dot(Wxc_1IH[0].T)
    gradients: Gradients = [dx]
    for da, before_BH in (dz, h), (dr, h), (dc, r * h):
        gradients += Product(x_BI, da), Product(before_BH, da), da
    return [*gradients, None if h_BH is None else dh]


class GruLayer(SamplingLayer):
    """The GRU: the gates z and r, then the candidate."""

    states = 1

    def __init__(
        self,
        Wxz_IH: Array,
        Whz_HH: Array,
        bz_H: Array,
        Wxr_IH: Array,
        Whr_HH: Array,
        br_H: Array,
        Wxc_IH: Array,
        Whc_HH: Array,
        bc_H: Array,
    ) -> None:
        Wx = np.concatenate([Wxz_IH, Wxr_IH, Wxc_IH], axis=1)
        super().__init__(Wx, np.concatenate([bz_H, br_H, bc_H]), len(Whz_HH))
        self.Wh_HG = np.concatenate([Whz_HH, Whr_HH], axis=1)
        self.Whc_HH = Whc_HH.copy()

    def step(self, a_BG: Array, *states: Array) -> tuple[Array, ...]:
        """H' = (1 - z) h + z c."""
        (h,), H = states, self.hidden
        gates, c = a_BG[:, : 2 * H], a_BG[:, 2 * H :]
        gates += h @ self.Wh_HG
        gates = logistic(gates)
        z, r = gates[:, :H], gates[:, H:]
        c += (r * h) @ self.Whc_HH
        np.tanh(c, out=c)
        c -= h
        c *= z
        c += h
        return (c,)
