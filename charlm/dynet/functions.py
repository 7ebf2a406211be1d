"""DyNet's functions without an argument from a graph: they use the current graph."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from charlm.dynet import session
from charlm.dynet.devices import check_device
from charlm.dynet.parameters import LookupParameters, Parameters
from charlm.engine import ops
from charlm.engine.arrays import Array
from charlm.engine.expression import Expression, at
from charlm.engine.ops.arguments import sizes, unsigned, unsigned_all
from charlm.engine.ops.inputs import InputExpression
from charlm.engine.ops.leaves import LookupExpression
from charlm.errors import ArgumentError, ShapeError

__all__ = [
    "const_parameter",
    "constant",
    "forward",
    "inputMatrix",
    "inputTensor",
    "inputTensorTranspose",
    "inputVector",
    "lookup",
    "lookup_batch",
    "matInput",
    "npvalues",
    "one_hot",
    "ones",
    "parameter",
    "random_bernoulli",
    "random_gumbel",
    "random_normal",
    "random_uniform",
    "scalarInput",
    "sparse_inputTensor",
    "values",
    "vecInput",
    "zeroes",
    "zeros",
]


class _FixedInput(InputExpression):
    """An ``inputTensor`` whose numbers cannot be replaced."""

    __slots__ = ()

    def set(self, numbers: Sequence[float]) -> None:
        """Raise ValueError."""
        raise ShapeError(
            "set: this tensor cannot be changed; make it with inputTensor(..., reusable_expr=True)"
        )


def inputVector(v: Sequence[float], device: str = "") -> InputExpression:
    """Return a column vector of these numbers; ``.set`` replaces them."""
    check_device(device)
    return ops.input_vector(session.cg(), v)


def vecInput(dim: int, device: str = "") -> InputExpression:
    """Return a column vector of ``dim`` zeros; ``.set`` replaces them."""
    check_device(device)
    (size,) = sizes((dim,), "vecInput")
    return ops.input_vector(session.cg(), [0.0] * size)


def inputTensor(
    arr: Any, batched: bool = False, device: str = "", reusable_expr: bool = False
) -> InputExpression:
    """Return a tensor of these numbers, given as an array or nested lists.

    Args:
        arr: the numbers; a list of arrays of one shape becomes a batch.
        batched: whether the last axis is the batch.
        device: "CPU", the only device, or nothing.
        reusable_expr: let ``.set`` replace the numbers, by a flat list in column-major order.
    """
    check_device(device)
    node = ops.input_tensor(session.cg(), arr, batched)
    return node if reusable_expr else at(node.graph, node.index, _FixedInput)


def inputMatrix(v: Sequence[float], d: tuple[int, ...]) -> Expression:
    """Raise DeprecationWarning, as DyNet does: ``inputTensor`` replaces it."""
    raise DeprecationWarning("inputMatrix was removed: use inputTensor")


def matInput(d1: int, d2: int) -> Expression:
    """Raise DeprecationWarning, as DyNet does: ``inputTensor`` replaces it."""
    raise DeprecationWarning("matInput was removed: use inputTensor")


def inputTensorTranspose(
    arr: Sequence[float], dim: tuple[int, ...], batch_size: int = 1, device: str = ""
) -> InputExpression:
    """Return a tensor of sizes ``dim`` from a flat list of its numbers in column-major order."""
    check_device(device)
    return ops.input_tensor_transposed(session.cg(), arr, dim, batch_size)


def sparse_inputTensor(
    idxs: Sequence[Sequence[int]],
    values: Sequence[float],
    shape: tuple[int, ...],
    batched: bool = False,
    defval: float = 0.0,
    device: str = "",
) -> InputExpression:
    """Return a tensor with ``values`` at these places (a list of indices for each axis) and ``defval`` elsewhere."""
    check_device(device)
    return ops.sparse_input_tensor(session.cg(), idxs, values, shape, batched, defval)


def one_hot(d: int, idx: int | Sequence[int], device: str = "") -> InputExpression:
    """Return a vector of size ``d`` with 1 at an index and 0 elsewhere; several indices make a batch."""
    check_device(device)
    return ops.one_hot(session.cg(), d, idx)


def scalarInput(s: float, device: str = "") -> InputExpression:
    """Return a scalar; ``.set`` replaces it."""
    check_device(device)
    return ops.scalar_input(session.cg(), s)


def lookup(p: LookupParameters, index: int = 0, update: bool = True) -> LookupExpression:
    """Return a row of a table; without ``update`` it gets no gradient."""
    if not isinstance(p, LookupParameters):
        raise ArgumentError(f"lookup: a LookupParameters is needed, got {p!r}")
    row = unsigned(index, "lookup")
    return p[row] if update else p.rows(row, update)


def lookup_batch(
    p: LookupParameters, indices: Sequence[int], update: bool = True
) -> LookupExpression:
    """Return a batch of rows; without ``update`` they get no gradient."""
    if not isinstance(p, LookupParameters):
        raise ArgumentError(f"lookup_batch: a LookupParameters is needed, got {p!r}")
    return p.rows(unsigned_all(indices, "lookup_batch"), update)


def zeros(dim: int | tuple[int, ...], batch_size: int = 1) -> Expression:
    """Return a tensor of zeros."""
    return constant(dim, 0.0, batch_size)


def ones(dim: int | tuple[int, ...], batch_size: int = 1) -> Expression:
    """Return a tensor of ones."""
    return constant(dim, 1.0, batch_size)


def constant(dim: int | tuple[int, ...], val: float, batch_size: int = 1) -> Expression:
    """Return a tensor filled with one number."""
    return ops.fill(session.cg(), dim, val, batch_size)


zeroes = zeros


def random_normal(
    dim: int | tuple[int, ...], mean: float = 0.0, stddev: float = 1.0, batch_size: int = 1
) -> Expression:
    """Return numbers drawn from N(mean, stddev**2) when they are evaluated."""
    return ops.random_normal(session.cg(), dim, mean, stddev, batch_size)


def random_bernoulli(
    dim: int | tuple[int, ...], p: float, scale: float = 1.0, batch_size: int = 1
) -> Expression:
    """Return numbers that are ``scale`` with probability p, else 0."""
    return ops.random_bernoulli(session.cg(), dim, p, scale, batch_size)


def random_uniform(
    dim: int | tuple[int, ...], left: float, right: float, batch_size: int = 1
) -> Expression:
    """Return numbers drawn from U(left, right) when they are evaluated."""
    return ops.random_uniform(session.cg(), dim, left, right, batch_size)


def random_gumbel(
    dim: int | tuple[int, ...], mu: float = 0.0, beta: float = 1.0, batch_size: int = 1
) -> Expression:
    """Return numbers drawn from the standard Gumbel distribution; another ``mu`` or ``beta`` is an error."""
    return ops.random_gumbel(session.cg(), dim, mu, beta, batch_size)


_told: set[str] = set()


def parameter(*args: Parameters) -> Any:
    """Return the argument, or a tuple of several: parameters are expressions themselves (deprecated in DyNet)."""
    if not _told:
        _told.add("parameter")
        print("parameter(p) is deprecated and does nothing: use p itself", file=sys.stderr)
    return args[0] if len(args) == 1 else args


def const_parameter(*args: Parameters | LookupParameters) -> Any:
    """Return the parameter as a constant, which gets no gradient; a list for several."""
    for p in args:
        if not isinstance(p, (Parameters, LookupParameters)):
            raise ArgumentError(f"const_parameter: a parameter is needed, got {p!r}")
    constants = [ops.nobackprop(p) for p in args]
    return constants[0] if len(constants) == 1 else constants


def forward(exps: Sequence[Expression], recalculate: bool = False) -> None:
    """Evaluate these expressions and all nodes before the last of them; with ``recalculate``, again."""
    if not isinstance(exps, (list, tuple)) or not all(isinstance(e, Expression) for e in exps):
        raise ArgumentError(f"a list of expressions is needed, got {exps!r}")
    graph = session.cg()
    nodes = [
        e.node(graph) for e in exps
    ]  # a parameter makes its node now: all are evaluated together
    if nodes:
        graph.forward(max(node.index for node in nodes), recalculate)


def values(
    exps: Sequence[Expression], recalculate: bool = False
) -> list[float | list[float] | Array]:
    """Return the ``value()`` of each expression."""
    forward(exps, recalculate)
    return [e.value() for e in exps]


def npvalues(exps: Sequence[Expression], recalculate: bool = False) -> list[Array]:
    """Return the ``npvalue()`` of each expression."""
    forward(exps, recalculate)
    return [e.npvalue() for e in exps]
