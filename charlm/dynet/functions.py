"""DyNet functions that need the current graph, because no argument of theirs lies in one."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from charlm.dynet import session
from charlm.dynet.parameters import LookupParameters, Parameters
from charlm.engine import ops
from charlm.engine.graph import Expression
from charlm.engine.ops.inputs import InputExpression, LookupExpression
from charlm.errors import NegativeIndexError, ShapeError


def inputVector(v: Sequence[float]) -> InputExpression:
    """Return a column vector of these numbers; ``.set`` replaces them."""
    return ops.input_vector(session.cg(), v)


def vecInput(dim: int) -> InputExpression:
    """Return a column vector of ``dim`` zeros; ``.set`` replaces them."""
    if dim < 0:
        raise NegativeIndexError(f"vecInput: a size is 0 or more, got {dim}")
    if dim == 0:
        raise ShapeError("vecInput: a vector has at least one number")
    return ops.input_vector(session.cg(), [0.0] * dim)


def inputTensor(arr: Any, batched: bool = False) -> InputExpression:
    """Return a tensor of these numbers; the last axis is the batch if ``batched``."""
    return ops.input_tensor(session.cg(), arr, batched)


def scalarInput(s: float) -> InputExpression:
    """Return a scalar; ``.set`` replaces it."""
    return ops.scalar_input(session.cg(), s)


def lookup(p: LookupParameters, index: int = 0, update: bool = True) -> LookupExpression:
    """Return a row of a table; without ``update`` it gets no gradient."""
    return ops.lookup(session.cg(), p.table, index, update)


def lookup_batch(
    p: LookupParameters, indices: Sequence[int], update: bool = True
) -> LookupExpression:
    """Return a batch of rows."""
    return ops.lookup(session.cg(), p.table, indices, update)


def zeros(dim: int | tuple[int, ...], batch_size: int = 1) -> Expression:
    """Return a tensor of zeros."""
    return ops.fill(session.cg(), dim, 0.0, batch_size)


def ones(dim: int | tuple[int, ...], batch_size: int = 1) -> Expression:
    """Return a tensor of ones."""
    return ops.fill(session.cg(), dim, 1.0, batch_size)


def constant(dim: int | tuple[int, ...], val: float, batch_size: int = 1) -> Expression:
    """Return a tensor filled with one number."""
    return ops.fill(session.cg(), dim, val, batch_size)


zeroes = zeros
_told: set[str] = set()


def parameter(*args: Parameters) -> Any:
    """Return the argument, or the tuple of them: parameters are expressions by themselves (deprecated by DyNet)."""
    if not _told:
        _told.add("parameter")
        print("parameter(p) is deprecated and does nothing: use p itself", file=sys.stderr)
    return args[0] if len(args) == 1 else args


def const_parameter(*args: Parameters) -> Any:
    """Return the parameter as a constant, which gets no gradient; a list for several."""
    constants = [p.expr(update=False) for p in args]
    return constants[0] if len(constants) == 1 else constants
