"""Ops on whole minibatched sequences, for language models.

A sequence node has DyNet shape (features, batch, time), so its array is ``(1, T, B, features)``:
the graph's batch axis has size 1, and the minibatch is another axis.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from charlm.engine.arrays import Array, Dim, Shape, show
from charlm.engine.expression import Expression, Operand, apply, start
from charlm.engine.graph import ComputationGraph
from charlm.engine.op import BadSample, Context, Op, Sample
from charlm.engine.parameters import LookupParameter, ParameterCollection
from charlm.engine.types import Type
from charlm.kernels.tapes import TOTAL, Form


@dataclass(eq=False)
class LookupSequence(Op):
    """y[t, b] = the row ``ids[t, b]`` of a table."""

    table: LookupParameter
    ids_TB: Array
    has_data = True

    def identity(self) -> tuple[Any, ...]:
        return self.table.dims, self.ids_TB.shape

    def check_data(self, *dims: Dim) -> None:
        self.table.check(self.ids_TB)

    def dim(self, *dims: Dim) -> Dim:
        self.check_data()
        T, B = self.ids_TB.shape
        return (*self.table.dims, B, T), 1

    def forward(self, ctx: Context) -> Array:
        return self.table.value[self.ids_TB][np.newaxis].astype(ctx.dtype, copy=False)

    def leaf(self) -> LookupParameter:
        return self.table

    def receive(self, ctx: Context, dy: Array) -> None:
        ids_N = self.ids_TB.ravel()
        rows = self.table.gradient.reshape(self.table.rows, -1)
        ctx.kernels.scatter_add(rows, ids_N, dy.reshape(len(ids_N), -1))

    def touch(self) -> None:
        self.table.touched[self.ids_TB] = True

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        table = ParameterCollection().add_lookup_parameters(4, (2,))
        yield Sample(cls(table, np.array([[0, 1], [3, 3], [1, 0]])))
        yield Sample(cls(ParameterCollection().add_lookup_parameters(3, (4,)), np.array([[2]])))


@dataclass(eq=False)
class SequenceNegLogSoftmax(Op):
    """y = sum over t, b of -ln softmax(b + W h[t, b])[targets[t, b]]; the output layer and its loss in one op.

    Only targets with True in ``counted_TB`` count, if it is given.
    """

    targets_TB: Array
    counted_TB: Array | None = None
    has_data = True

    def identity(self) -> tuple[Any, ...]:
        return *self.targets_TB.shape, self.counted_TB is None

    def dim(self, *dims: Dim) -> Dim:
        (h, _), (w, _), (b, _) = dims
        T, B = self.targets_TB.shape
        if len(h) != 3 or h[1:] != (B, T) or w != (*b, h[0]):
            raise self.error(f"h {h}, W {w}, b {b} and targets {(T, B)} do not fit together")
        if any(batch != 1 for _, batch in dims):
            raise self.error("the minibatch must be an axis of the sequence, not the batch axis")
        return (1,), 1

    def forward(self, ctx: Context, h: Array, w: Array, b: Array) -> Array:
        """``ctx.saved`` is the probabilities."""
        losses, ctx.saved = ctx.kernels.affine_softmax_nll_forward(
            h.reshape(-1, h.shape[-1]), w[0], b[0], self.targets_TB.ravel()
        )
        if self.counted_TB is not None:
            losses = losses * self.counted_TB.ravel()
        return losses.sum().reshape(1, 1)

    def backward(
        self, ctx: Context, dy: Array, y: Array, h: Array, w: Array, b: Array
    ) -> list[Array]:
        targets = self.targets_TB.ravel()
        dloss = np.full(targets.shape, dy[0, 0])
        if self.counted_TB is not None:
            dloss *= self.counted_TB.ravel()
        dh, dw, db = ctx.kernels.affine_softmax_nll_backward(
            dloss, ctx.saved, h.reshape(-1, h.shape[-1]), w[0], b[0], targets
        )
        return [dh.reshape(h.shape), dw[np.newaxis], db[np.newaxis]]

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        targets = np.array([[0, 1], [3, 3], [1, 0]])
        yield Sample(cls(targets), (((5, 2, 3), 1), ((4, 5), 1), ((4,), 1)))
        yield Sample(cls(np.array([[2]])), (((5, 1, 1), 1), ((4, 5), 1), ((4,), 1)))
        counted = np.array([[True, True], [True, False], [True, False]])
        yield Sample(cls(targets, counted), (((5, 2, 3), 1), ((4, 5), 1), ((4,), 1)))

    @classmethod
    def bad_samples(cls) -> Iterable[BadSample]:
        targets = np.zeros((2, 2), int)
        yield BadSample(
            cls(targets), (((5, 2, 3), 1), ((4, 5), 1), ((4,), 1)), "do not fit together"
        )
        yield BadSample(
            cls(targets), (((5, 2, 2), 3), ((4, 5), 1), ((4,), 1)), "an axis of the sequence"
        )


class StackTime(Op):
    """y[t] = the t-th argument: vectors become a sequence; a batch of one is repeated."""

    id_count = 0

    def dim(self, *dims: Dim) -> Dim:
        """(features, batch, number of arguments)."""
        first = dims[0][0]
        batch = max(d[1] for d in dims)
        if len(first) != 1 or any(d[0] != first or d[1] not in (1, batch) for d in dims):
            raise self.error(
                f"vectors of one size and batch are needed, got {', '.join(map(show, dims))}"
            )
        return (*first, batch, len(dims)), 1

    def compiled(self, y: Type, *xs: Type) -> Form | None:
        alike = all(x.batch == xs[0].batch for x in xs)
        return Form("concatenate", (y.size,), rule=TOTAL) if alike else None

    def forward(self, ctx: Context, *xs: Array) -> Array:
        y = np.empty((1, len(xs), max(map(len, xs)), xs[0].shape[-1]), xs[0].dtype)
        for t, x in enumerate(xs):
            y[0, t] = x
        return y

    def backward(self, ctx: Context, dy: Array, y: Array, *xs: Array) -> list[Array]:
        return list(dy[0])

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(), (((3,), 1), ((3,), 2)))
        yield Sample(cls(), (((2,), 3),))

    @classmethod
    def bad_samples(cls) -> Iterable[BadSample]:
        yield BadSample(cls(), (((3,), 1), ((2,), 1)), "vectors of one size")
        yield BadSample(cls(), (((3, 2), 1),), "vectors of one size")


@dataclass(eq=False)
class OutputSequence(Op):
    """y = the last state, a cell's output, of every step of a recurrent sequence."""

    id_count = 0
    is_view = True

    def dim(self, *dims: Dim) -> Dim:
        """The states of x are in its batch axis."""
        return dims[0][0], 1

    def compiled(self, y: Type, x: Type) -> Form | None:  # type: ignore[override]
        return Form("part", (x.size - y.size, 0, y.size))

    def forward(self, ctx: Context, x: Array) -> Array:
        return x[-1:]

    def add_gradient(self, ctx: Context, dx: Array, dy: Array) -> None:
        dx[-1:] += dy

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(), (((3, 2, 4), 2),))
        yield Sample(cls(), (((3, 1, 2), 1),))


@dataclass(eq=False)
class StatePart(Op):
    """y = one state of a recurrent step, or of step ``time`` of a recurrent sequence."""

    state: int = 0
    time: int | None = None
    id_back: int = 0  # type: ignore[misc]  # counted from the last id of the step
    id_count = 0
    is_view = True

    def dim(self, *dims: Dim) -> Dim:
        shape: Shape = dims[0][0]
        return shape[:1], shape[1]

    def compiled(self, y: Type, x: Type) -> Form | None:  # type: ignore[override]
        step = self.state if self.time is None else self.state * x.shape[2] + self.time
        return Form("part", (step * y.size, 0, y.size))

    def forward(self, ctx: Context, x: Array) -> Array:
        part: Array = x[self.state] if self.time is None else x[self.state, self.time]
        return part

    def add_gradient(self, ctx: Context, dx: Array, dy: Array) -> None:
        target = dx[self.state] if self.time is None else dx[self.state, self.time]
        target += dy

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(1), (((3, 2), 2),))
        yield Sample(cls(0, 3), (((3, 2, 4), 2),))


def lookup_sequence(graph: ComputationGraph, table: LookupParameter, ids_TB: Array) -> Expression:
    """Return the rows of a (T, B) matrix of ids, as a sequence."""
    return start(graph, LookupSequence(table, ids_TB))


def sequence_neg_log_softmax(
    h: Operand, w: Operand, b: Operand, targets_TB: Array, counted_TB: Array | None = None
) -> Expression:
    """Return the summed negative log-likelihood of (T, B) targets under softmax(b + W h), of those that count."""
    return apply(SequenceNegLogSoftmax(targets_TB, counted_TB), h, w, b)
