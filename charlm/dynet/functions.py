"""DyNet's functions that need the current graph, because no argument of theirs lies in one."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from charlm.dynet import session
from charlm.dynet.parameters import LookupParameters, Parameters
from charlm.engine import ops
from charlm.engine.arrays import Array
from charlm.engine.expression import Expression
from charlm.engine.ops.arguments import sizes, unsigned, unsigned_all
from charlm.engine.ops.inputs import InputExpression, LookupExpression
from charlm.errors import ArgumentError

__all__ = [
    "const_parameter",
    "constant",
    "forward",
    "inputTensor",
    "inputTensorTranspose",
    "inputVector",
    "lookup",
    "lookup_batch",
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


def inputVector(v: Sequence[float]) -> InputExpression:
    """Return a column vector of these numbers; ``.set`` replaces them."""
    return ops.input_vector(session.cg(), v)


def vecInput(dim: int) -> InputExpression:
    """Return a column vector of ``dim`` zeros; ``.set`` replaces them."""
    (size,) = sizes((dim,), "vecInput")
    return ops.input_vector(session.cg(), [0.0] * size)


def inputTensor(arr: Any, batched: bool = False) -> InputExpression:
    """Return a tensor of these numbers, given as an array or nested lists; ``.set`` replaces them.

    The last axis is the batch if ``batched``. A list of arrays of one shape becomes a batch.
    """
    return ops.input_tensor(session.cg(), arr, batched)


def inputTensorTranspose(
    arr: Sequence[float], dim: tuple[int, ...], batch_size: int = 1
) -> InputExpression:
    """Return a tensor of sizes ``dim`` from a flat list of its numbers in column-major order."""
    return ops.input_tensor_transposed(session.cg(), arr, dim, batch_size)


def sparse_inputTensor(
    idxs: Sequence[Sequence[int]],
    values: Sequence[float],
    shape: tuple[int, ...],
    batched: bool = False,
    defval: float = 0.0,
) -> InputExpression:
    """Return a tensor that is ``defval`` but for the values at these places, one list of indices for each axis."""
    return ops.sparse_input_tensor(session.cg(), idxs, values, shape, batched, defval)


def one_hot(d: int, idx: int | Sequence[int]) -> InputExpression:
    """Return a vector of size ``d`` with 1 at an index and 0 elsewhere; several indices make a batch."""
    return ops.one_hot(session.cg(), d, idx)


def scalarInput(s: float) -> InputExpression:
    """Return a scalar; ``.set`` replaces it."""
    return ops.scalar_input(session.cg(), s)


def lookup(p: LookupParameters, index: int = 0, update: bool = True) -> LookupExpression:
    """Return a row of a table; without ``update`` it gets no gradient."""
    if not isinstance(p, LookupParameters):
        raise ArgumentError(f"lookup: a LookupParameters is needed, got {p!r}")
    return p.rows(unsigned(index, "lookup"), update)


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
    """Return numbers drawn from the standard Gumbel distribution; other ``mu`` and ``beta`` are refused."""
    return ops.random_gumbel(session.cg(), dim, mu, beta, batch_size)


_told: set[str] = set()


def parameter(*args: Parameters) -> Any:
    """Return the argument, or the tuple of them: parameters are expressions by themselves (deprecated by DyNet)."""
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


def forward(exps: Sequence[Expression]) -> None:
    """Evaluate these expressions and all that was made before the last of them."""
    if not isinstance(exps, (list, tuple)) or not all(isinstance(e, Expression) for e in exps):
        raise ArgumentError(f"a list of expressions is needed, got {exps!r}")
    graph = session.cg()
    for e in exps:
        e.node(graph)  # a parameter makes its node now: all are evaluated together
    for e in exps:
        e.forward()


def values(exps: Sequence[Expression]) -> list[Any]:
    """Return the ``value()`` of each expression."""
    forward(exps)
    return [e.value() for e in exps]


def npvalues(exps: Sequence[Expression]) -> list[Array]:
    """Return the ``npvalue()`` of each expression."""
    forward(exps)
    return [e.npvalue() for e in exps]
