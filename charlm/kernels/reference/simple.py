"""The simple RNN: h' = tanh(b + Wx x + Wh h)."""

from __future__ import annotations

import numpy as np

from charlm.kernels.reference.common import (
    Array,
    Gradients,
    Input,
    Product,
    SamplingLayer,
    before,
    masked,
    project,
    project_backward,
    recurrent_weight_gradient,
)


def rnn_forward(
    x_TBI: Input,
    Wx_IH: Array,
    Wh_HH: Array,
    b_H: Array,
    h_BH: Array | None,
    mask_BH: Array | None = None,
) -> tuple[Array, None]:
    """Run a simple RNN over a sequence."""
    y_STBH = project(x_TBI, Wx_IH, b_H)[np.newaxis]
    for a_BH in y_STBH[0]:
        if h_BH is not None:
            a_BH += masked(h_BH, mask_BH).dot(Wh_HH)
        h_BH = np.tanh(a_BH, out=a_BH)
    return y_STBH, None


def rnn_backward(
    dy_STBH: Array,
    y_STBH: Array,
    saved: None,
    x_TBI: Input,
    Wx_IH: Array,
    Wh_HH: Array,
    b_H: Array,
    h_BH: Array | None,
    mask_BH: Array | None = None,
    state_gradient_STBH: Array | None = None,
) -> Gradients:
    """Return the gradients of ``rnn_forward``'s arguments, in their order."""
    da_TBH = y_STBH[0] * y_STBH[0]
    np.subtract(1, da_TBH, out=da_TBH)  # all derivatives of tanh, then the gradients
    dh_BH: Array | None = None
    for t in reversed(range(len(da_TBH))):
        da_BH = da_TBH[t]
        dy = dy_STBH[0, t] if dh_BH is None else dy_STBH[0, t] + dh_BH
        if state_gradient_STBH is not None:
            state_gradient_STBH[0, t] = dy
        da_BH *= dy
        dh_BH = masked(da_BH.dot(Wh_HH.T), mask_BH)
    dx_TBI, dWx_IH, db_H = project_backward(da_TBH, x_TBI, Wx_IH)
    dWh_HH = recurrent_weight_gradient(y_STBH[0], h_BH, da_TBH, mask_BH)
    return [dx_TBI, dWx_IH, dWh_HH, db_H, dh_BH if h_BH is not None else None]


def rnn_step(
    x_BI: Array,
    Wx_1IH: Array,
    Wh_1HH: Array,
    b_1H: Array,
    h_BH: Array | None,
    mask_BH: Array | None = None,
) -> tuple[Array, None]:
    """Run one step."""
    a_BH = x_BI.dot(Wx_1IH[0])
    a_BH += b_1H
    if h_BH is not None:
        a_BH += masked(h_BH, mask_BH).dot(Wh_1HH[0])
    return np.tanh(a_BH, out=a_BH), None


def rnn_step_backward(
    dy_BH: Array,
    y_BH: Array,
    saved: None,
    x_BI: Array,
    Wx_1IH: Array,
    Wh_1HH: Array,
    b_1H: Array,
    h_BH: Array | None,
    mask_BH: Array | None = None,
) -> Gradients:
    """Return the gradients of ``rnn_step``'s arguments, in their order."""
    da_BH = y_BH * dy_BH
    da_BH *= y_BH
    np.subtract(dy_BH, da_BH, out=da_BH)
    dWh = Product(before(h_BH, y_BH, mask_BH), da_BH)
    dh_BH = None if h_BH is None else masked(da_BH.dot(Wh_1HH[0].T), mask_BH)
    return [da_BH.dot(Wx_1IH[0].T), Product(x_BI, da_BH), dWh, da_BH, dh_BH]


class RnnLayer(SamplingLayer):
    """The simple RNN."""

    states = 1

    def __init__(self, Wx_IH: Array, Wh_HH: Array, b_H: Array) -> None:
        super().__init__(Wx_IH.copy(), b_H.copy(), len(Wh_HH))
        self.Wh_HH = Wh_HH.copy()

    def step(self, a_BG: Array, *states: Array) -> tuple[Array, ...]:
        """H' = tanh(a + Wh h)."""
        a_BG += states[0] @ self.Wh_HH
        return (np.tanh(a_BG, out=a_BG),)
