"""The LSTM: gates i, f, o, g in blocks of H; c' = f*c + i*g; h' = o*tanh(c')."""

from __future__ import annotations

from typing import TypeAlias

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
    masked,
    project,
    project_backward,
    quarters,
    recurrent_weight_gradient,
)

Gates: TypeAlias = "tuple[Array, Array, Array, Array]"


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
        _open(a_BG, quarters(a_BG), c_BH, *y_STBH[:, t])
        c_BH, h_BH = y_STBH[:, t]
    return y_STBH, gates_TBG


def _open(a_BG: Array, gates: Gates, before_BH: Array | None, c_BH: Array, h_BH: Array) -> Array:
    """Replace the pre-activations ``gates``, views of a, by the gates; fill c and h, and return tanh(c)."""
    open_gates(a_BG, gates, before_BH, c_BH)
    tanh_c: Array = np.tanh(c_BH)
    np.multiply(tanh_c, gates[2], out=h_BH)
    return tanh_c


def open_gates(a_BG: Array, gates: Gates, before_BH: Array | None, c_BH: Array) -> None:
    """Replace the pre-activations ``gates``, views of a, by the gates; fill c."""
    i, f, _, g = gates
    ifo = a_BG[:, : 3 * c_BH.shape[1]]
    logistic(ifo, out=ifo)
    np.tanh(g, out=g)
    np.multiply(i, g, out=c_BH)
    if before_BH is not None:
        c_BH += f * before_BH


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
    state_gradient_STBH: Array | None = None,
) -> Gradients:
    """Return the gradients of ``lstm_forward``'s arguments, in their order."""
    gates_TBG = saved
    c_TBH, h_TBH = y_STBH
    da_TBG = np.empty_like(gates_TBG)
    dc_BH = np.zeros(c_TBH.shape[1:], c_TBH.dtype)  # 0.1 us; np.zeros_like takes 2
    dh_BH = np.zeros(c_TBH.shape[1:], c_TBH.dtype)
    f_TBH = quarters(gates_TBG)[1]
    span = max(1, _IN_CACHE // gates_TBG[0].size)
    Wh_GH = Wh_HG.T
    if len(da_TBG) > 1:
        Wh_GH = np.ascontiguousarray(Wh_GH)  # makes each step's product a quarter faster
    for t in reversed(range(len(da_TBG))):
        if t == len(da_TBG) - 1 or (t + 1) % span == 0:
            start = t - t % span
            steps = slice(start, t + 1)
            before_BH = c_TBH[start - 1] if start else c_BH
            slopes_TBH = _slopes(gates_TBG[steps], c_TBH[steps], before_BH, da_TBG[steps])
        di, df, do, dg = quarters(da_TBG[t])
        dh = dy_STBH[1, t] + dh_BH
        dc_BH += dy_STBH[0, t]
        dc_BH += dh * slopes_TBH[t - start]
        if state_gradient_STBH is not None:
            state_gradient_STBH[:, t] = dc_BH, dh
        di *= dc_BH
        df *= dc_BH
        do *= dh
        dg *= dc_BH
        dh_BH = masked(da_TBG[t].dot(Wh_GH), mask_BH)
        dc_BH *= f_TBH[t]
    dx_TBI, dWx_IG, db_G = project_backward(da_TBG, x_TBI, Wx_IG)
    dWh_HG = recurrent_weight_gradient(h_TBH, h_BH, da_TBG, mask_BH)
    dc = dc_BH if c_BH is not None else None
    return [dx_TBI, dWx_IG, dWh_HG, db_G, dc, dh_BH if h_BH is not None else None]


_IN_CACHE = 1 << 14  # numbers; larger blocks of steps are slower than single steps


def _slopes(gates_TBG: Array, c_TBH: Array, c_BH: Array | None, slopes_TBG: Array) -> Array:
    """Fill ``slopes_TBG`` with dc/da of each gate (for o: dh/da), and return dh/dc."""
    i, _, o, g = quarters(gates_TBG)
    di, df, do, dg = quarters(slopes_TBG)
    tanh_c = np.tanh(c_TBH)
    np.subtract(1, gates_TBG, out=slopes_TBG)
    slopes_TBG *= gates_TBG
    di *= g
    df[1:] *= c_TBH[:-1]
    df[0] *= 0.0 if c_BH is None else c_BH
    do *= tanh_c
    np.multiply(g, g, out=dg)
    np.subtract(1, dg, out=dg)
    dg *= i
    tanh_c *= tanh_c
    np.subtract(1, tanh_c, out=tanh_c)
    tanh_c *= o
    return tanh_c


def lstm_step(
    x_BI: Array,
    Wx_1IG: Array,
    Wh_1HG: Array,
    b_1G: Array,
    c_BH: Array | None,
    h_BH: Array | None,
    forget_bias: float = 1.0,
    mask_BH: Array | None = None,
) -> tuple[Array, tuple[Array, Gates, Array]]:
    """Run one step."""
    a_BG = x_BI.dot(Wx_1IG[0])
    a_BG += b_1G
    if h_BH is not None:
        a_BG += masked(h_BH, mask_BH).dot(Wh_1HG[0])
    gates = _, forget, _, _ = quarters(a_BG)
    forget += np.asarray(forget_bias, a_BG.dtype)
    y_SBH = np.empty((2, *forget.shape), a_BG.dtype)
    return y_SBH, (a_BG, gates, _open(a_BG, gates, c_BH, *y_SBH))


def lstm_step_backward(
    dy_SBH: Array,
    y_SBH: Array,
    saved: tuple[Array, Gates, Array],
    x_BI: Array,
    Wx_1IG: Array,
    Wh_1HG: Array,
    b_1G: Array,
    c_BH: Array | None,
    h_BH: Array | None,
    forget_bias: float = 1.0,
    mask_BH: Array | None = None,
) -> Gradients:
    """Return the gradients of ``lstm_step``'s arguments, in their order."""
    a_BG, (i, f, o, g), tanh_c = saved
    dc, dh = dy_SBH
    through_o = dh * o
    dc = dc + through_o
    through_o *= tanh_c
    through_o *= tanh_c
    dc -= through_o
    da_BG = a_BG * a_BG
    np.subtract(a_BG, da_BG, out=da_BG)  # the slopes of the logistic gates, then the gradients
    di, df, do, dg = quarters(da_BG)
    di *= g
    di *= dc
    df *= before(c_BH, dc)
    df *= dc
    do *= tanh_c
    do *= dh
    np.multiply(g, g, out=dg)
    np.subtract(ONE, dg, out=dg)
    dg *= i
    dg *= dc
    dWh = Product(before(h_BH, dc, mask_BH), da_BG)
    dh_BH = None if h_BH is None else masked(da_BG.dot(Wh_1HG[0].T), mask_BH)
    dc *= f
    return [da_BG.dot(Wx_1IG[0].T), Product(x_BI, da_BG), dWh, da_BG, dc, dh_BH]


class LstmLayer(SamplingLayer):
    """The LSTM with logistic(x) = (1 + tanh(x/2))/2: one tanh computes all gates. The weights are halved in advance."""

    states = 2

    def __init__(self, Wx_IG: Array, Wh_HG: Array, b_G: Array, forget_bias: float = 1.0) -> None:
        H = len(Wh_HG)
        half = np.ones_like(b_G)
        half[: 3 * H] = 0.5
        b = b_G.copy()
        b[H : 2 * H] += forget_bias
        super().__init__(Wx_IG * half, b * half, H)
        self.Wh_HG = Wh_HG * half

    def step(self, a_BG: Array, *states: Array) -> tuple[Array, ...]:
        """C' = f c + i g; h' = o tanh(c')."""
        (c, h), H = states, self.hidden
        a_BG += h @ self.Wh_HG
        np.tanh(a_BG, out=a_BG)
        gates, admitted = a_BG[:, : 3 * H], a_BG[:, :H]
        gates *= 0.5
        gates += 0.5
        admitted *= a_BG[:, 3 * H :]
        c = c * a_BG[:, H : 2 * H]
        c += admitted
        h = np.tanh(c)
        h *= a_BG[:, 2 * H : 3 * H]
        return c, h
