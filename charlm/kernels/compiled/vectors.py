"""Vectors of float32 as numba values: one register of the machine, loaded and stored by index of a flat array.

numba vectorises loops by itself only where it can prove that the arrays in them do not overlap, and
it gives up on a cell's gate loop. So vector code is written out here: a function on ``Lanes`` (plain
Python, arithmetic with operators) becomes machine code through ``lanewise``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from llvmlite import binding, ir
from numba import types
from numba.extending import models, register_model

from charlm.kernels.compiled.options import SETTINGS, instructions


def _lanes() -> int:
    """Return the numbers in the widest register that is used: 16 with AVX-512, 8 with AVX2, else 4."""
    if SETTINGS.CPU_FEATURES is None:
        features = {name for name, on in binding.get_host_cpu_features().items() if on}
    else:
        features = {f[1:] for f in SETTINGS.CPU_FEATURES.split(",") if f.startswith("+")}
    if "avx512f" in features:
        return 16
    return 8 if {"avx2", "fma"} <= features else 4


LANES = _lanes()
FLOAT = ir.FloatType()
INT = ir.IntType(32)
REGISTER = ir.VectorType(FLOAT, LANES)
# x * y + z may become one rounded operation; NaN and infinity keep their meaning
FLAGS = ("contract",)


class _Vector(types.Type):
    def __init__(self) -> None:
        super().__init__(name=f"float32x{LANES}")


vector = _Vector()


@register_model(_Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager: Any, fe_type: Any) -> None:
        super().__init__(manager, fe_type, REGISTER)


def pointer(context: Any, builder: Any, array_type: Any, array: Any, index: Any) -> Any:
    """Return the address of element ``index`` of a flat array."""
    data = context.make_array(array_type)(context, builder, array).data
    return builder.gep(data, [index])


def _mask(builder: Any, count: Any) -> Any:
    """The first ``count`` lanes."""
    lane = ir.Constant(ir.VectorType(INT, LANES), list(range(LANES)))
    return builder.icmp_signed("<", lane, broadcast(builder, builder.trunc(count, INT)))


def broadcast(builder: Any, scalar: Any) -> Any:
    """Return a register with the scalar in every lane."""
    kind = ir.VectorType(scalar.type, LANES)
    one = builder.insert_element(ir.Constant(kind, ir.Undefined), scalar, INT(0))
    zeros = ir.Constant(ir.VectorType(INT, LANES), [0] * LANES)
    return builder.shuffle_vector(one, ir.Constant(kind, ir.Undefined), zeros)


def _masked_load(builder: Any, at: Any, count: Any) -> Any:
    at = builder.bitcast(at, REGISTER.as_pointer())
    name = f"llvm.masked.load.v{LANES}f32.p0"
    mask = _mask(builder, count)
    kind = ir.FunctionType(REGISTER, [at.type, INT, mask.type, REGISTER])
    function = builder.module.declare_intrinsic(name, fnty=kind)
    return builder.call(function, [at, INT(4), mask, ir.Constant(REGISTER, [0.0] * LANES)])


@instructions
def load(typing: Any, array: Any, index: Any, count: Any) -> Any:
    """array[index : index + count], then zeros: ``count`` may be more than a register holds, or below 1."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        at = pointer(context, builder, signature.args[0], args[0], args[1])
        return _masked_load(builder, at, args[2])

    return vector(array, types.intp, types.intp), generate


@instructions
def store(typing: Any, array: Any, index: Any, value: Any, count: Any) -> Any:
    """array[index : index + count] = the first lanes of a vector, all of them where ``count`` is more."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        at = pointer(context, builder, signature.args[0], args[0], args[1])
        at = builder.bitcast(at, REGISTER.as_pointer())
        name = f"llvm.masked.store.v{LANES}f32.p0"
        full = builder.icmp_signed(">=", args[3], args[3].type(LANES))
        with builder.if_else(full, likely=True) as (whole, part):
            with whole:
                builder.store(args[2], at, align=4)
            with part:  # slow on AMD's processors without AVX-512
                mask = _mask(builder, args[3])
                kind = ir.FunctionType(ir.VoidType(), [REGISTER, at.type, INT, mask.type])
                function = builder.module.declare_intrinsic(name, fnty=kind)
                builder.call(function, [args[2], at, INT(4), mask])
        return context.get_dummy_value()

    return types.void(array, types.intp, vector, types.intp), generate


@instructions
def transpose(
    typing: Any, a: Any, ia: Any, lda: Any, rows: Any, width: Any, p: Any, ip: Any, ldp: Any
) -> Any:
    """p[ip + k ldp + r] = a[ia + r lda + k] for all lanes r and k; 0 for r beyond ``rows`` or k beyond ``width``."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        a, ia, lda, rows, width, p, ip, ldp = args
        source, target = signature.args[0], signature.args[5]
        size = ia.type
        registers = []
        for r in range(LANES):
            index = builder.add(ia, builder.mul(lda, size(r)))
            count = builder.select(builder.icmp_signed("<", size(r), rows), width, size(0))
            registers.append(
                _masked_load(builder, pointer(context, builder, source, a, index), count)
            )
        # each round exchanges one bit between the index of the row and the index of the lane
        bit = 1
        while bit < LANES:
            low = [k if not k & bit else k - bit + LANES for k in range(LANES)]
            high = [k + bit if not k & bit else k + LANES for k in range(LANES)]
            for r in range(LANES):
                if not r & bit:
                    pair = registers[r], registers[r | bit]
                    for row, order in ((r, low), (r | bit, high)):
                        mask = ir.Constant(ir.VectorType(INT, LANES), order)
                        registers[row] = builder.shuffle_vector(*pair, mask)
            bit *= 2
        for k, row in enumerate(registers):
            index = builder.add(ip, builder.mul(ldp, size(k)))
            at = pointer(context, builder, target, p, index)
            builder.store(row, builder.bitcast(at, REGISTER.as_pointer()), align=4)
        return context.get_dummy_value()

    n = types.intp
    return types.void(a, n, n, n, n, p, n, n), generate


@instructions
def prefetch(typing: Any, array: Any, index: Any) -> Any:
    """Fetch the cache line of an element in advance; the index may be beyond the end."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        at = pointer(context, builder, signature.args[0], args[0], args[1])
        at = builder.bitcast(at, ir.IntType(8).as_pointer())
        kind = ir.FunctionType(ir.VoidType(), [at.type, INT, INT, INT])
        function = builder.module.declare_intrinsic("llvm.prefetch.p0", fnty=kind)
        builder.call(function, [at, INT(0), INT(3), INT(1)])  # to read, into the first cache, data
        return context.get_dummy_value()

    return types.void(array, types.intp), generate


@instructions
def splat(typing: Any, scalar: Any) -> Any:
    """Return a vector with a float32 in every lane."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return broadcast(builder, args[0])

    return vector(types.float32), generate


@instructions
def head(typing: Any, x: Any, count: Any) -> Any:
    """The first ``count`` lanes, then zeros; all lanes where ``count`` is more."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        zero = ir.Constant(REGISTER, [0.0] * LANES)
        return builder.select(_mask(builder, args[1]), args[0], zero)

    return vector(vector, types.intp), generate


class Lanes:
    """A vector during code generation: arithmetic on it, with a vector or a Python number, writes instructions."""

    def __init__(self, builder: Any, value: Any) -> None:
        self.builder = builder
        self.value = value

    def __add__(self, other: Lanes | float) -> Lanes:
        return self._with("fadd", other)

    def __sub__(self, other: Lanes | float) -> Lanes:
        return self._with("fsub", other)

    def __mul__(self, other: Lanes | float) -> Lanes:
        return self._with("fmul", other)

    def __truediv__(self, other: Lanes | float) -> Lanes:
        return self._with("fdiv", other)

    def __rsub__(self, other: float) -> Lanes:
        return self._like(other)._with("fsub", self)

    def __rtruediv__(self, other: float) -> Lanes:
        return self._like(other)._with("fdiv", self)

    __radd__ = __add__
    __rmul__ = __mul__

    def less(self, other: Lanes) -> Lanes:
        """The difference of two rounded numbers: exactly 0 if they are equal, as no product is fused with it."""
        return Lanes(self.builder, self.builder.fsub(self.value, other.value))

    def at_most(self, limit: float) -> Lanes:
        """The smaller one; NaN stays NaN."""
        return self._select("<", limit)

    def at_least(self, limit: float) -> Lanes:
        """The larger one; NaN stays NaN."""
        return self._select(">", limit)

    def larger(self, other: Lanes) -> Lanes:
        """The larger of two in each lane."""
        first = self.builder.fcmp_ordered(">", self.value, other.value)
        return Lanes(self.builder, self.builder.select(first, self.value, other.value))

    def call(self, name: str) -> Lanes:
        """Apply an intrinsic function of LLVM to each lane."""
        kind = ir.FunctionType(REGISTER, [REGISTER])
        function = self.builder.module.declare_intrinsic(f"llvm.{name}.v{LANES}f32", fnty=kind)
        return Lanes(self.builder, self.builder.call(function, [self.value]))

    def power_of_two(self) -> Lanes:
        """2 to the power of whole numbers from -127 to 127, as bits of a float32's exponent; -127 gives 0."""
        ints = ir.VectorType(INT, LANES)
        exponent = self.builder.fptosi((self + 127.0).value, ints)
        bits = self.builder.shl(exponent, ir.Constant(ints, [23] * LANES))
        return Lanes(self.builder, self.builder.bitcast(bits, REGISTER))

    def _like(self, other: Lanes | float) -> Lanes:
        if isinstance(other, Lanes):
            return other
        return Lanes(self.builder, ir.Constant(REGISTER, [float(other)] * LANES))

    def _with(self, instruction: str, other: Lanes | float) -> Lanes:
        emit = getattr(self.builder, instruction)
        return Lanes(self.builder, emit(self.value, self._like(other).value, flags=FLAGS))

    def _select(self, keep: str, limit: float) -> Lanes:
        bound = self._like(limit).value
        opposite = {"<": ">", ">": "<"}[keep]
        beyond = self.builder.fcmp_ordered(opposite, self.value, bound)
        return Lanes(self.builder, self.builder.select(beyond, bound, self.value))


def _across(combine: Callable[[Lanes, Lanes], Lanes]) -> Any:
    """Make a function that combines the lanes of a vector to one number, half with half."""

    @instructions
    def reduce(typing: Any, x: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            combined = Lanes(builder, args[0])
            half = LANES // 2
            while half:
                order = [(lane + half) % LANES for lane in range(LANES)]
                mask = ir.Constant(ir.VectorType(INT, LANES), order)
                other = builder.shuffle_vector(combined.value, combined.value, mask)
                combined = combine(combined, Lanes(builder, other))
                half //= 2
            return builder.extract_element(combined.value, INT(0))

        return types.float32(vector), generate

    return reduce


@instructions
def add_totals(typing: Any, array: Any, index: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
    """Add to four elements the sums over the lanes of four vectors, in half the instructions of four ``total``."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        def shuffled(x: Any, y: Any, order: list[int]) -> Any:
            mask = ir.Constant(ir.VectorType(INT, len(order)), order)
            return builder.shuffle_vector(x, y, mask)

        def folded(x: Any, y: Any, group: int) -> Any:
            """Each group of lanes of x, and then of y, to its halves' sums."""
            low = [lane + i for lane in range(0, 2 * LANES, group) for i in range(group // 2)]
            high = [lane + group // 2 for lane in low]
            return builder.fadd(shuffled(x, y, low), shuffled(x, y, high))

        first, second, third, fourth = args[2:]
        four = folded(folded(first, second, LANES), folded(third, fourth, LANES), LANES // 2)
        group = LANES // 4
        half = group // 2
        while half:
            order = [lane ^ half for lane in range(LANES)]
            four = builder.fadd(four, shuffled(four, four, order))
            half //= 2
        sums = shuffled(four, four, [0, group, 2 * group, 3 * group])
        at = pointer(context, builder, signature.args[0], args[0], args[1])
        at = builder.bitcast(at, sums.type.as_pointer())
        builder.store(builder.fadd(builder.load(at, align=4), sums), at, align=4)
        return context.get_dummy_value()

    return types.void(array, types.intp, vector, vector, vector, vector), generate


total = _across(lambda x, y: x + y)
largest = _across(lambda x, y: x.larger(y))


def lanewise(function: Callable[..., Lanes | tuple[Lanes, ...]]) -> Any:
    """Make a function of ``Lanes`` callable on vectors in compiled code. It may return several vectors."""
    names = inspect.signature(function).parameters

    def typed(typing: Any, *args: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            results = function(*(Lanes(builder, value) for value in values))
            if isinstance(results, Lanes):
                return results.value
            parts = [part.value for part in results]
            return context.make_tuple(builder, signature.return_type, parts)

        # numba asks for the result's type before it has a builder: a dry run counts the results
        count = _count_results(function, len(args))
        result = vector if count is None else types.UniTuple(vector, count)
        return result(*args), generate

    kind = inspect.Parameter.POSITIONAL_ONLY
    parameters = [inspect.Parameter(name, kind) for name in ("typing", *names)]
    typed.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    typed.__name__ = function.__name__
    return instructions(typed)


def _count_results(function: Callable[..., Lanes | tuple[Lanes, ...]], arity: int) -> int | None:
    scratch = ir.Function(ir.Module(), ir.FunctionType(ir.VoidType(), [REGISTER] * arity), "dry")
    builder = ir.IRBuilder(scratch.append_basic_block())
    results = function(*(Lanes(builder, value) for value in scratch.args))
    return None if isinstance(results, Lanes) else len(results)


@lanewise
def add(x: Lanes, y: Lanes) -> Lanes:
    """X + y."""
    return x + y
