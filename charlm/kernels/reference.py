"""The kernels in plain numpy: slow, obvious, and the definition of what is right.

Arrays are named by their axes: T time, B batch, I input, H hidden, G gates (4H), S states of a
cell, V vocabulary, N = T*B positions. A weight that DyNet stores as (rows, columns) arrives with
its axes reversed, ``W_IH``, so that ``x_BI @ W_IH`` is the product. Sequence kernels return
``y_STBH``: every state of the cell at every step, the output ``h`` last. A ``None`` state means
that the sequence starts from zeros.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = np.ndarray[Any, Any]


def logistic(x: Array) -> Array:
    """1 / (1 + exp(-x)); exp may overflow to inf, which gives the right 0."""
    out = np.exp(-x)
    out += 1
    return np.reciprocal(out, out=out)


# ---- simple RNN: h' = tanh(b + Wx x + Wh h)


def rnn_forward(
    x_TBI: Array, Wx_IH: Array, Wh_HH: Array, b_H: Array, h_BH: Array | None
) -> tuple[Array, None]:
    """Run a simple RNN over a sequence."""
    y_STBH = _project(x_TBI, Wx_IH, b_H)[np.newaxis]
    for a_BH in y_STBH[0]:
        if h_BH is not None:
            a_BH += h_BH @ Wh_HH
        h_BH = np.tanh(a_BH, out=a_BH)
    return y_STBH, None


def rnn_backward(
    dy_STBH: Array,
    y_STBH: Array,
    saved: None,
    x_TBI: Array,
    Wx_IH: Array,
    Wh_HH: Array,
    b_H: Array,
    h_BH: Array | None,
) -> list[Array | None]:
    """Return the gradients of ``rnn_forward``'s arguments, in their order."""
    da_TBH = np.empty_like(y_STBH[0])
    dh_BH: Array | float = 0.0
    for t in reversed(range(len(x_TBI))):
        h = y_STBH[0, t]
        np.multiply(dy_STBH[0, t] + dh_BH, 1 - h * h, out=da_TBH[t])
        dh_BH = da_TBH[t] @ Wh_HH.T
    dx_TBI, dWx_IH, db_H = _project_backward(da_TBH, x_TBI, Wx_IH)
    dWh_HH = _recurrent_weight_gradient(y_STBH[0], h_BH, da_TBH)
    return [dx_TBI, dWx_IH, dWh_HH, db_H, dh_BH if h_BH is not None else None]  # type: ignore[list-item]


# ---- GRU: z, r = logistic(..); c = tanh(bh + Wxh x + Whh (r*h)); h' = (1-z)*h + z*c


def gru_forward(
    x_TBI: Array,
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
    z_TBH = _project(x_TBI, Wxz_IH, bz_H)
    r_TBH = _project(x_TBI, Wxr_IH, br_H)
    c_TBH = _project(x_TBI, Wxc_IH, bc_H)
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
    x_TBI: Array,
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
) -> list[Array | None]:
    """Return the gradients of ``gru_forward``'s arguments, in their order."""
    z_TBH, r_TBH, c_TBH = saved
    da_z, da_r, da_c = (np.empty_like(z_TBH) for _ in range(3))
    start = np.zeros_like(z_TBH[0]) if h_BH is None else h_BH
    before_TBH = np.concatenate([start[np.newaxis], y_STBH[0, :-1]])
    dh_BH = np.zeros_like(start)
    for t in reversed(range(len(x_TBI))):
        z, r, c, h = z_TBH[t], r_TBH[t], c_TBH[t], before_TBH[t]
        dy = dy_STBH[0, t] + dh_BH
        da_c[t] = dy * z * (1 - c * c)
        drh = da_c[t] @ Whc_HH.T
        da_r[t] = drh * h * r * (1 - r)
        da_z[t] = dy * (c - h) * z * (1 - z)
        dh_BH = dy * (1 - z) + drh * r + da_z[t] @ Whz_HH.T + da_r[t] @ Whr_HH.T
    dxz, dWxz, dbz = _project_backward(da_z, x_TBI, Wxz_IH)
    dxr, dWxr, dbr = _project_backward(da_r, x_TBI, Wxr_IH)
    dxc, dWxc, dbc = _project_backward(da_c, x_TBI, Wxc_IH)
    dWhz = _flat(before_TBH).T @ _flat(da_z)
    dWhr = _flat(before_TBH).T @ _flat(da_r)
    dWhc = _flat(r_TBH * before_TBH).T @ _flat(da_c)
    dh = dh_BH if h_BH is not None else None
    return [dxz + dxr + dxc, dWxz, dWhz, dbz, dWxr, dWhr, dbr, dWxc, dWhc, dbc, dh]


# ---- LSTM: gates i, f, o, g in blocks of H; c' = f*c + i*g; h' = o*tanh(c')


def lstm_forward(
    x_TBI: Array,
    Wx_IG: Array,
    Wh_HG: Array,
    b_G: Array,
    c_BH: Array | None,
    h_BH: Array | None,
    forget_bias: float = 1.0,
) -> tuple[Array, Array]:
    """Run DyNet's vanilla LSTM over a sequence; ``forget_bias`` is added inside the forget gate."""
    H = len(Wh_HG)
    bias = b_G.copy()
    bias[H : 2 * H] += forget_bias
    gates_TBG = _project(x_TBI, Wx_IG, bias)
    T, B = gates_TBG.shape[:2]
    y_STBH = np.empty((2, T, B, H), gates_TBG.dtype)
    for t, a_BG in enumerate(gates_TBG):
        if h_BH is not None:
            a_BG += h_BH @ Wh_HG
        a_BG[:, : 3 * H] = logistic(a_BG[:, : 3 * H])
        np.tanh(a_BG[:, 3 * H :], out=a_BG[:, 3 * H :])
        i, f, o, g = _quarters(a_BG)
        c, h = y_STBH[:, t]
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
    x_TBI: Array,
    Wx_IG: Array,
    Wh_HG: Array,
    b_G: Array,
    c_BH: Array | None,
    h_BH: Array | None,
    forget_bias: float = 1.0,
) -> list[Array | None]:
    """Return the gradients of ``lstm_forward``'s arguments, in their order."""
    gates_TBG = saved
    c_TBH, h_TBH = y_STBH
    da_TBG = np.empty_like(gates_TBG)
    dc_BH = np.zeros_like(c_TBH[0])
    dh_BH = np.zeros_like(c_TBH[0])
    for t in reversed(range(len(x_TBI))):
        i, f, o, g = _quarters(gates_TBG[t])
        di, df, do, dg = _quarters(da_TBG[t])
        before = c_TBH[t - 1] if t else c_BH
        tanh_c = np.tanh(c_TBH[t])
        dh = dy_STBH[1, t] + dh_BH
        dc_BH += dy_STBH[0, t]
        dc_BH += dh * o * (1 - tanh_c * tanh_c)
        di[...] = dc_BH * g * i * (1 - i)
        df[...] = 0.0 if before is None else dc_BH * before * f * (1 - f)
        do[...] = dh * tanh_c * o * (1 - o)
        dg[...] = dc_BH * i * (1 - g * g)
        dh_BH = da_TBG[t] @ Wh_HG.T
        dc_BH *= f
    dx_TBI, dWx_IG, db_G = _project_backward(da_TBG, x_TBI, Wx_IG)
    dWh_HG = _recurrent_weight_gradient(h_TBH, h_BH, da_TBG)
    dc = dc_BH if c_BH is not None else None
    return [dx_TBI, dWx_IG, dWh_HG, db_G, dc, dh_BH if h_BH is not None else None]


# ---- the output layer


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


# ---- tables and updates


def scatter_add(table_VE: Array, ids_N: Array, rows_NE: Array) -> None:
    """Add each row to the table's row of its id, in place; ids may repeat."""
    if len(ids_N) == 1:
        table_VE[ids_N[0]] += rows_NE[0]
        return
    order = np.argsort(ids_N, kind="stable")
    ids = ids_N[order]
    starts = np.flatnonzero(np.concatenate([[True], ids[1:] != ids[:-1]]))
    table_VE[ids[starts]] += np.add.reduceat(rows_NE[order], starts, axis=0)


def squared_norm(g: Array) -> float:
    """Return the sum of squares of a flat array, in the array's own precision."""
    return float(np.dot(g, g))


# ---- helpers


def _flat(a_TBX: Array) -> Array:
    return a_TBX.reshape(-1, a_TBX.shape[-1])


def _project(x_TBI: Array, W_IX: Array, b_X: Array) -> Array:
    """B + W x for all steps, as one product."""
    out = _flat(x_TBI) @ W_IX
    out += b_X
    return out.reshape(*x_TBI.shape[:2], -1)


def _project_backward(da_TBX: Array, x_TBI: Array, W_IX: Array) -> tuple[Array, Array, Array]:
    da, x = _flat(da_TBX), _flat(x_TBI)
    return (da @ W_IX.T).reshape(x_TBI.shape), x.T @ da, da.sum(axis=0)


def _recurrent_weight_gradient(h_TBH: Array, h_BH: Array | None, da_TBX: Array) -> Array:
    """Sum over steps of (h before the step) x (gradient of the step)."""
    dW: Array = _flat(h_TBH[:-1]).T @ _flat(da_TBX[1:])
    return dW if h_BH is None else dW + h_BH.T @ da_TBX[0]


def _quarters(a_BG: Array) -> tuple[Array, Array, Array, Array]:
    H = a_BG.shape[1] // 4
    return a_BG[:, :H], a_BG[:, H : 2 * H], a_BG[:, 2 * H : 3 * H], a_BG[:, 3 * H :]
