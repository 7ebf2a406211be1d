"""The LSTM with layer normalisation (Ba et al., 2016) of Wx x, of Wh h, and of the memory that h' reads.

With N(x) = (x - m)/(s + 1e-8), m and s the mean and the deviation of a vector:
a = b + gx*N(Wx x) + bx + gh*N(Wh h) + bh, the last two terms only where there is an h;
c' = f*c + i*g as in the LSTM; h' = o*tanh(gc*N(c') + bc).
"""

from __future__ import annotations

import numpy as np

from charlm.kernels.reference.common import (
    Array,
    Gradients,
    Input,
    flat,
    masked,
    project,
    project_backward,
    quarters,
    weight_gradient,
)
from charlm.kernels.reference.lstm import open_gates

EPSILON = 1e-8  # DyNet's, which keeps N of a constant vector finite


def norm_lstm_forward(
    x_TBI: Input,
    Wx_IG: Array,
    Wh_HG: Array,
    b_G: Array,
    gh_G: Array,
    bh_G: Array,
    gx_G: Array,
    bx_G: Array,
    gc_H: Array,
    bc_H: Array,
    c_BH: Array | None,
    h_BH: Array | None,
    forget_bias: float = 1.0,
    mask_BH: Array | None = None,
) -> tuple[Array, tuple[Array, ...]]:
    """Run DyNet's LSTM with ``ln_lstm`` over a sequence."""
    H = len(Wh_HG)
    bias = b_G + bx_G
    bias[H : 2 * H] += forget_bias
    x_norm = _normalise(project(x_TBI, Wx_IG))
    gates_TBG = gx_G * x_norm[0] + bias
    T, B = gates_TBG.shape[:2]
    y_STBH = np.empty((2, T, B, H), gates_TBG.dtype)
    h_norm, c_norm = _like(gates_TBG), _like(y_STBH[0])
    for t, a_BG in enumerate(gates_TBG):
        if h_BH is not None:
            h_norm[0][t], h_norm[1][t] = _normalise(masked(h_BH, mask_BH) @ Wh_HG)
            a_BG += gh_G * h_norm[0][t] + bh_G
        gates = quarters(a_BG)
        c, h = y_STBH[:, t]
        open_gates(a_BG, gates, c_BH, c)
        c_norm[0][t], c_norm[1][t] = _normalise(c)
        h[...] = gates[2] * np.tanh(gc_H * c_norm[0][t] + bc_H)
        c_BH, h_BH = c, h
    return y_STBH, (gates_TBG, *x_norm, *h_norm, *c_norm)


def norm_lstm_backward(
    dy_STBH: Array,
    y_STBH: Array,
    saved: tuple[Array, ...],
    x_TBI: Input,
    Wx_IG: Array,
    Wh_HG: Array,
    b_G: Array,
    gh_G: Array,
    bh_G: Array,
    gx_G: Array,
    bx_G: Array,
    gc_H: Array,
    bc_H: Array,
    c_BH: Array | None,
    h_BH: Array | None,
    forget_bias: float = 1.0,
    mask_BH: Array | None = None,
    state_gradient_STBH: Array | None = None,
) -> Gradients:
    """Return the gradients of ``norm_lstm_forward``'s arguments, in their order."""
    gates_TBG, nx_TBG, sx_TB1, nh_TBG, sh_TB1, nc_TBH, sc_TB1 = saved
    c_TBH, h_TBH = y_STBH
    first = int(h_BH is None)  # the first step with an h
    da_TBG, dah_TBG = np.empty_like(gates_TBG), np.zeros_like(gates_TBG)
    dn_TBH = np.empty_like(c_TBH)
    tanh_TBH = np.tanh(gc_H * nc_TBH + bc_H)
    dc_BH, dh_BH = np.zeros_like(c_TBH[0]), np.zeros_like(c_TBH[0])
    for t in reversed(range(x_TBI.shape[0])):
        i, f, o, g = quarters(gates_TBG[t])
        di, df, do, dg = quarters(da_TBG[t])
        before = c_TBH[t - 1] if t else c_BH
        tanh_n = tanh_TBH[t]
        dh = dy_STBH[1, t] + dh_BH
        dn_TBH[t] = dh * o * (1 - tanh_n * tanh_n)
        dc_BH += dy_STBH[0, t] + _normalise_backward(dn_TBH[t] * gc_H, nc_TBH[t], sc_TB1[t])
        if state_gradient_STBH is not None:
            state_gradient_STBH[:, t] = dc_BH, dh
        di[...] = dc_BH * g * i * (1 - i)
        df[...] = 0.0 if before is None else dc_BH * before * f * (1 - f)
        do[...] = dh * tanh_n * o * (1 - o)
        dg[...] = dc_BH * i * (1 - g * g)
        if t >= first:
            dah_TBG[t] = _normalise_backward(da_TBG[t] * gh_G, nh_TBG[t], sh_TB1[t])
        dh_BH = masked(dah_TBG[t] @ Wh_HG.T, mask_BH)
        dc_BH *= f
    dax_TBG = _normalise_backward(da_TBG * gx_G, nx_TBG, sx_TB1)
    start = np.zeros_like(dh_BH) if h_BH is None else h_BH
    before_TBH = masked(np.concatenate([start[np.newaxis], h_TBH[:-1]]), mask_BH)
    dx, dWx, _ = project_backward(dax_TBG, x_TBI, Wx_IG)
    db_G = flat(da_TBG).sum(axis=0)
    return [
        dx,
        dWx,
        weight_gradient(before_TBH, dah_TBG),
        db_G,
        flat(da_TBG * nh_TBG).sum(axis=0),
        flat(da_TBG[first:]).sum(axis=0),
        flat(da_TBG * nx_TBG).sum(axis=0),
        db_G,
        flat(dn_TBH * nc_TBH).sum(axis=0),
        flat(dn_TBH).sum(axis=0),
        None if c_BH is None else dc_BH,
        None if h_BH is None else dh_BH,
    ]


def _like(a_TBX: Array) -> tuple[Array, Array]:
    """Return zeros in the shapes of ``_normalise``'s results."""
    return np.zeros_like(a_TBX), np.zeros((*a_TBX.shape[:-1], 1), a_TBX.dtype)


def _normalise(a: Array) -> tuple[Array, Array]:
    """Return N of the last axis, and the deviation."""
    centred = a - a.mean(axis=-1, keepdims=True)
    deviation = np.sqrt(np.square(centred).mean(axis=-1, keepdims=True))
    return centred / (deviation + a.dtype.type(EPSILON)), deviation


def _normalise_backward(dn: Array, n: Array, deviation: Array) -> Array:
    """Return the gradient of N's argument; where the argument was constant, N has no slope along n."""
    da = (dn - dn.mean(axis=-1, keepdims=True)) / (deviation + dn.dtype.type(EPSILON))
    along = (dn * n).mean(axis=-1, keepdims=True)
    return da - n * along / np.where(deviation > 0, deviation, dn.dtype.type(1))
