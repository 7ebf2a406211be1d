"""Evaluation, node by node.

Nodes are evaluated in creation order, whether needed or not: this fixes the order of random draws, as
in DyNet. The backward pass visits them in reverse.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Protocol

import numpy as np

from charlm.engine.arrays import Array, quietly, reduce_to, show, zeros_like
from charlm.engine.op import Context
from charlm.engine.tape import Tape
from charlm.errors import EvaluationError
from charlm.kernels.reference import Product


class Executor(Protocol):
    """Evaluates a tape: forward, and backward."""

    def __init__(self, tape: Tape, context: Context) -> None: ...

    @property
    def evaluated(self) -> int:
        """How many nodes have values: always the first ones."""

    def value(self, index: int) -> Array:
        """Return the value of an evaluated node."""

    def vector(self, index: int) -> list[float]:
        """Return the numbers of a node; evaluate it if it has no value yet."""

    def gradient(self, index: int) -> Array | None:
        """Return a node's gradient from the last backward pass, None if no gradient reached it."""

    def forward(self, last: int) -> None:
        """Evaluate the nodes up to ``last`` that have no value yet."""

    def forget(self, first: int) -> None:
        """Forget the values from node ``first`` on."""

    def cut(self, tape: Tape) -> None:
        """Continue with another tape, which has the first nodes of this one."""

    def backward(self, root: int, full: bool, keep: bool) -> None:
        """Compute the gradient of one number for every node and parameter that it depends on."""

    def state_gradient(self, index: int) -> Array:
        """Return the gradient of a recurrent node's states, later time steps included. It is computed on request."""


class NodeByNode:
    """Runs a tape in numpy: an ``Executor``.

    Attributes:
        values: those of the evaluated nodes, always the first ones.
        gradients: None where no gradient came. The first that comes is kept without a copy and may be shared.
    """

    def __init__(self, tape: Tape, context: Context) -> None:
        self.tape = tape
        self.context = context
        self.values: list[Array] = []
        self.gradients: list[Array | None] = []
        self.saved: dict[int, Any] = {}
        self._start = 0  # where the arguments of the first node without a value begin
        self._owned = bytearray()  # 1: the node's gradient is not shared, so it may be changed
        self._products: defaultdict[int, list[Product]] = defaultdict(list)  # to be added later
        self._state_gradients: dict[int, Array] = {}

    @property
    def evaluated(self) -> int:
        return len(self.values)

    def value(self, index: int) -> Array:
        return self.values[index]

    def vector(self, index: int) -> list[float]:
        if index >= len(self.values):
            self.forward(index)
        return self.values[index].ravel().tolist()

    def gradient(self, index: int) -> Array | None:
        return self.gradients[index]

    # ---- forward

    def forward(self, last: int) -> None:
        quietly(self._forward, last)

    def _forward(self, last: int) -> None:
        tape, ctx, values, saved = self.tape, self.context, self.values, self.saved
        signatures, arguments, data = tape.signatures, tape.arguments, tape.data
        start = self._start
        try:
            for k in range(len(values), last + 1):
                signature = signatures[k]
                count = signature.count
                op = signature.op
                if op is None:
                    indexed = signature.indexed
                    op = data[k] if indexed is None else indexed.made[arguments[start + count]]
                if signature.empty:
                    y = np.empty(signature.type.array_shape, ctx.dtype)
                elif count == 1:  # the cases of one and two arguments save half a microsecond
                    y = op.forward(ctx, values[arguments[start]])
                elif count == 2:
                    y = op.forward(ctx, values[arguments[start]], values[arguments[start + 1]])
                else:
                    y = op.forward(ctx, *[values[i] for i in arguments[start : start + count]])
                values.append(y)
                start += signature.extent
                if ctx.saved is not None:
                    saved[k] = ctx.saved
                    ctx.saved = None
        except OF_EMPTY as error:
            check_empty(tape, len(values), error)
            raise
        finally:
            self._start = start

    def forget(self, first: int) -> None:
        if first < len(self.values):
            self._start = self.tape.start(first)
        del self.values[first:]
        for k in [k for k in self.saved if k >= first]:
            del self.saved[k]

    def cut(self, tape: Tape) -> None:
        self.forget(len(tape))
        del self.gradients[len(tape) :]
        self.tape = tape

    # ---- backward

    def backward(self, root: int, full: bool, keep: bool) -> None:
        tape, ctx, values, saved = self.tape, self.context, self.values, self.saved
        signatures, arguments, data = tape.signatures, tape.arguments, tape.data
        gradients = self.gradients = [None] * (root + 1)
        self._owned = bytearray(root + 1)
        self._state_gradients.clear()
        products, add, own = self._products, self._add, self._own
        gradients[root] = np.ones_like(self.values[root])
        start = self._start if root == len(self.values) - 1 else tape.start(root + 1)
        k = root
        try:
            for k in range(root, -1, -1):
                signature = signatures[k]
                start -= signature.extent
                if k in products:
                    self._add_products(k)
                dy, count = gradients[k], signature.count
                if not keep:
                    gradients[k] = None
                op = signature.op
                if op is None:
                    indexed = signature.indexed
                    op = data[k] if indexed is None else indexed.made[arguments[start + count]]
                if not count:
                    if signature.type.trains:
                        op.touch()
                        if dy is not None:
                            op.receive(ctx, dy)
                    continue
                if dy is None:
                    continue
                args = arguments[start : start + count]
                needs = signature.needs
                if full:
                    needs = tuple([not signatures[i].empty for i in args])
                if signature.empty or True not in needs:
                    continue
                if op.is_view:
                    op.add_gradient(ctx, own(args[0]), dy)
                    continue
                ctx.saved = saved.get(k)
                ctx.needs = needs
                if count == 1:
                    (dx,) = op.backward(ctx, dy, values[k], values[args[0]])
                    if dx is not None:
                        add(args[0], dx)
                    continue
                if count == 2:
                    dxs = op.backward(ctx, dy, values[k], values[args[0]], values[args[1]])
                else:
                    dxs = op.backward(ctx, dy, values[k], *[values[i] for i in args])
                for j, dx in enumerate(dxs):
                    if dx is not None and needs[j]:
                        add(args[j], dx)
        except OF_EMPTY as error:
            check_empty(tape, k, error)
            raise

    def _add(self, index: int, dx: Array | Product) -> None:
        """Add to a node's gradient; axes that were broadcast are summed first."""
        if isinstance(dx, Product):
            self._products[index].append(dx)
            return
        shape = self.values[index].shape
        if dx.shape != shape:
            dx = reduce_to(dx, shape)
        so_far = self.gradients[index]
        if so_far is None:
            self.gradients[index] = dx
        elif self._owned[index]:
            so_far += dx
        else:
            self.gradients[index] = so_far + dx
            self._owned[index] = 1

    def _add_products(self, index: int) -> None:
        """Add all matrix products for a node's gradient as one product."""
        self._add(index, Product.sum(self._products.pop(index))[np.newaxis])

    def _own(self, index: int) -> Array:
        """Return a node's gradient as an unshared array, zeros at first, that may be changed in place."""
        whole = self.gradients[index]
        if whole is None:
            whole = self.gradients[index] = zeros_like(self.values[index])
        elif not self._owned[index]:
            whole = self.gradients[index] = whole.copy()
        self._owned[index] = 1
        return whole

    def state_gradient(self, index: int) -> Array:
        gradient = self._state_gradients.get(index)
        if gradient is None:
            dy, xs = self._own(index), [self.values[i] for i in self.tape.args(index)]
            gradient = self._state_gradients[index] = self.tape.op(index).state_gradient(dy, *xs)
        return gradient


# errors that operations raise where numbers are missing
OF_EMPTY = (ValueError, IndexError, ZeroDivisionError)


def check_empty(tape: Tape, index: int, error: Exception) -> None:
    """Raise EvaluationError from this error if an argument of the node has no numbers."""
    dims = [tape.signatures[i].type.dim for i in tape.args(index)]
    if any(0 in shape for shape, _ in dims):
        raise EvaluationError(
            f"{tape.op(index).name()}: is not defined for an argument without numbers, got "
            f"{', '.join(map(show, dims))}"
        ) from error
