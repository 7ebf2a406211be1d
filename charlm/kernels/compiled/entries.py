"""What is called in one go, without numba: functions of the address of an array of integers.

The array holds addresses and sizes in the order of the arguments of the function that is called.
"""

from __future__ import annotations

from typing import Any

from numba import types
from numba.np.arrayobj import populate_array

from charlm.kernels.compiled import tape
from charlm.kernels.compiled.options import instructions
from charlm.kernels.tapes import WIDTH


def _arrays(element: Any, dimensions: int) -> Any:
    """Return what makes an array of an address and a shape, which compiled code calls."""

    @instructions
    def array_at(typing: Any, address: Any, shape: Any) -> Any:
        kind = types.Array(element, dimensions, "C")

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            array = context.make_array(kind)(context, builder)
            item = context.get_data_type(element)
            size = context.get_constant(types.intp, context.get_abi_sizeof(item))
            shape = [builder.extract_value(args[1], i) for i in range(dimensions)]
            strides = [size]
            for length in reversed(shape[1:]):
                strides.insert(0, builder.mul(strides[0], length))
            data = builder.inttoptr(args[0], item.as_pointer())
            populate_array(array, data, shape, strides, size, meminfo=None)
            return array._getvalue()

        return kind(types.int64, types.UniTuple(types.int64, dimensions)), generate

    return array_at


bytes_at = _arrays(types.uint8, 1)
floats_at = _arrays(types.float32, 1)
integers_at = _arrays(types.int64, 1)
reals_at = _arrays(types.float64, 1)
integer_rows_at = _arrays(types.int64, 2)
real_rows_at = _arrays(types.float64, 2)
LINK = 5  # integers of a product that is put off


def tape_prepare(state):
    """Call ``tape.prepare``; behind the arguments come how many rows, nodes and integers there is room for."""
    s = integers_at(state, (18,))
    rows, nodes, integers = s[15], s[16], s[17]
    return tape.prepare(
        integer_rows_at(s[0], (rows, WIDTH)),
        integers_at(s[1], (nodes,)),
        integers_at(s[2], (integers,)),
        integers_at(s[3], (nodes,)),
        integers_at(s[4], (nodes,)),
        integers_at(s[5], (nodes,)),
        bytes_at(s[6], (nodes,)),
        s[7],
        s[8],
        s[9],
        s[10],
        s[11],
        s[12],
        integers_at(s[13], (nodes,)),
        integers_at(s[14], (5,)),
    )


def tape_forward(state):
    """Call ``tape.forward``; behind the arguments come how many rows, nodes and integers there is room for."""
    s = integers_at(state, (13,))
    rows, nodes, integers = s[10], s[11], s[12]
    return tape.forward(
        floats_at(s[0], (1,)),
        integer_rows_at(s[1], (rows, WIDTH)),
        real_rows_at(s[2], (rows, WIDTH)),
        integers_at(s[3], (nodes,)),
        integers_at(s[4], (integers,)),
        integers_at(s[5], (nodes,)),
        integers_at(s[6], (nodes,)),
        reals_at(s[7], (nodes,)),
        s[8],
        s[9],
    )


def tape_backward(state):
    """Call ``tape.backward``; behind the arguments come how many rows, nodes, integers and products there are."""
    s = integers_at(state, (18,))
    rows, nodes, integers, products = s[14], s[15], s[16], s[17]
    return tape.backward(
        floats_at(s[0], (1,)),
        integer_rows_at(s[1], (rows, WIDTH)),
        integers_at(s[2], (nodes,)),
        integers_at(s[3], (integers,)),
        integers_at(s[4], (nodes,)),
        integers_at(s[5], (nodes,)),
        integers_at(s[6], (nodes,)),
        reals_at(s[7], (nodes,)),
        bytes_at(s[8], (nodes,)),
        bytes_at(s[9], (nodes,)),
        integer_rows_at(s[10], (products, LINK)),
        integers_at(s[11], (nodes,)),
        integers_at(s[12], (1,)),
        s[13],
    )


ENTRIES = {f.__name__: f for f in (tape_prepare, tape_forward, tape_backward)}
