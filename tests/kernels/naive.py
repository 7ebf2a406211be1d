"""The kernels once more, one number at a time in Python. Numbers may be complex.

Nothing is vectorised and nothing has a backward of its own: ``gradients`` differentiates by a
complex step, which is exact to the last places (Squire and Trapp, 1998).
"""

from __future__ import annotations

import cmath
from collections.abc import Callable, Sequence

import numpy as np

Array = np.ndarray


def logistic(x: complex) -> complex:
    return 1 / (1 + cmath.exp(-x))


def affine(b: Array, *pairs: tuple[Array, Array]) -> list[complex]:
    """Return b_j + sum_i x_i W_ij, added up over the pairs (x, W)."""
    out = []
    for j in range(len(b)):
        total = b[j]
        for x, w in pairs:
            for i in range(len(x)):
                total += x[i] * w[i, j]
        out.append(total)
    return out


def times(a: Sequence[complex], b: Sequence[complex]) -> list[complex]:
    return [a[i] * b[i] for i in range(len(a))]


def over_time(
    step: Callable,
    x_TBI: Array,
    states: Sequence[Array | None],
    size: int,
    masks: Sequence[Array | None] = (),
) -> Array:
    """Run a step of one sequence, ``step(x, *states, *masks) -> states``, over time for each of a batch."""
    T, B = x_TBI.shape[:2]
    y_STBH = np.zeros((len(states), T, B, size), complex)
    for b in range(B):
        carried = [np.zeros(size) if s is None else s[b] for s in states]
        own = [np.ones(size) if m is None else m[b % len(m)] for m in masks]
        for t in range(T):
            carried = step(x_TBI[t, b], *carried, *own)
            for s, vector in enumerate(carried):
                y_STBH[s, t, b] = vector
    return y_STBH


def rnn_forward(x_TBI, Wx_IH, Wh_HH, b_H, h_BH, mask_BH=None):
    def step(x, h, mask):
        return [[cmath.tanh(a) for a in affine(b_H, (x, Wx_IH), (times(h, mask), Wh_HH))]]

    return over_time(step, x_TBI, [h_BH], len(b_H), [mask_BH])


def gru_forward(x_TBI, Wxz, Whz, bz, Wxr, Whr, br, Wxc, Whc, bc, h_BH):
    def step(x, h):
        z = [logistic(a) for a in affine(bz, (x, Wxz), (h, Whz))]
        r = [logistic(a) for a in affine(br, (x, Wxr), (h, Whr))]
        reset = [r[i] * h[i] for i in range(len(h))]
        c = [cmath.tanh(a) for a in affine(bc, (x, Wxc), (reset, Whc))]
        return [[(1 - z[i]) * h[i] + z[i] * c[i] for i in range(len(h))]]

    return over_time(step, x_TBI, [h_BH], len(bz))


def gru_after_forward(x_TBI, Wx_IG, Wh_HG, b_G, bn_H, h_BH):
    H = len(bn_H)

    def step(x, h):
        a, u = affine(b_G, (x, Wx_IG)), affine([0] * len(b_G), (h, Wh_HG))
        after = []
        for k in range(H):
            r, z = logistic(a[k] + u[k]), logistic(a[H + k] + u[H + k])
            n = cmath.tanh(a[2 * H + k] + r * (u[2 * H + k] + bn_H[k]))
            after.append((1 - z) * n + z * h[k])
        return [after]

    return over_time(step, x_TBI, [h_BH], H)


def positive(x: complex) -> complex:
    return x + 0.5 if x.real >= 0 else logistic(x)


def min_gru_forward(x_TBI, Wx_IG, b_G, h_BH):
    H = len(b_G) // 2

    def step(x, h):
        a = affine(b_G, (x, Wx_IG))
        z = [logistic(a[k]) for k in range(H)]
        return [[(1 - z[k]) * h[k] + z[k] * positive(a[H + k]) for k in range(H)]]

    return over_time(step, x_TBI, [h_BH], H)


def min_lstm_forward(x_TBI, Wx_IG, b_G, h_BH):
    H = len(b_G) // 3

    def step(x, h):
        a = affine(b_G, (x, Wx_IG))
        after = []
        for k in range(H):
            f, i = logistic(a[k]), logistic(a[H + k])
            after.append((f * h[k] + i * positive(a[2 * H + k])) / (f + i))
        return [after]

    return over_time(step, x_TBI, [h_BH], H)


def lstm_forward(x_TBI, Wx_IG, Wh_HG, b_G, c_BH, h_BH, forget_bias, mask_BH=None):
    H = len(b_G) // 4

    def step(x, c, h, mask):
        a = affine(b_G, (x, Wx_IG), (times(h, mask), Wh_HG))
        after_c, after_h = [], []
        for k in range(H):
            i, f = logistic(a[k]), logistic(a[H + k] + forget_bias)
            o, g = logistic(a[2 * H + k]), cmath.tanh(a[3 * H + k])
            after_c.append(f * c[k] + i * g)
            after_h.append(o * cmath.tanh(after_c[-1]))
        return [after_c, after_h]

    return over_time(step, x_TBI, [c_BH, h_BH], H, [mask_BH])


def coupled_lstm_forward(
    x_TBI,
    Wxi,
    Whi,
    Wci,
    bi,
    Wxo,
    Who,
    Wco,
    bo,
    Wxc,
    Whc,
    bc,
    c_BH,
    h_BH,
    mask_BH=None,
    c_mask_BH=None,
):
    H = len(bi)

    def peephole(c, mask, w):
        return [] if w is None else [(times(c, mask), w)]

    def step(x, c, h, mask, c_mask):
        seen = times(h, mask)
        i = affine(bi, (x, Wxi), (seen, Whi), *peephole(c, c_mask, Wci))
        w = affine(bc, (x, Wxc), (seen, Whc))
        i = [logistic(a) for a in i]
        after_c = [(1 - i[k]) * c[k] + i[k] * cmath.tanh(w[k]) for k in range(H)]
        o = affine(bo, (x, Wxo), (seen, Who), *peephole(after_c, c_mask, Wco))
        return [after_c, [logistic(o[k]) * cmath.tanh(after_c[k]) for k in range(H)]]

    return over_time(step, x_TBI, [c_BH, h_BH], H, [mask_BH, c_mask_BH])


def normalised(a: Sequence[complex]) -> list[complex]:
    mean = sum(a) / len(a)
    deviation = cmath.sqrt(sum((x - mean) ** 2 for x in a) / len(a))
    return [(x - mean) / (deviation + 1e-8) for x in a]


def norm_lstm_forward(
    x_TBI, Wx, Wh, b, gh, bh, gx, bx, gc, bc, c_BH, h_BH, forget_bias, mask_BH=None
):
    H = len(bc)
    nothing = np.zeros(4 * H)
    begun = [] if h_BH is None else [True]  # whether there is an h

    def step(x, c, h, mask):
        a = b + gx * normalised(affine(nothing, (x, Wx))) + bx
        if begun or any(h):
            a = a + gh * normalised(affine(nothing, (times(h, mask), Wh))) + bh
        after_c, after_h = [], []
        for k in range(H):
            i, f = logistic(a[k]), logistic(a[H + k] + forget_bias)
            after_c.append(f * c[k] + i * cmath.tanh(a[3 * H + k]))
        n = gc * normalised(after_c) + bc
        for k in range(H):
            after_h.append(logistic(a[2 * H + k]) * cmath.tanh(n[k]))
        return [after_c, after_h]

    return over_time(step, x_TBI, [c_BH, h_BH], H, [mask_BH])


def affine_softmax_nll_forward(h_NH, W_HV, b_V, targets_N):
    losses = []
    for h, target in zip(h_NH, targets_N, strict=True):
        scores = affine(b_V, (h, W_HV))
        total = sum(cmath.exp(score) for score in scores)
        losses.append(-cmath.log(cmath.exp(scores[target]) / total))
    return np.array(losses)


def scatter_add(table_VE: Array, ids_N: Array, rows_NE: Array) -> Array:
    out = table_VE.copy()
    for n, index in enumerate(ids_N):
        for e in range(out.shape[1]):
            out[index, e] += rows_NE[n, e]
    return out


def squared_norm(g: Array) -> float:
    total = 0.0
    for number in g:
        total += number * number
    return total


def gradients(
    function: Callable[..., Array], arguments: Sequence[Array | None], dy: Array
) -> list[Array | None]:
    """Return the gradient of sum(dy * function(*arguments)) for each float argument, number by number."""
    found: list[Array | None] = []
    for k, argument in enumerate(arguments):
        if argument is None or argument.dtype.kind != "f":
            found.append(None)
            continue
        gradient = np.zeros(argument.shape)
        for place in np.ndindex(argument.shape):
            moved = argument.astype(complex)
            moved[place] += 1e-30j
            y = function(*arguments[:k], moved, *arguments[k + 1 :])
            gradient[place] = (dy * y).sum().imag / 1e-30
        found.append(gradient)
    return found
