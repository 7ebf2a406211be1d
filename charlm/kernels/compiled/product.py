"""The matrix product behind every kernel: C[n] (+)= sum over k of A[k] b[n, k], a row of C a vector.

A is packed once into panels of PANEL columns, (K, PANEL) each, and is then read from front to back. A
tile of TILE rows of C stays in registers for the whole sum. BLAS would pack its arguments at every call, so
at every time step of a recurrence.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types

from charlm.kernels.compiled.options import compiled, instructions
from charlm.kernels.compiled.vectors import FLAGS, FLOAT, LANES, REGISTER, broadcast, pointer

PANEL = 2 * LANES
# 2 x 8 accumulators of the 32 registers that AVX-512 has, 2 x 6 of 16
TILE = 8 if LANES == 16 else 6
SIZE = ir.IntType(64)
GROUP = 3  # rows that share a pointer: base + 0, 1 and 2 strides, as x86 addresses memory


@instructions
def _tile(
    typing: Any,
    rows: Any,
    a: Any,
    ia: Any,
    b: Any,
    ib: Any,
    sn: Any,
    sk: Any,
    c: Any,
    ic: Any,
    ldc: Any,
    K: Any,
    add: Any,
) -> Any:
    """``rows`` rows of C, from 1 to TILE: one loop over k for each number of rows."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        rows, a, ia, b, ib, sn, sk, c, ic, ldc, K, add = args
        kinds = signature.args
        a_at = pointer(context, builder, kinds[1], a, ia)
        b_at = pointer(context, builder, kinds[3], b, ib)
        c_at = pointer(context, builder, kinds[7], c, ic)
        builder.call(_tile_function(builder.module), [rows, a_at, b_at, sn, sk, c_at, ldc, K, add])
        return context.get_dummy_value()

    n = types.intp
    return types.void(n, a, n, b, n, n, n, c, n, n, n, n), generate


def _tile_function(module: Any) -> Any:
    """One function in each module: inlined at every call, it would take seconds to compile."""
    name = "charlm_tile"
    if name in module.globals:
        return module.globals[name]
    at = FLOAT.as_pointer()
    kind = ir.FunctionType(ir.VoidType(), [SIZE, at, at, SIZE, SIZE, at, SIZE, SIZE, SIZE])
    function = ir.Function(module, kind, name)
    function.linkage = "linkonce_odr"
    function.attributes.add("noinline")
    rows, a, b, sn, sk, c, ldc, K, add = function.args
    builder = ir.IRBuilder(function.append_basic_block())
    end = builder.append_basic_block("end")
    a = builder.bitcast(a, REGISTER.as_pointer())
    choice = builder.switch(rows, end)
    for count in range(1, TILE + 1):
        case = builder.append_basic_block(f"rows{count}")
        choice.add_case(SIZE(count), case)
        builder.position_at_end(case)
        _write(builder, _sum_over_k(builder, count, a, b, sn, sk, K), c, ldc, add)
        builder.branch(end)
    builder.position_at_end(end)
    builder.ret_void()
    return function


def _sum_over_k(builder: Any, count: int, a: Any, b: Any, sn: Any, sk: Any, K: Any) -> Any:
    before, loop = builder.block, builder.append_basic_block("k")
    done = builder.append_basic_block("done")
    starts = [builder.gep(b, [builder.mul(sn, SIZE(n))]) for n in range(0, count, GROUP)]
    zero = ir.Constant(REGISTER, [0.0] * LANES)
    builder.cbranch(builder.icmp_signed("<", SIZE(0), K), loop, done)
    builder.position_at_end(loop)

    def carried(start: Any) -> Any:
        value = builder.phi(start.type)
        value.add_incoming(start, before)
        return value

    k, a_k, b_k = carried(SIZE(0)), carried(a), [carried(start) for start in starts]
    sums = [[carried(zero) for _ in range(2)] for _ in range(count)]
    columns = []
    for m in range(2):
        column = builder.load(builder.gep(a_k, [SIZE(m)]))
        column.align = 4
        columns.append(column)
    after = []
    for n in range(count):
        group, row = divmod(n, GROUP)
        factor = builder.load(builder.gep(b_k[group], [builder.mul(sn, SIZE(row))]))
        factor = broadcast(builder, factor)
        products = [builder.fmul(column, factor, flags=FLAGS) for column in columns]
        after.append(
            [builder.fadd(p, s, flags=FLAGS) for p, s in zip(products, sums[n], strict=True)]
        )
    k_after = builder.add(k, SIZE(1))
    k.add_incoming(k_after, loop)
    a_k.add_incoming(builder.gep(a_k, [SIZE(2)]), loop)
    for b_n in b_k:
        b_n.add_incoming(builder.gep(b_n, [sk]), loop)
    for n in range(count):
        for m in range(2):
            sums[n][m].add_incoming(after[n][m], loop)
    builder.cbranch(builder.icmp_signed("<", k_after, K), loop, done)
    builder.position_at_end(done)
    results = []
    for n in range(count):
        values = []
        for m in range(2):
            value = builder.phi(REGISTER)
            value.add_incoming(zero, before)
            value.add_incoming(after[n][m], loop)
            values.append(value)
        results.append(values)
    return results


def _write(builder: Any, sums: Any, c: Any, ldc: Any, add: Any) -> None:
    adding = builder.icmp_signed("!=", add, SIZE(0))
    with builder.if_else(adding) as (more, fresh):
        for branch, accumulate in ((more, True), (fresh, False)):
            with branch:
                for n, row in enumerate(sums):
                    at = builder.gep(c, [builder.mul(ldc, SIZE(n))])
                    at = builder.bitcast(at, REGISTER.as_pointer())
                    for m, value in enumerate(row):
                        place = builder.gep(at, [SIZE(m)])
                        if accumulate:
                            value = builder.fadd(value, builder.load(place, align=4))
                        builder.store(value, place, align=4)


@compiled("void(f4[::1], i8, i8, f4[::1], i8, i8, i8, i8, f4[::1], i8, i8, i8)")
def multiply(a, ia, K, b, ib, sn, sk, N, c, ic, ldc, add):
    """C[n, :PANEL] = or += sum over k of A[k, :PANEL] b[n, k], for n < N.

    The panel starts at ``a[ia]``, ``b[n, k]`` is at ``b[ib + n sn + k sk]`` and C's row n at ``c[ic + n
    ldc]``. All tiles have about equally many rows: a tile of few rows waits for its sums.
    """
    tiles = (N + TILE - 1) // TILE
    for tile in range(tiles):
        n = tile * N // tiles
        rows = (tile + 1) * N // tiles - n
        _tile(rows, a, ia, b, ib + n * sn, sn, sk, c, ic + n * ldc, ldc, K, add)
