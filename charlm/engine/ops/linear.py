"""Matrix products. A vector is a column; with the engine's reversed axes ``W x`` is the array product ``x @ W``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from charlm.engine.arrays import Array, Shape
from charlm.engine.expression import Expression, Operand, apply, of_several, of_two
from charlm.engine.op import BadSample, Context, Gradients, Op, Sample
from charlm.engine.ops.arguments import members
from charlm.engine.types import Type
from charlm.kernels.reference import Product
from charlm.kernels.reference.common import flat
from charlm.kernels.tapes import MOST_ARGUMENTS, Form

__all__ = ["affine_transform", "dot_product"]


def product_shape(w: Shape, x: Shape) -> Shape | None:
    """Return the shape of ``W x``, a vector if x is one; None if they do not fit or have more than two axes."""
    if len(w) > 2 or len(x) > 2 or (w[1] if len(w) == 2 else 1) != x[0]:
        return None
    return (w[0], *x[1:])


def product(w: Array, x: Array) -> Array:
    """Return ``W x`` as an array ``(batch, [columns,] rows)``."""
    if len(w) == 1 and x.ndim == 2 and w.ndim == 3:
        return x.dot(w[0])  # takes half the time of ``@`` for small matrices
    w, columns = _as_matrix(w), _as_matrix(x)
    if len(w) == 1 and len(x) > 1:  # one matrix for the whole batch: one large product
        y = flat(columns) @ w[0]
        y = y.reshape(*columns.shape[:2], w.shape[2])
    else:
        y = np.matmul(columns, w)
    return y[:, 0] if x.ndim == 2 else y


def product_gradients(
    dy: Array, w: Array, x: Array, needs: Sequence[bool]
) -> tuple[Array | Product | None, Array | None]:
    """Return the gradients of ``W x`` for W and x, already summed over a batch that shares W."""
    dw: Array | Product | None = None
    dx = None
    if len(w) == 1 and w.ndim == 3 and x.ndim == 2 == dy.ndim and len(x) == len(dy):
        dw = Product(x, dy) if needs[0] else None
        return dw, dy.dot(w[0].T) if needs[1] else None
    matrix, columns, dcolumns = _as_matrix(w), _as_matrix(x), _as_matrix(dy)
    if needs[0]:
        if len(w) == 1 and len(x) == len(dy) and w.ndim == 3:
            dw = Product(flat(columns), flat(dcolumns))
        else:
            each = np.matmul(columns.swapaxes(1, 2), dcolumns)
            dw = each if w.ndim == 3 else each[:, 0]
    if needs[1]:
        dx = product(matrix.swapaxes(1, 2), dcolumns).reshape(len(dy), *x.shape[1:])
    return dw, dx


def _as_matrix(x: Array) -> Array:
    return x[:, np.newaxis] if x.ndim == 2 else x


def form_of_products(code: str, y: Type, *args: Type) -> Form:
    """Return the form of a sum of products, perhaps after a bias.

    Its numbers are the columns and rows of a batch element of the result, and a bit for each argument,
    1 if it has no batch. If no matrix has a batch, all columns of the batch are one matrix.
    """
    rows, bias = y.shape[0], args[: len(args) % 2]
    matrices, others = args[len(bias) :: 2], args[len(bias) + 1 :: 2]
    plain = not bias or bias[0].batch == 1 or bias[0].size == y.size
    one = plain and all(w.batch == 1 for w in matrices) and all(x.batch == y.batch for x in others)
    columns = y.size // rows // (1 if one else y.batch)
    shared = sum(1 << j for j, t in enumerate(args) if t.batch == 1)
    put_off = sum(y.size // rows for w in matrices if w.batch == 1)
    return Form(code, (columns, rows, shared), products=put_off)


class MatMul(Op):
    """Y = W X, the matrix product."""

    def shape(self, w: Shape, x: Shape) -> Shape:
        """(m, n) (n, p) -> (m, p); a vector is a column."""
        shape = product_shape(w, x)
        if shape is None:
            rule = "inner sizes must agree and there are at most two axes"
            hint = "; use cmult for the element-wise product" if w == x else ""
            raise self.error(f"{rule}, got {w} * {x}{hint}")
        return shape

    def forward(self, ctx: Context, w: Array, x: Array) -> Array:
        return product(w, x)

    def backward(self, ctx: Context, dy: Array, y: Array, w: Array, x: Array) -> Gradients:
        """Gradients: dW = dY X^T, dX = W^T dY."""
        return list(product_gradients(dy, w, x, ctx.needs))

    def compiled(self, y: Type, w: Type, x: Type) -> Form | None:  # type: ignore[override]
        return form_of_products("matmul", y, w, x)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(), (((3, 2), 1), ((2,), 1)))
        yield Sample(cls(), (((3, 2), 1), ((2, 4), 3)))
        yield Sample(cls(), (((3, 2), 2), ((2,), 1)))
        yield Sample(cls(), (((3, 2), 2), ((2, 4), 2)))
        yield Sample(cls(), (((3,), 1), ((1, 2), 1)))
        yield Sample(cls(), (((3,), 2), ((1,), 1)))
        yield Sample(cls(), (((3, 2), 1), ((2, 4), 1)))

    @classmethod
    def bad_samples(cls) -> Iterable[BadSample]:
        yield BadSample(cls(), (((3,), 1), ((3,), 1)), r"got \(3,\) \* \(3,\); use cmult")
        yield BadSample(cls(), (((2, 3), 1), ((2,), 1)), "inner sizes must agree")
        yield BadSample(cls(), (((2, 2, 2), 1), ((2,), 1)), "at most two axes")


class Affine(Op):
    """Y = b + W1 X1 + W2 X2 + ...; a vector b is added to every column. One column makes a vector."""

    def shape(self, b: Shape, *wx: Shape) -> Shape:
        if len(wx) % 2:
            raise self.error(
                f"arguments are b, W1, x1, W2, x2, ...: an odd number, got {1 + len(wx)}"
            )
        if not wx:
            return b
        products = [product_shape(w, x) for w, x in zip(wx[::2], wx[1::2], strict=True)]
        shapes = {y[:1] if y and y[1:] == (1,) else y for y in products}
        y = shapes.pop()
        columns = y[1:] if y else ()
        fits = y and b[0] == y[0] and b[1:] in ((), (1,), columns)
        if shapes or not fits:
            raise self.error(
                f"shapes do not fit in b + W x + ..., got {', '.join(map(str, (b, *wx)))}"
            )
        assert y is not None
        return y

    def forward(self, ctx: Context, b: Array, *wx: Array) -> Array:
        if not wx:
            return b
        y = _one_column(product(wx[0], wx[1]))
        for w, x in zip(wx[2::2], wx[3::2], strict=True):
            y = y + _one_column(product(w, x))
        return y + _bias(b, y)

    def backward(self, ctx: Context, dy: Array, y: Array, b: Array, *wx: Array) -> Gradients:
        gradients: list[Array | Product | None] = [
            dy if b.ndim <= dy.ndim else dy.reshape(len(dy), *b.shape[1:])
        ]
        for k in range(0, len(wx), 2):
            needs = ctx.needs[1 + k : 3 + k]
            gradients += product_gradients(dy, wx[k], wx[k + 1], needs)
        return gradients

    def compiled(self, y: Type, b: Type, *wx: Type) -> Form | None:  # type: ignore[override]
        """A bias without products is a copy; many products run in Python."""
        if not wx:
            return Form("part", (0, 0, y.size))
        return form_of_products("affine", y, b, *wx) if len(wx) < MOST_ARGUMENTS else None

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(), (((3,), 1),))
        yield Sample(cls(), (((3,), 1), ((3, 2), 1), ((2,), 1)))
        yield Sample(cls(), (((3,), 1), ((3, 2), 1), ((2,), 3), ((3, 4), 1), ((4,), 1)))
        yield Sample(cls(), (((3,), 1), ((3, 2), 1), ((2, 4), 2)))
        yield Sample(cls(), (((3, 4), 1), ((3, 2), 2), ((2, 4), 1)))
        yield Sample(cls(), (((3, 4), 1), ((3, 2), 1), ((2, 4), 2), ((3, 2), 1), ((2, 4), 1)))
        yield Sample(cls(), (((3,), 2), ((3, 2), 2), ((2, 4), 2), ((3,), 1), ((1, 4), 1)))
        yield Sample(cls(), (((3,), 2), ((3, 2), 1), ((2, 4), 2)))
        yield Sample(cls(), (((3, 1), 1), ((3, 2), 1), ((2,), 2), ((3, 2), 1), ((2, 1), 1)))

    @classmethod
    def bad_samples(cls) -> Iterable[BadSample]:
        yield BadSample(cls(), (((2,), 1), ((2, 3), 1)), "an odd number")
        yield BadSample(cls(), (((2,), 1), ((2, 3), 1), ((2,), 1)), "do not fit")
        yield BadSample(cls(), (((3,), 1), ((2, 3), 1), ((3,), 1)), "do not fit")


def _one_column(y: Array) -> Array:
    return y[:, 0] if y.ndim == 3 and y.shape[1] == 1 else y


def _bias(b: Array, y: Array) -> Array:
    if b.ndim == y.ndim:
        return b
    return b[:, np.newaxis] if b.ndim < y.ndim else b.reshape(len(b), -1)


def steps(x1: Type, x2: Type) -> tuple[int, int, int]:
    """Return the size of a batch element, and how far the next one is, of either: 0 if there is none."""
    size = x1.size // x1.batch
    return size, size * (x1.batch > 1), size * (x2.batch > 1)


class DotProduct(Op):
    """y = sum_i x1_i x2_i."""

    def shape(self, x1: Shape, x2: Shape) -> Shape:
        if x1 != x2:
            raise self.error(f"shapes must be equal, got {x1} and {x2}")
        return (1,)

    def forward(self, ctx: Context, x1: Array, x2: Array) -> Array:
        both = x1 * x2
        return both.reshape(len(both), -1).sum(axis=1, keepdims=True)

    def backward(self, ctx: Context, dy: Array, y: Array, x1: Array, x2: Array) -> list[Array]:
        scale = dy.reshape(len(dy), *(1,) * (x1.ndim - 1))
        return [scale * x2, scale * x1]

    def compiled(self, y: Type, x1: Type, x2: Type) -> Form | None:  # type: ignore[override]
        """One argument may have no batch."""
        return Form("dot_product", steps(x1, x2))

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(), (((3,), 1), ((3,), 1)))
        yield Sample(cls(), (((3,), 2), ((3,), 1)))
        yield Sample(cls(), (((2, 2), 2), ((2, 2), 2)))

    @classmethod
    def bad_samples(cls) -> Iterable[BadSample]:
        yield BadSample(cls(), (((2,), 1), ((3,), 1)), "shapes must be equal")


DOT_PRODUCT = DotProduct()
MATMUL = MatMul()


matmul = of_two(MATMUL, "matmul", "Return the matrix product ``W x``.")


def _first_affine(op: Op, xs: Any) -> Expression:
    return apply(op, *members(xs, "affine_transform"))


_affine = of_several(Affine(), "affine_transform", "Return the sum.", _first_affine)


def affine_transform(exprs: Sequence[Operand]) -> Expression:
    """Return ``b + W1 x1 + W2 x2 + ...`` for the list ``[b, W1, x1, W2, x2, ...]``."""
    return _affine(exprs)


dot_product = of_two(
    DOT_PRODUCT, "dot_product", "Return the sum of the products of two tensors' numbers."
)
