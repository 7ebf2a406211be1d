"""What the cells' kernels share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import numpy as np

Array: TypeAlias = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class EmbeddedInput:
    """A sequence x[t, b] = table[ids[t, b]]: x @ W once for each row of the table, then gathered.

    Kernels take it instead of ``x_TBI``, and return the table's gradient instead of x's.
    """

    table_VI: Array
    ids_TB: Array

    @property
    def shape(self) -> tuple[int, int, int]:
        """The sequence's shape."""
        T, B = self.ids_TB.shape
        return T, B, self.table_VI.shape[1]

    @property
    def dtype(self) -> np.dtype[Any]:
        """The table's number type."""
        return self.table_VI.dtype


ONE = np.ones((), np.float32)
"""One, as an array without axes: numpy is twice as fast with it as with a Python number, in any number type."""


Input: TypeAlias = "Array | EmbeddedInput"
Gradients: TypeAlias = "list[Array | Product | None]"


@dataclass(slots=True, eq=False)
class Product:
    """x^T y, not yet multiplied: one step's gradient of a matrix. For many steps one product is made of all."""

    x_NX: Array
    y_NY: Array

    def array(self) -> Array:
        """Return the gradient of a parameter: with a batch axis."""
        return np.asarray(self)[np.newaxis]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        gradient: Array = self.x_NX.T @ self.y_NY
        return gradient if dtype is None else gradient.astype(dtype, copy=False)

    @staticmethod
    def sum(products: Sequence[Product]) -> Array:
        """Return the sum of several.

        Example:
            >>> Product.sum([Product(np.ones((1, 2)), np.ones((1, 1))), Product(np.ones((3, 2)), np.ones((3, 1)))])
            array([[4.],
                   [4.]])
        """
        if len(products) == 1:
            return np.asarray(products[0])
        x_NX = np.concatenate([p.x_NX for p in products])
        y_NY = np.concatenate([p.y_NY for p in products])
        gradient: Array = x_NX.T @ y_NY
        return gradient


def logistic(x: Array, out: Array | None = None) -> Array:
    """1 / (1 + exp(-x)); exp may overflow to inf, which gives the right 0."""
    out = np.negative(x, out=out)
    np.exp(out, out=out)
    out += ONE
    return np.reciprocal(out, out=out)


def flat(a_TBX: Array) -> Array:
    """Make the positions one axis."""
    # numpy cannot infer an axis of an empty array
    count = -1 if a_TBX.size else math.prod(a_TBX.shape[:-1])
    return a_TBX.reshape(count, a_TBX.shape[-1])


def project(x_TBI: Input, W_IX: Array, b_X: Array | float = 0.0) -> Array:
    """Return b + W x for all steps, as one product."""
    if isinstance(x_TBI, EmbeddedInput):
        rows_VX: Array = x_TBI.table_VI @ W_IX + b_X
        return rows_VX[x_TBI.ids_TB]
    T, B = x_TBI.shape[:2]
    out = flat(x_TBI).dot(W_IX)  # for small ones half the time of ``@``
    out += b_X
    return out.reshape(T, B, out.shape[1])


def project_backward(
    da_TBX: Array, x_TBI: Input, W_IX: Array
) -> tuple[Array, Array | Product, Array]:
    """Return the gradients of ``project``'s arguments, in their order."""
    da = flat(da_TBX)
    if isinstance(x_TBI, EmbeddedInput):
        x, ids_N = x_TBI.table_VI, x_TBI.ids_TB.ravel()
        da_VX = sums_by_id(da, ids_N, len(x))
        return da_VX @ W_IX.T, x.T @ da_VX, da_VX.sum(axis=0)
    dx_TBI = da.dot(W_IX.T).reshape(x_TBI.shape)
    db_X = da[0] if len(da) == 1 else da.sum(axis=0)
    return dx_TBI, weight_gradient(x_TBI, da_TBX), db_X


def scatter_add(table_VE: Array, ids_N: Array, rows_NE: Array) -> None:
    """Add each row to the table's row of its id, in place; ids may repeat."""
    if len(ids_N) == 1:
        table_VE[ids_N[0]] += rows_NE[0]
        return
    order = np.argsort(ids_N, kind="stable")
    ids = ids_N[order]
    starts = np.flatnonzero(np.concatenate([[True], ids[1:] != ids[:-1]]))
    table_VE[ids[starts]] += np.add.reduceat(rows_NE[order], starts, axis=0)


FEW_IDS = 128
"""Up to this many ids, a product adds the rows: with 65 in a third of ``scatter_add``'s time, with 205 in the same."""


def sums_by_id(rows_NE: Array, ids_N: Array, count: int) -> Array:
    """Return the sums (count, E) of the rows of each id."""
    if count > FEW_IDS:
        table_VE = np.zeros((count, rows_NE.shape[1]), rows_NE.dtype)
        scatter_add(table_VE, ids_N, rows_NE)
        return table_VE
    chosen_NV = np.zeros((len(ids_N), count), rows_NE.dtype)
    chosen_NV[np.arange(len(ids_N)), ids_N] = 1
    sums_VE: Array = chosen_NV.T @ rows_NE
    return sums_VE


def masked(h: Array, mask: Array | None) -> Array:
    """Return h where there is no mask, else their product."""
    return h if mask is None else h * mask


def before(h_BH: Array | None, y_BH: Array, mask_BH: Array | None = None) -> Array:
    """Return what a step's recurrent weights are multiplied with: h, or zeros of y's shape at the start."""
    return np.zeros(y_BH.shape, y_BH.dtype) if h_BH is None else masked(h_BH, mask_BH)


def weight_gradient(x_TBX: Array, da_TBY: Array) -> Array | Product:
    """Sum over steps of (what a matrix was multiplied with) x (gradient of the step); for one step, a ``Product``."""
    if len(x_TBX) == 1:
        return Product(x_TBX[0], da_TBY[0])
    dW: Array = flat(x_TBX).T @ flat(da_TBY)
    return dW


def recurrent_weight_gradient(
    h_TBH: Array, h_BH: Array | None, da_TBX: Array, mask_BH: Array | None = None
) -> Array | Product:
    """Sum over steps of (h before the step) x (gradient of the step)."""
    if len(da_TBX) == 1 and h_BH is not None:
        return Product(masked(h_BH, mask_BH), da_TBX[0])
    dW: Array = flat(masked(h_TBH[:-1], mask_BH)).T @ flat(da_TBX[1:])
    return dW if h_BH is None else dW + masked(h_BH, mask_BH).T @ da_TBX[0]


def quarters(a_BG: Array) -> tuple[Array, Array, Array, Array]:
    """Return views of the four blocks of the last axis."""
    H = a_BG.shape[-1] // 4
    return a_BG[..., :H], a_BG[..., H : 2 * H], a_BG[..., 2 * H : 3 * H], a_BG[..., 3 * H :]


class SamplingLayer:
    """A recurrent layer for sampling: the weights of all gates side by side; first a = b + Wx x, then the states.

    Class variables:
        states: arrays that it carries on.
    """

    states: ClassVar[int]

    def __init__(self, Wx_IG: Array, b_G: Array, hidden: int) -> None:
        self.Wx_IG = Wx_IG
        self.b_G = b_G
        self.hidden = hidden

    def project(self, x_BI: Array) -> Array:
        """Return b + Wx x."""
        a = x_BI @ self.Wx_IG
        a += self.b_G
        return a

    def step(self, a_BG: Array, *states: Array) -> tuple[Array, ...]:
        """Return the states that follow these; ``a_BG`` is overwritten."""
        raise NotImplementedError
