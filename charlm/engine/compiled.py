"""Evaluation in one call: compiled code goes through a tape, and Python runs what it has no form for.

It is the same as ``NodeByNode`` for float32, with values and gradients one after the other in a
workspace. What runs in Python gets views of it.
"""

from __future__ import annotations

from array import array
from itertools import count
from typing import Any

import numpy as np

from charlm.engine.arrays import Array, reduce_to
from charlm.engine.execute import OF_EMPTY, check_empty
from charlm.engine.op import Context, Op, Signature
from charlm.engine.tape import Tape
from charlm.errors import EvaluationError
from charlm.kernels.reference import Product
from charlm.kernels.tapes import (
    CODES,
    COLUMNS,
    MOST_ARGUMENTS,
    ORIGIN,
    TOTAL,
    UNCHECKED,
    WIDTH,
    Form,
    place,
)

_CODE, _SIZE, _PRODUCTS = map(COLUMNS.index, ("code", "size", "products"))
_LOOKUP = CODES.index("lookup")
_LEAST = 1 << 14  # numbers of a workspace
_NODES = 512  # that there is room for at first


class _Rows:
    """What compiled code knows of the signatures that are in use.

    Attributes:
        table: a row for each, see ``kernels/tapes.py``.
        reals: the same memory, as float64.
    """

    def __init__(self) -> None:
        self._set(np.zeros((256, WIDTH), np.int64))
        self.free: list[int] = []
        self._fresh = count()

    def _set(self, table: Array) -> None:
        self.table, self.reals = table, table.view(np.float64)

    def add(self, signature: Signature, op: Op) -> None:
        """Give a signature a row."""
        number = self.free.pop() if self.free else next(self._fresh)
        if number >= len(self.table):
            self._set(np.concatenate([self.table, np.zeros_like(self.table)]))
        form = _form(signature, op)
        fields = {
            "code": CODES.index(form.code),
            "count": signature.count,
            "extent": signature.extent,
            "bound": signature.bound,
            "size": signature.type.size,
            "saved": form.saved,
            "work": form.work,
            "products": form.products,
            "trains": signature.type.trains and not signature.type.empty,
            "datum": form.code != "python" and signature.op is None and signature.indexed is None,
            "rule": form.rule,
        }
        row = self.table[number]
        row[:] = 0
        row[: len(fields)] = [fields[name] for name in COLUMNS[: len(fields)]]
        for i, value in enumerate(form.numbers, len(fields)):
            (self.reals if isinstance(value, float) else self.table)[number, i] = value
        sizes = [t.size for t in signature.types]
        if form.rule == TOTAL:
            sizes = [sum(sizes)]
        row[len(COLUMNS) : len(COLUMNS) + MOST_ARGUMENTS] = (sizes + [0] * MOST_ARGUMENTS)[
            :MOST_ARGUMENTS
        ]
        signature.row, signature.number = _Row(self.free, number), number


class _Row:
    """A row in use: it is given to another signature when this one is gone."""

    __slots__ = ("_free", "_number")

    def __init__(self, free: list[int], number: int) -> None:
        self._free = free
        self._number = number

    def __del__(self) -> None:
        self._free.append(self._number)


def _form(signature: Signature, op: Op) -> Form:
    """Return what an operation is to compiled code."""
    at_hand = signature.op is not None or signature.indexed is not None or op.datum() is not None
    types = (signature.type, *signature.types)
    if at_hand and not any(t.empty for t in types):
        found = op.compiled(*types)
        if found is not None:
            return found
    return Form("python", rule=UNCHECKED)


_rows = _Rows()


class Compiled:
    """The values of a tape's nodes, and the gradients that the last backward pass left there.

    The context's kernels must have those for tapes.

    Attributes:
        evaluated: how many nodes have values; they are the first ones.
    """

    def __init__(self, tape: Tape, context: Context) -> None:
        self.tape = tape
        self.context = context
        self.evaluated = 0
        self._kept: dict[int, Array] = {}  # values that were made in Python
        self._saved: dict[int, Any] = {}
        self._chunks: list[tuple[int, Array]] = []  # the workspace: parts, and where they begin
        self._cursor = self._end = 0  # of the last part
        self._taken = 0  # nodes that were checked and have places
        # for each node: its row, whether it trains, where its integers, its value and its gradient are, its number
        self._numbers, self._starts, self._at, self._slopes = (_ints(_NODES) for _ in range(4))
        self._trains: Array = np.empty(_NODES, np.uint8)
        self._datum: Array = np.empty(_NODES)
        self._code = _ints(2 * _NODES)
        self._next = 0, 0  # where the integers and the gradient of the next node are
        self._products = 0
        self._gradients: Array = ORIGIN
        self._reached: Array = np.zeros(0, np.uint8)
        self._totals: dict[int, Array] = {}

    # ---- forward

    def value(self, index: int) -> Array:
        """Return the value of an evaluated node."""
        found = self._kept.get(index)
        if found is None:
            type_, at = self.tape.signatures[index].type, int(self._at[index])
            for begin, chunk in reversed(self._chunks):
                if 0 <= at - begin < len(chunk):
                    at -= begin
                    return chunk[at : at + type_.size].reshape(type_.array_shape)
            raise IndexError(index)
        return found

    def forward(self, last: int) -> None:
        """Evaluate the nodes up to ``last`` that have no value yet."""
        k = self.evaluated
        if k > last:
            return
        if last >= self._taken:
            self._take()
        run = self.context.kernels.tape_forward
        while True:
            k = run(
                ORIGIN, _rows.table, _rows.reals, self._numbers, self._code, self._starts, self._at, self._datum, k,
                last,
            )  # fmt: skip
            self.evaluated = k
            if k > last:
                return
            self._run_in_python(k)
            self.evaluated = k = k + 1
            if k > last:
                return

    def _take(self) -> None:
        """Have the nodes that are new checked and given places."""
        tape, kernels, first, (p, slope) = self.tape, self.context.kernels, self._taken, self._next
        signatures = tape.signatures[first:] if first else tape.signatures
        count, integers = len(signatures), array("q", tape.arguments[p:] if p else tape.arguments)
        end = p + len(integers)
        if first + count > len(self._numbers) or end > len(self._code):
            self._grow(first + count, end)
        self._code[p:end] = integers
        numbers = array("q", [s.number for s in signatures])
        if -1 in numbers:
            for k, signature in enumerate(signatures, first):
                if signature.number < 0:
                    _rows.add(signature, tape.op(k))
            numbers = array("q", [s.number for s in signatures])
        self._numbers[first : first + count] = numbers
        found, waiting = _ints(5), _ints(count)
        while True:
            good = kernels.tape_prepare(
                _rows.table, self._numbers, self._code, self._starts, self._at, self._slopes, self._trains, first,
                first + count, p, end, self._cursor, slope, waiting, found,
            )  # fmt: skip
            if good < count:
                raise EvaluationError(f"node {first + good} of a graph is damaged")
            p_after, cursor, slope_after, waits, products = found.tolist()
            if cursor <= self._end:
                break
            self._add_memory(cursor - self._cursor)
        self._taken, self._next, self._cursor = first + count, (p_after, slope_after), cursor
        self._products += products
        for k in waiting[:waits].tolist():
            self._datum[k] = tape.data[k].datum()

    def _grow(self, nodes: int, integers: int) -> None:
        """Make room for so many nodes and integers."""
        self._numbers, self._starts, self._at, self._slopes, self._trains, self._datum = (
            _grown(a, nodes)
            for a in (
                self._numbers,
                self._starts,
                self._at,
                self._slopes,
                self._trains,
                self._datum,
            )
        )
        self._code = _grown(self._code, integers)

    def _add_memory(self, least: int) -> None:
        """Add a part to the workspace."""
        chunk = self.context.kernels.tape_memory(
            max(least, _LEAST, 2 * sum(len(c) for _, c in self._chunks))
        )
        self._cursor = place(chunk)
        self._end = self._cursor + len(chunk)
        self._chunks.append((self._cursor, chunk))

    def _run_in_python(self, k: int) -> None:
        """Evaluate a node by its operation."""
        type_, ctx = self.tape.signatures[k].type, self.context
        if type_.empty:
            y: Array = np.empty(type_.array_shape, ctx.dtype)
        else:
            op, args = self.tape.op(k), self.tape.args(k) if self.tape.signatures[k].count else ()
            try:
                y = op.forward(ctx, *[self.value(i) for i in args])
            except OF_EMPTY as error:
                check_empty(self.tape, k, error)
                raise
            y = np.ascontiguousarray(y, np.float32)
            if y.size != type_.size:
                raise EvaluationError(f"{op.name()}: made {y.shape} of {type_.dim}")
        if ctx.saved is not None:
            self._saved[k] = ctx.saved
            ctx.saved = None
        self._kept[k] = y
        self._at[k] = place(y)

    def forget(self, first: int) -> None:
        """Forget the values from node ``first`` on."""
        if first >= self._taken:
            return
        self._next = int(self._starts[first]), int(self._slopes[first])
        gone = self._numbers[first : self._taken]
        self._products -= int(_rows.table[:, _PRODUCTS][gone].sum())
        codes = _rows.table[:, _CODE]
        for k in range(first, self._taken):
            if codes[self._numbers[k]]:  # compiled: its place is the first that is free again
                at = int(self._at[k])
                while not 0 <= at - self._chunks[-1][0] < len(self._chunks[-1][1]):
                    self._chunks.pop()
                begin, chunk = self._chunks[-1]
                self._cursor, self._end = at, begin + len(chunk)
                break
        if not first:
            self._chunks.clear()  # who has a view of a value keeps it
            self._cursor = self._end = 0
        for kept in (self._kept, self._saved):
            for k in [k for k in kept if k >= first]:
                del kept[k]
        self._taken = first
        self.evaluated = min(self.evaluated, first)

    def cut(self, tape: Tape) -> None:
        """Go on with another tape that has the first nodes of this one."""
        self.forget(len(tape))
        self._reached = self._reached[: len(tape)]
        self.tape = tape

    # ---- backward

    def gradient(self, index: int) -> Array | None:
        """Return the gradient that the last backward pass left at a node."""
        return self._slope(index) if self._reached[index] else None

    def _slope(self, index: int) -> Array:
        """Return a view of the gradient of a node."""
        type_, at = self.tape.signatures[index].type, int(self._slopes[index])
        return self._gradients[at : at + type_.size].reshape(type_.array_shape)

    def backward(self, root: int, full: bool, keep: bool) -> None:
        """Pass the gradient of one number on to all that it depends on, and to parameters."""
        nodes, kernels, table = root + 1, self.context.kernels, _rows.table
        numbers, (_, size) = self._numbers[:nodes], self._next
        if nodes < self._taken:
            size = int(self._slopes[nodes])
        self._gradients = kernels.tape_memory(size)
        self._gradients.fill(0)
        self._totals.clear()
        self._reached = np.zeros(nodes, np.uint8)
        self._reached[root] = 1
        self._slope(root)[...] = 1
        wanted = self._trains[:nodes]
        if full:
            wanted = (table[:, _SIZE][numbers] > 0).astype(np.uint8)
        slopes = self._slopes[:nodes] + place(self._gradients)
        heads, links = np.full(nodes, -1), np.empty((self._products, 5), np.int64)
        state, k = np.zeros(1, np.int64), root
        while True:
            k = kernels.tape_backward(
                ORIGIN, table, numbers, self._code, self._starts, self._at, slopes, self._datum, self._reached,
                wanted, links, heads, state, k,
            )  # fmt: skip
            if k < 0:
                break
            self._go_back_in_python(k, wanted)
            k -= 1
        self._touch(table[:, _CODE][numbers], numbers)
        if not keep:
            self._reached = np.zeros(nodes, np.uint8)
            self._gradients = ORIGIN

    def _go_back_in_python(self, k: int, wanted: Array) -> None:
        """Pass the gradient of a node on by its operation."""
        tape, ctx, reached = self.tape, self.context, self._reached
        signature, op, args = tape.signatures[k], tape.op(k), tape.args(k)
        if not args:
            if signature.type.trains:
                op.touch()
                if reached[k]:
                    op.receive(ctx, self._slope(k))
            return
        needs = tuple([bool(wanted[i]) for i in args])
        if not wanted[k] or True not in needs:
            return
        dy = self._slope(k)
        if op.is_view:
            reached[args[0]] = 1
            op.add_gradient(ctx, self._slope(args[0]), dy)
            return
        ctx.saved, ctx.needs = self._saved.get(k), needs
        try:
            found = op.backward(ctx, dy, self.value(k), *[self.value(i) for i in args])
        except OF_EMPTY as error:
            check_empty(tape, k, error)
            raise
        for i, needed, dx in zip(args, needs, found, strict=True):
            if needed and dx is not None:
                self._add(i, dx)

    def _add(self, index: int, dx: Array | Product) -> None:
        """Add to a node's gradient, summed down to the shape of its value."""
        so_far = self._slope(index)
        found = dx.array() if isinstance(dx, Product) else reduce_to(dx, so_far.shape)
        so_far += found
        self._reached[index] = 1

    def _touch(self, codes: Array, numbers: Array) -> None:
        """Count the rows that were looked up in compiled code as used."""
        (nodes,) = (codes == _LOOKUP).nonzero()
        rows = self._code[self._starts[nodes]]
        of_kind = numbers[nodes]
        for kind in set(of_kind.tolist()):
            same = of_kind == kind
            self.tape.op(int(nodes[same.argmax()])).touch(rows[same])

    def total(self, index: int) -> Array:
        """Return the gradient of a recurrent node with what flows through its later parts, computed when asked for."""
        found = self._totals.get(index)
        if found is None:
            xs = [self.value(i) for i in self.tape.args(index)]
            found = self.tape.op(index).total_gradient(self._slope(index), *xs)
            self._totals[index] = found
        return found


def _ints(count: int) -> Array:
    return np.empty(count, np.int64)


def _grown(array: Array, size: int) -> Array:
    """Return an array that has room for ``size`` elements and the same first ones."""
    if size <= len(array):
        return array
    grown = np.empty(2 * size, array.dtype)
    grown[: len(array)] = array
    return grown
