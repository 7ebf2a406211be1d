"""Python's operators between expressions, and between an expression and a number."""

from __future__ import annotations

from typing import Any

import numpy as np

from charlm.engine.expression import Expression, Node, Operand, apply, indexed, of_two
from charlm.engine.op import Op
from charlm.engine.ops.arithmetic import ADD, pow
from charlm.engine.ops.elementwise import ADD_NUMBER, MINUS, TIMES, bits_of, negate
from charlm.engine.ops.inputs import scalar_input
from charlm.engine.ops.linear import MATMUL
from charlm.engine.ops.slicing import getitem
from charlm.errors import UnsupportedOperandError


def _add(op: Op, x: Operand, y: Any) -> Expression:
    if isinstance(y, Operand):
        return apply(op, x, y)
    return indexed(ADD_NUMBER, _bits(y, "+"), x, Node)


def _mul(op: Op, x: Operand, y: Any) -> Expression:
    if isinstance(y, Operand):
        return apply(op, x, y)
    return indexed(TIMES, _bits(y, "*"), x, Node)


add = of_two(ADD, "add", "``x + y``: one node.", _add)
mul = of_two(MATMUL, "mul", "``x * y``: the matrix product, or each number times a number.", _mul)


def sub(x: Operand, y: Operand | float) -> Expression:
    """``x - y``: two nodes, as in DyNet: y negated and added; for a number c, c - x negated."""
    if isinstance(y, Operand):
        return add(x, negate(y))
    return negate(indexed(MINUS, _bits(y, "-"), x, Node))


def rsub(x: Operand, c: float) -> Expression:
    """``c - x``: one node."""
    return indexed(MINUS, _bits(c, "-"), x, Node)


def div(x: Operand, y: float) -> Expression:
    """``x / c``: a product with 1/c, which is rounded to float32 as in DyNet."""
    if isinstance(y, Operand):
        raise UnsupportedOperandError(
            "/ divides by a number; use cdiv(x, y) to divide by an expression, element-wise"
        )
    with np.errstate(divide="ignore"):
        inverse = float(np.float64(1) / _number(y, "/"))
    return indexed(TIMES, bits_of(inverse), x, Node)


def power(x: Operand, y: Operand | float) -> Expression:
    """``x ** y``: y is one number; a Python number becomes an input node."""
    if isinstance(y, Operand):
        return pow(x, y)
    exponent = scalar_input(x.home(), _number(y, "**"))
    return pow(x, exponent)


def _number(value: Any, sign: str) -> float:
    if isinstance(value, (int, float)):
        return float(value)
    raise UnsupportedOperandError(
        f"{sign} takes an expression or a Python number, got {type(value).__name__} {value!r}"
    )


def _bits(value: Any, sign: str) -> int:
    return bits_of(_number(value, sign))


for _sign, _function in {
    "__add__": add,
    "__radd__": add,
    "__sub__": sub,
    "__rsub__": rsub,
    "__mul__": mul,
    "__rmul__": mul,
    "__truediv__": div,
    "__pow__": power,
    "__neg__": negate,
    "__getitem__": getitem,
}.items():
    setattr(Operand, _sign, _function)
