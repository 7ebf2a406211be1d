"""Evaluation of a graph: forward and backward, the one module that all numbers pass through.

Nodes are evaluated in creation order, whether needed or not: this fixes the order of random draws,
as in DyNet.
"""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING, cast

import numpy as np

from charlm.engine.arrays import Array, reduce_to
from charlm.errors import ShapeError

if TYPE_CHECKING:
    from charlm.engine.graph import ComputationGraph


def forward(graph: ComputationGraph, index: int) -> None:
    """Evaluate the nodes that have no value yet, up to and with ``index``."""
    ctx, ops, args, values, saved = graph.context, graph.ops, graph.args, graph.values, graph.saved
    with np.errstate(
        all="ignore"
    ):  # overflow gives inf, as in DyNet; the trainer checks the gradient
        for i in range(graph.evaluated, index + 1):
            ctx.saved = None
            values[i] = ops[i].forward(ctx, *[values[j] for j in args[i]])
            saved[i] = ctx.saved
            graph.evaluated = i + 1


def backward(graph: ComputationGraph, root: int, full: bool, keep: bool) -> None:
    """Run back from ``root``; see ``ComputationGraph.backward``."""
    ctx, ops, args, values = graph.context, graph.ops, graph.args, graph.values
    trainable = graph.trainable
    shape, batch = graph.dims[root]
    if cast("Array", values[root]).size != 1:
        raise ShapeError(
            f"backward() needs an expression of one number, this one is {shape} x {batch}"
        )
    gradients: list[Array | None] = [None] * (root + 1)
    graph.totals.clear()
    gradients[root] = np.ones_like(cast("Array", values[root]))
    owned = bytearray(root + 1)  # 1: the array is ours alone and may be added to in place
    with np.errstate(all="ignore"):
        for i in range(root, -1, -1):
            dy = gradients[i]
            if dy is None:
                continue
            op, inputs = ops[i], args[i]
            if not inputs:
                if trainable[i]:
                    op.receive(ctx, dy)
            elif full or trainable[i]:
                ctx.saved = graph.saved[i]
                if op.is_view:
                    _add_to_part(graph, i, dy, gradients, owned)
                else:
                    ctx.needs = tuple([full or trainable[j] for j in inputs])
                    xs = [values[j] for j in inputs]
                    if keep and op.is_recurrent:  # computed if it is asked for
                        graph.totals[i] = cache(partial(op.total_gradient, dy, *xs))
                    found = op.backward(ctx, dy, cast("Array", values[i]), *xs)
                    for j, need, dx in zip(inputs, ctx.needs, found, strict=True):
                        if need and dx is not None:
                            _add(j, dx, cast("Array", values[j]).shape, gradients, owned)
            if not keep:
                gradients[i] = None
    graph.gradients = gradients if keep else None


def _add(
    j: int, dx: Array, shape: tuple[int, ...], gradients: list[Array | None], owned: bytearray
) -> None:
    if dx.shape != shape:
        dx = reduce_to(dx, shape)
    so_far = gradients[j]
    if so_far is None:
        gradients[j] = dx  # perhaps shared with another node: not written to
    elif owned[j]:
        so_far += dx
    else:
        gradients[j] = so_far + dx
        owned[j] = 1


def _add_to_part(
    graph: ComputationGraph,
    i: int,
    dy: Array,
    gradients: list[Array | None],
    owned: bytearray,
) -> None:
    (j,) = graph.args[i]
    whole = gradients[j]
    if whole is None:
        whole = gradients[j] = np.zeros_like(cast("Array", graph.values[j]))
    elif not owned[j]:
        whole = gradients[j] = whole.copy()
    owned[j] = 1
    graph.ops[i].add_gradient(graph.context, whole, dy)
