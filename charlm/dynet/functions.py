"""DyNet's functions that need the current graph, because no argument of theirs lies in one."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from charlm.dynet import session
from charlm.dynet.parameters import LookupParameters, Parameters
from charlm.engine import ops
from charlm.engine.arrays import Array
from charlm.engine.graph import Expression
from charlm.engine.ops.arguments import unsigned, unsigned_all
from charlm.engine.ops.inputs import InputExpression, LookupExpression
from charlm.errors import ArgumentError, ShapeError


def inputVector(v: Sequence[float]) -> InputExpression:
    """Return a column vector of these numbers; ``.set`` replaces them."""
    return ops.input_vector(session.cg(), v)


def vecInput(dim: int) -> InputExpression:
    """Return a column vector of ``dim`` zeros; ``.set`` replaces them."""
    return ops.input_vector(session.cg(), [0.0] * _sizes(dim, "vecInput")[0])


def inputTensor(arr: Any, batched: bool = False) -> InputExpression:
    """Return a tensor of these numbers, given as an array or nested lists; ``.set`` replaces them.

    The last axis is the batch if ``batched``. A list of arrays of one shape becomes a batch.
    """
    return ops.input_tensor(session.cg(), arr, batched)


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
    (batch,) = _sizes(batch_size, "batch_size")
    return ops.fill(session.cg(), _sizes(dim, "constant"), val, batch)


zeroes = zeros
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
    constants = [p.leaf(update=False) for p in args]
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


def _sizes(dim: Any, where: str) -> tuple[int, ...]:
    sizes = unsigned_all(dim if isinstance(dim, tuple) else (dim,), where)
    if not sizes or 0 in sizes:
        raise ShapeError(f"{where}: sizes are 1 or more, got {dim!r}")
    return sizes
