"""Object files: compiled functions with C's calling convention, which can be called without numba."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numba
from llvmlite import binding, ir
from numba import types

from charlm.kernels.compiled.options import OPTIONS
from charlm.kernels.machine_code import symbol

WORD = ir.IntType(64)
STATUS = ir.IntType(32)
LEAST = -(1 << 63)


def object_file(entries: Mapping[str, Callable[[int], int]]) -> bytes:
    """Return an object file with functions from int64 to int64, each under its ``symbol``.

    A function returns the least integer if it raises an exception, which none should.
    """
    module = binding.parse_assembly("")
    library: Any = None
    for name, entry in entries.items():
        # the wrappers for calls from Python would need Python's library and numba's
        options = {**OPTIONS, "cache": False, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
        function = numba.njit("int64(int64)", **options)(getattr(entry, "py_func", entry))
        result: Any = function.overloads[(types.int64,)]
        library = result.library
        module.link_in(binding.parse_bitcode(library.serialize_using_bitcode()[2]))
        module.link_in(binding.parse_assembly(_plain(symbol(name), result.fndesc.llvm_func_name)))
    return library.codegen._tm.emit_object(module)


def _plain(name: str, callee: str) -> str:
    """Return a C function that calls a function of numba's convention: status(result, exception, argument)."""
    module = ir.Module()
    kind = ir.FunctionType(STATUS, [WORD.as_pointer(), WORD.as_pointer().as_pointer(), WORD])
    function = ir.Function(module, ir.FunctionType(WORD, [WORD]), name)
    builder = ir.IRBuilder(function.append_basic_block())
    result, exception = builder.alloca(WORD), builder.alloca(WORD.as_pointer())
    status = builder.call(ir.Function(module, kind, callee), [result, exception, function.args[0]])
    good = builder.icmp_signed("==", status, STATUS(0))
    builder.ret(builder.select(good, builder.load(result), WORD(LEAST)))
    return str(module)
