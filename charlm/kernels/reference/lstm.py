"""The LSTM: gates i, f, o, g in blocks of H; c' = f*c + i*g; h' = o*tanh(c')."""

from __future__ import annotations

import numpy as np

from charlm.kernels.reference.common import (
    Array,
    Input,
    logistic,
    masked,
    project,
    project_backward,
    quarters,
    recurrent_weight_gradient,
)


def lstm_forward(
    x_TBI: Input,
    Wx_IG: Array,
    Wh_HG: Array,
    b_G: Array,
    c_BH: Array | None,
    h_BH: Array | None,
    forget_bias: float = 1.0,
    mask_BH: Array | None = None,
) -> tuple[Array, Array]:
    """Run DyNet's vanilla LSTM over a sequence; ``forget_bias`` is added inside the forget gate."""
    H = len(Wh_HG)
    bias = b_G.copy()
    bias[H : 2 * H] += forget_bias
    gates_TBG = project(x_TBI, Wx_IG, bias)
    T, B = gates_TBG.shape[:2]
    y_STBH = np.empty((2, T, B, H), gates_TBG.dtype)
    for t, a_BG in enumerate(gates_TBG):
        if h_BH is not None:
            a_BG += masked(h_BH, mask_BH).dot(Wh_HG)
        i, f, o, g = quarters(a_BG)
        logistic(a_BG[:, : 3 * H], out=a_BG[:, : 3 * H])
        np.tanh(g, out=g)
        c, h = y_STBH[0, t], y_STBH[1, t]
        np.multiply(i, g, out=c)
        if c_BH is not None:
            c += f * c_BH
        np.tanh(c, out=h)
        h *= o
        c_BH, h_BH = c, h
    return y_STBH, gates_TBG


def lstm_backward(
    dy_STBH: Array,
    y_STBH: Array,
    saved: Array,
    x_TBI: Input,
    Wx_IG: Array,
    Wh_HG: Array,
    b_G: Array,
    c_BH: Array | None,
    h_BH: Array | None,
    forget_bias: float = 1.0,
    mask_BH: Array | None = None,
    total_STBH: Array | None = None,
) -> list[Array | None]:
    """Return the gradients of ``lstm_forward``'s arguments, in their order."""
    gates_TBG = saved
    c_TBH, h_TBH = y_STBH
    da_TBG = np.empty_like(gates_TBG)
    dc_BH = np.zeros_like(c_TBH[0])
    dh_BH = np.zeros_like(c_TBH[0])
    for t in reversed(range(x_TBI.shape[0])):
        i, f, o, g = quarters(gates_TBG[t])
        di, df, do, dg = quarters(da_TBG[t])
        before = c_TBH[t - 1] if t else c_BH
        tanh_c = np.tanh(c_TBH[t])
        dh = dy_STBH[1, t] + dh_BH
        dc_BH += dy_STBH[0, t]
        dc_BH += dh * o * (1 - tanh_c * tanh_c)
        if total_STBH is not None:
            total_STBH[:, t] = dc_BH, dh
        di[...] = dc_BH * g * i * (1 - i)
        df[...] = 0.0 if before is None else dc_BH * before * f * (1 - f)
        do[...] = dh * tanh_c * o * (1 - o)
        dg[...] = dc_BH * i * (1 - g * g)
        dh_BH = masked(da_TBG[t].dot(Wh_HG.T), mask_BH)
        dc_BH *= f
    dx_TBI, dWx_IG, db_G = project_backward(da_TBG, x_TBI, Wx_IG)
    dWh_HG = recurrent_weight_gradient(h_TBH, h_BH, da_TBG, mask_BH)
    dc = dc_BH if c_BH is not None else None
    return [dx_TBI, dWx_IG, dWh_HG, db_G, dc, dh_BH if h_BH is not None else None]
