"""Evaluation by compiled code: one call checks and evaluates a tape, another one is the backward pass.

Values and gradients lie one after the other in a workspace. An operation without a compiled form runs
in Python on views of the workspace: compiled code returns at such a node and continues after it.
"""

from __future__ import annotations

from array import array
from typing import Any, cast

import numpy as np

from charlm.engine.arrays import Array, quietly, reduce_to
from charlm.engine.execute import OF_EMPTY, check_empty
from charlm.engine.op import Context
from charlm.engine.ops.leaves import ParameterLeaf
from charlm.engine.rows import ROWS
from charlm.engine.storage import WRITES, Storage
from charlm.engine.tape import Tape
from charlm.errors import EvaluationError
from charlm.kernels.reference import Product
from charlm.kernels.tapes import (
    CODES,
    COLUMNS,
    LINK,
    MEMORY,
    NO_ROW,
    NODE_ARRAYS,
    ORIGIN,
    PYTHON,
    REACHED,
    ROW,
    STATE,
    WANTED,
    place,
)

_INDEX = {name: k for k, name in enumerate(STATE)}
(
    FRESH_NUMBERS, FRESH_INTEGERS, FRESH_NODE, NODES, INTEGER_COUNT, TAKEN, USED_INTEGERS, SIZE, PRODUCTS, EVALUATED,
    LAST, FREE, END, NEEDED, FIRST_SLOPE, FULL, NODE, LINKS, ROW_TABLE, ROW_COUNT
) = (
    _INDEX[name] for name in (
        "fresh_numbers", "fresh_integers", "fresh_node", "nodes", "integer_count", "taken", "used_integers", "size",
        "products", "evaluated", "last", "free", "end", "needed", "first_slope", "full", "node", "links", "rows",
        "row_count"
    )
)  # fmt: skip
_GIVEN = CODES.index("given")
_CODE, _PRODUCTS = COLUMNS.index("code"), COLUMNS.index("products")
_LEAST = 1 << 14  # numbers in a part of the memory
_NOTHING: Any = memoryview(cast("Any", ORIGIN))
_NO_NUMBERS: Array = np.empty(0, np.float32)


class Workspace:
    """The arrays of a running tape; tapes use it one after another.

    Attributes:
        state: integers, see ``kernels/tapes.py``.
        address: that of ``state``.
        values, slopes, starts, numbers, gradients, flags: an integer for each node, see ``kernels/tapes.py``.
        nodes, room: for how many nodes and integers there is room.
    """

    def __init__(self) -> None:
        self.state = array("q", bytes(8 * len(STATE)))
        self.address = self.state.buffer_info()[0]
        self.state[_INDEX["origin"]] = ORIGIN.__array_interface__["data"][0]
        self.nodes = self.room = self._products = 0
        self.hold(512, 2048, 512)

    def hold(self, nodes: int, integers: int, products: int) -> None:
        """Make room for this many nodes, integers and products; the present ones stay."""
        if nodes > self.nodes:
            self.nodes = 2 * nodes
            for name in NODE_ARRAYS:
                self._grow(name, self.nodes)
        if integers > self.room:
            self.room = 2 * integers
            self._grow("integers", self.room)
        if products > self._products:
            self._products = 2 * products
            self._grow("links", LINK * self._products)

    def _grow(self, name: str, size: int) -> None:
        grown: array[int] = getattr(self, name, array("q"))
        grown.extend(array("q", bytes(8 * (size - len(grown)))))
        setattr(self, name, grown)
        self.state[_INDEX[name]] = grown.buffer_info()[0]

    values: array[int]
    slopes: array[int]
    starts: array[int]
    numbers: array[int]
    gradients: array[int]
    flags: array[int]


_spaces: list[Workspace] = []
"""Workspaces that no tape uses now."""


class Compiled:
    """Runs a tape in compiled code: an ``Executor``. The context's kernels must include those for tapes."""

    def __init__(self, tape: Tape, context: Context) -> None:
        self.tape = tape
        self.context = context
        self._done = self._asked = 0  # how many nodes have values, how many were requested
        self._writes = 0  # the count of writes to parameters at the last evaluation
        self._space = _spaces.pop() if _spaces else Workspace()
        self._state = state = self._space.state
        state[NODES] = state[INTEGER_COUNT] = state[TAKEN] = state[USED_INTEGERS] = 0
        state[SIZE] = state[PRODUCTS] = state[EVALUATED] = state[FREE] = state[END] = 0
        self._kept: dict[int, Array] = {}  # values computed in Python
        self._saved: dict[int, Any] = {}
        # with the array that they are read from
        self._leaves: dict[int, tuple[ParameterLeaf, Array]] = {}
        self._read: dict[Storage, tuple[Array, int]] = {}  # that array, and its address
        self._data = 0  # how many operations with data the tape had
        self._begin = self._length = 0  # those of the last part of the memory
        self._view = _NOTHING
        self._chunks: list[tuple[int, int, Array]] = []  # the memory: each part's begin and end
        self._gradients: Array = ORIGIN
        self._reached = 0  # how many nodes have a kept gradient
        self._state_gradients: dict[int, Array] = {}

    def __del__(self) -> None:
        """Let another tape have the workspace."""
        _spaces.append(self._space)

    # ---- forward

    @property
    def evaluated(self) -> int:
        if self._asked < self._done and self._writes != WRITES.count:
            self.forget(self._asked)
        return self._done

    def value(self, index: int) -> Array:
        type_, at = self.tape.signatures[index].type, self._space.values[index]
        for begin, end, chunk in reversed(self._chunks):
            if begin <= at < end:
                at -= begin
                return chunk[at : at + type_.size].reshape(type_.array_shape)
        leaf = self._leaves.get(index)
        if leaf is not None:
            op, read = leaf
            return op.parameter.window(read)[np.newaxis]
        return self._kept[index]

    def vector(self, index: int) -> list[float]:
        if (index >= self._done or self._writes != WRITES.count) and index >= self.evaluated:
            self.forward(index)
        at = self._space.values[index] - self._begin
        if 0 <= at < self._length:  # the usual case: the value is in the last part of the memory
            size = self.tape.signatures[index].type.size
            numbers: list[float] = self._view[at : at + size].tolist()
            return numbers
        return self.value(index).ravel().tolist()

    def forward(self, last: int) -> None:
        """Evaluate the nodes up to ``last``, and later ones up to the first that runs in Python.

        Programs read many expressions that they made earlier, so later values are often needed next. If parameters
        change first, these values are forgotten.
        """
        state, tape = self._state, self.tape
        signatures, fresh = tape.signatures, state[TAKEN]
        ahead = last
        if last >= fresh:
            ahead = len(signatures) - 1
            numbers = array("Q", [s.number for s in (signatures[fresh:] if fresh else signatures)])
            first = state[USED_INTEGERS]
            integers = _unsigned(tape, first)
            state[NODES], state[INTEGER_COUNT] = count, end = len(signatures), first + len(integers)
            if count > self._space.nodes or end > self._space.room:
                self._space.hold(count, end, 0)
            state[FRESH_NUMBERS], state[FRESH_INTEGERS], state[FRESH_NODE] = (
                numbers.buffer_info()[0],
                integers.buffer_info()[0],
                fresh,
            )
            if len(tape.data) != self._data:
                self._data = len(tape.data)
                self._give(fresh)
        state[LAST] = ahead
        if state[ROW_TABLE] != ROWS.address:
            state[ROW_TABLE], state[ROW_COUNT] = ROWS.address, ROWS.count
        run, address = self.context.kernels.tape_forward, self._space.address
        while status := run(address):
            if status == PYTHON:
                self._done = k = state[EVALUATED]
                if k > last:
                    break
                quietly(self._run_in_python, k)
                state[EVALUATED] = k + 1
            elif status == MEMORY:
                self._add_memory(state[NEEDED])
            elif status == ROW:
                k = state[TAKEN]
                signature = signatures[k]
                if signature.number == NO_ROW:
                    ROWS.add(signature, tape.op(k))
                    state[ROW_TABLE], state[ROW_COUNT] = ROWS.address, ROWS.count
                numbers[k - fresh] = signature.number
            else:
                raise EvaluationError(f"node {state[TAKEN]} of a graph is damaged")
        self._done = state[EVALUATED]
        self._asked, self._writes = last + 1, WRITES.count

    def _give(self, first: int) -> None:
        """Store the addresses of the parameters that the nodes from ``first`` on are."""
        values = self._space.values
        for k, op in self.tape.data.items():
            if k >= first and type(op) is ParameterLeaf:
                parameter = op.parameter
                storage, offset = parameter.storage, parameter.offset
                read, begin = self._read.get(storage, (_NO_NUMBERS, 0))
                if offset + parameter.size > len(read):  # parameters were added since
                    read = storage.read(self.context.reader)
                    begin = place(read)
                    self._read[storage] = read, begin
                values[k] = begin + offset
                self._leaves[k] = op, read

    def _add_memory(self, least: int) -> None:
        """Add a part to the memory, for at least this many numbers."""
        size = max(least, _LEAST, 2 * sum(len(c) for *_, c in self._chunks))
        chunk = self.context.kernels.tape_memory(size)
        begin, end = place(chunk), place(chunk) + len(chunk)
        self._state[FREE], self._state[END] = begin, end
        self._chunks.append((begin, end, chunk))
        self._note_last()

    def _note_last(self) -> None:
        """Store the place of the memory's last part."""
        begin, end, chunk = self._chunks[-1]
        self._begin, self._length, self._view = begin, end - begin, memoryview(cast("Any", chunk))

    def _run_in_python(self, k: int) -> None:
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
                raise EvaluationError(f"{op.name()}: returned shape {y.shape} for {type_.dim}")
        if ctx.saved is not None:
            self._saved[k] = ctx.saved
            ctx.saved = None
        self._kept[k] = y
        self._space.values[k] = place(y)

    def forget(self, first: int) -> None:
        state, space = self._state, self._space
        if first >= state[TAKEN]:
            return
        gone = ROWS.table[np.frombuffer(space.numbers, np.int64)[first : state[TAKEN]]]
        (placed,) = (gone[:, _CODE] > _GIVEN).nonzero()
        if len(placed):  # the memory of these values is free again
            at = space.values[first + int(placed[0])]
            while not self._chunks[-1][0] <= at < self._chunks[-1][1]:
                self._chunks.pop()
            state[FREE], state[END] = at, self._chunks[-1][1]
            self._note_last()
        if not first:
            self._chunks.clear()  # views of values stay valid
            state[FREE] = state[END] = self._length = 0
            self._read.clear()
        state[PRODUCTS] -= int(gone[:, _PRODUCTS].sum())
        state[TAKEN] = state[NODES] = first
        state[USED_INTEGERS], state[SIZE] = space.starts[first], space.slopes[first]
        of_nodes: tuple[dict[int, Any], ...] = self._kept, self._saved, self._leaves
        for kept in of_nodes:
            for k in [k for k in kept if k >= first]:
                del kept[k]
        self._data = -1
        self._done = state[EVALUATED] = min(self._done, first)
        self._asked = min(self._asked, first)

    def cut(self, tape: Tape) -> None:
        self.forget(len(tape))
        self._reached = min(self._reached, len(tape))
        self.tape = tape

    # ---- backward

    def gradient(self, index: int) -> Array | None:
        if index >= self._reached or not self._space.flags[index] & REACHED:
            return None
        return self._slope(index)

    def _slope(self, index: int) -> Array:
        """Return a view of the gradient of a node."""
        type_, at = self.tape.signatures[index].type, self._space.slopes[index]
        return self._gradients[at : at + type_.size].reshape(type_.array_shape)

    def backward(self, root: int, full: bool, keep: bool) -> None:
        state, space, kernels = self._state, self._space, self.context.kernels
        space.hold(0, 0, state[PRODUCTS])
        self._gradients = kernels.tape_memory(state[SIZE])
        self._state_gradients.clear()
        state[FIRST_SLOPE], state[FULL] = place(self._gradients), full
        state[ROW_TABLE], state[ROW_COUNT] = ROWS.address, ROWS.count
        state[LAST] = state[NODE] = root
        places = {storage: place(storage.gradients) for storage in self._read}
        for k, (op, _) in self._leaves.items():
            parameter = op.parameter
            gradient = places[parameter.storage] + parameter.offset if op.trains else 0
            space.gradients[k] = gradient
        while kernels.tape_backward(space.address):
            k = state[NODE]
            self._backward_in_python(k)
            state[NODE] = k - 1
            if not k:
                break
        flags = space.flags
        for k, (op, _) in self._leaves.items():
            if op.trains and k <= root and flags[k] & REACHED:
                op.parameter.has_gradient = True
        self._reached = root + 1 if keep else 0

    def _backward_in_python(self, k: int) -> None:
        """Run the backward of a node in Python."""
        tape, ctx, flags = self.tape, self.context, self._space.flags
        signature, op, args = tape.signatures[k], tape.op(k), tape.args(k)
        if not args:
            if signature.type.trains:
                op.touch()
                if flags[k] & REACHED:
                    op.receive(ctx, self._slope(k))
            return
        needs = tuple([bool(flags[i] & WANTED) for i in args])
        if not flags[k] & WANTED or True not in needs:
            return
        dy = self._slope(k)
        if op.is_view:
            flags[args[0]] |= REACHED
            op.add_gradient(ctx, self._slope(args[0]), dy)
            return
        ctx.saved, ctx.needs = self._saved.get(k), needs
        try:
            gradients = op.backward(ctx, dy, self.value(k), *[self.value(i) for i in args])
        except OF_EMPTY as error:
            check_empty(tape, k, error)
            raise
        for i, needed, dx in zip(args, needs, gradients, strict=True):
            if needed and dx is not None:
                self._add(i, dx)

    def _add(self, index: int, dx: Array | Product) -> None:
        """Add to a node's gradient; axes that were broadcast are summed first."""
        so_far = self._slope(index)
        gradient = dx.array() if isinstance(dx, Product) else reduce_to(dx, so_far.shape)
        so_far += gradient
        self._space.flags[index] |= REACHED

    def state_gradient(self, index: int) -> Array:
        gradient = self._state_gradients.get(index)
        if gradient is None:
            xs = [self.value(i) for i in self.tape.args(index)]
            gradient = self.tape.op(index).state_gradient(self._slope(index), *xs)
            self._state_gradients[index] = gradient
        return gradient


def _unsigned(tape: Tape, first: int) -> array[int]:
    """Return the integers of a tape from one on, as unsigned ones: three times as fast for Python."""
    try:
        return array("Q", tape.arguments[first:] if first else tape.arguments)
    except OverflowError:
        bad = next(k for k in range(len(tape)) if min(tape.integers(k), default=0) < 0)
        raise EvaluationError(f"node {bad} of a graph is damaged") from None
