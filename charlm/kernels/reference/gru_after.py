"""The GRU of PyTorch: r, z = logistic(..); n = tanh(an + r*(Whn h + bn)); h' = (1-z)*n + z*h."""

from __future__ import annotations

import numpy as np

from charlm.kernels.reference.common import (
    ONE,
    Array,
    Gradients,
    Input,
    SamplingLayer,
    logistic,
    project,
    project_backward,
    recurrent_weight_gradient,
)


def gru_after_forward(
    x_TBI: Input, Wx_IG: Array, Wh_HG: Array, b_G: Array, bn_H: Array, h_BH: Array | None
) -> tuple[Array, tuple[Array, Array, Array, Array]]:
    """Run the GRU over a sequence; the blocks of weights are r, z and n."""
    H = len(Wh_HG)
    a_TBG = project(x_TBI, Wx_IG, b_G)
    y_STBH = np.empty((1, *a_TBG.shape[:2], H), a_TBG.dtype)
    saved = [np.empty_like(y_STBH[0]) for _ in range(4)]
    h = np.zeros_like(y_STBH[0, 0]) if h_BH is None else h_BH
    for a, y, r, z, n, reset in zip(a_TBG, y_STBH[0], *saved, strict=True):
        u = h.dot(Wh_HG)
        r[...] = logistic(a[:, :H] + u[:, :H])
        z[...] = logistic(a[:, H : 2 * H] + u[:, H : 2 * H])
        np.add(u[:, 2 * H :], bn_H, out=reset)
        np.tanh(a[:, 2 * H :] + r * reset, out=n)
        np.add(n, z * (h - n), out=y)
        h = y
    r, z, n, reset = saved
    return y_STBH, (r, z, n, reset)


def gru_after_backward(
    dy_STBH: Array,
    y_STBH: Array,
    saved: tuple[Array, Array, Array, Array],
    x_TBI: Input,
    Wx_IG: Array,
    Wh_HG: Array,
    b_G: Array,
    bn_H: Array,
    h_BH: Array | None,
    state_gradient_STBH: Array | None = None,
) -> Gradients:
    """Return the gradients of ``gru_after_forward``'s arguments, in their order."""
    r_TBH, z_TBH, n_TBH, reset_TBH = saved
    start = np.zeros_like(y_STBH[0, 0]) if h_BH is None else h_BH
    before_TBH = np.concatenate([start[np.newaxis], y_STBH[0, :-1]])
    dn_TBH, du_TBG = np.empty_like(n_TBH), np.empty((*n_TBH.shape[:2], len(b_G)), n_TBH.dtype)
    dh = np.zeros_like(start)
    for t in reversed(range(x_TBI.shape[0])):
        r, z, n, h = r_TBH[t], z_TBH[t], n_TBH[t], before_TBH[t]
        dy = dy_STBH[0, t] + dh
        if state_gradient_STBH is not None:
            state_gradient_STBH[0, t] = dy
        dn = dn_TBH[t] = dy * (ONE - z) * (ONE - n * n)
        dr = dn * reset_TBH[t] * r * (ONE - r)
        dz = dy * (h - n) * z * (ONE - z)
        np.concatenate([dr, dz, dn * r], axis=1, out=du_TBG[t])
        dh = dy * z + du_TBG[t].dot(Wh_HG.T)
    H = len(Wh_HG)
    da_TBG = np.concatenate([du_TBG[..., : 2 * H], dn_TBH], axis=-1)
    dWh = recurrent_weight_gradient(y_STBH[0], h_BH, du_TBG)
    dbn = du_TBG[..., 2 * H :].sum(axis=(0, 1))
    dx, dWx, db = project_backward(da_TBG, x_TBI, Wx_IG)
    return [dx, dWx, dWh, db, dbn, None if h_BH is None else dh]


class GruAfterLayer(SamplingLayer):
    """The GRU of PyTorch."""

    states = 1

    def __init__(self, Wx_IG: Array, Wh_HG: Array, b_G: Array, bn_H: Array) -> None:
        super().__init__(Wx_IG.copy(), b_G.copy(), len(Wh_HG))
        self.Wh_HG, self.bn_H = Wh_HG.copy(), bn_H.copy()

    def step(self, a_BG: Array, *states: Array) -> tuple[Array, ...]:
        """H' = n + z (h - n)."""
        (h,), H = states, self.hidden
        u = h @ self.Wh_HG
        gates, n = logistic(a_BG[:, : 2 * H] + u[:, : 2 * H]), u[:, 2 * H :]
        n += self.bn_H
        n *= gates[:, :H]
        n += a_BG[:, 2 * H :]
        np.tanh(n, out=n)
        return (n + gates[:, H:] * (h - n),)
