"""The LSTM with one gate i for both keeping and admitting: c' = (1-i)*c + i*w; h' = o*tanh(c').

With matrices for peepholes the gates also read the memory: i the memory before the step, o the memory after it.
"""

from __future__ import annotations

import numpy as np

from charlm.kernels.reference.common import (
    Array,
    Gradients,
    Input,
    logistic,
    masked,
    project,
    project_backward,
    recurrent_weight_gradient,
    weight_gradient,
)


def coupled_lstm_forward(
    x_TBI: Input,
    Wxi_IH: Array,
    Whi_HH: Array,
    Wci_HH: Array | None,
    bi_H: Array,
    Wxo_IH: Array,
    Who_HH: Array,
    Wco_HH: Array | None,
    bo_H: Array,
    Wxc_IH: Array,
    Whc_HH: Array,
    bc_H: Array,
    c_BH: Array | None,
    h_BH: Array | None,
    mask_BH: Array | None = None,
    c_mask_BH: Array | None = None,
) -> tuple[Array, tuple[Array, Array, Array]]:
    """Run DyNet's coupled LSTM over a sequence; ``c_mask_BH`` is the memory's, for the peepholes."""
    i_TBH = project(x_TBI, Wxi_IH, bi_H)
    o_TBH = project(x_TBI, Wxo_IH, bo_H)
    w_TBH = project(x_TBI, Wxc_IH, bc_H)
    c_BH, h_BH = (np.zeros_like(i_TBH[0]) if s is None else s for s in (c_BH, h_BH))
    y_STBH = np.empty((2, *i_TBH.shape), i_TBH.dtype)
    for t, (i, o, w) in enumerate(zip(i_TBH, o_TBH, w_TBH, strict=True)):
        seen_h = masked(h_BH, mask_BH)
        i += seen_h @ Whi_HH
        if Wci_HH is not None:
            i += masked(c_BH, c_mask_BH) @ Wci_HH
        i[...] = logistic(i)
        w += seen_h @ Whc_HH
        np.tanh(w, out=w)
        c, h = y_STBH[:, t]
        c[...] = (1 - i) * c_BH + i * w
        o += seen_h @ Who_HH
        if Wco_HH is not None:
            o += masked(c, c_mask_BH) @ Wco_HH
        o[...] = logistic(o)
        h[...] = o * np.tanh(c)
        c_BH, h_BH = c, h
    return y_STBH, (i_TBH, o_TBH, w_TBH)


def coupled_lstm_backward(
    dy_STBH: Array,
    y_STBH: Array,
    saved: tuple[Array, Array, Array],
    x_TBI: Input,
    Wxi_IH: Array,
    Whi_HH: Array,
    Wci_HH: Array | None,
    bi_H: Array,
    Wxo_IH: Array,
    Who_HH: Array,
    Wco_HH: Array | None,
    bo_H: Array,
    Wxc_IH: Array,
    Whc_HH: Array,
    bc_H: Array,
    c_BH: Array | None,
    h_BH: Array | None,
    mask_BH: Array | None = None,
    c_mask_BH: Array | None = None,
    state_gradient_STBH: Array | None = None,
) -> Gradients:
    """Return the gradients of ``coupled_lstm_forward``'s arguments, in their order."""
    i_TBH, o_TBH, w_TBH = saved
    c_TBH, h_TBH = y_STBH
    da_i, da_o, da_w = (np.empty_like(i_TBH) for _ in range(3))
    start = np.zeros_like(c_TBH[0]) if c_BH is None else c_BH
    before_TBH = np.concatenate([start[np.newaxis], c_TBH[:-1]])
    dc_BH, dh_BH = np.zeros_like(start), np.zeros_like(start)
    for t in reversed(range(x_TBI.shape[0])):
        i, o, w = i_TBH[t], o_TBH[t], w_TBH[t]
        tanh_c = np.tanh(c_TBH[t])
        dh = dy_STBH[1, t] + dh_BH
        da_o[t] = dh * tanh_c * o * (1 - o)
        dc = dy_STBH[0, t] + dc_BH + dh * o * (1 - tanh_c * tanh_c)
        if Wco_HH is not None:
            dc += masked(da_o[t] @ Wco_HH.T, c_mask_BH)
        if state_gradient_STBH is not None:
            state_gradient_STBH[:, t] = dc, dh
        da_i[t] = dc * (w - before_TBH[t]) * i * (1 - i)
        da_w[t] = dc * i * (1 - w * w)
        dc_BH = dc * (1 - i)
        if Wci_HH is not None:
            dc_BH += masked(da_i[t] @ Wci_HH.T, c_mask_BH)
        dh_BH = masked(da_i[t] @ Whi_HH.T + da_o[t] @ Who_HH.T + da_w[t] @ Whc_HH.T, mask_BH)
    dxi, dWxi, dbi = project_backward(da_i, x_TBI, Wxi_IH)
    dxo, dWxo, dbo = project_backward(da_o, x_TBI, Wxo_IH)
    dxw, dWxc, dbc = project_backward(da_w, x_TBI, Wxc_IH)
    dWhi, dWho, dWhc = (
        recurrent_weight_gradient(h_TBH, h_BH, da, mask_BH) for da in (da_i, da_o, da_w)
    )
    dWci = None if Wci_HH is None else weight_gradient(masked(before_TBH, c_mask_BH), da_i)
    dWco = None if Wco_HH is None else weight_gradient(masked(c_TBH, c_mask_BH), da_o)
    dc = None if c_BH is None else dc_BH
    dh = None if h_BH is None else dh_BH
    dx = dxi + dxo + dxw
    return [dx, dWxi, dWhi, dWci, dbi, dWxo, dWho, dWco, dbo, dWxc, dWhc, dbc, dc, dh]
