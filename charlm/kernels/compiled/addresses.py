"""Arrays at addresses: compiled code that is called without numba gets only integers."""

from __future__ import annotations

from typing import Any

from numba import types
from numba.np.arrayobj import populate_array

from charlm.kernels.compiled.options import instructions


def _arrays(element: Any, dimensions: int) -> Any:
    """Return a function for compiled code that makes an array of an address and a shape."""

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
integer_rows_at = _arrays(types.int64, 2)
reals_at = _arrays(types.float64, 1)
real_rows_at = _arrays(types.float64, 2)


@instructions
def put_byte(typing: Any, address: Any, value: Any) -> Any:
    """Write a byte at an address."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = context.get_data_type(types.uint8)
        byte = builder.trunc(args[1], kind) if args[1].type != kind else args[1]
        builder.store(byte, builder.inttoptr(args[0], kind.as_pointer()))
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), generate
