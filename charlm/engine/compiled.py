"""Evaluation by compiled code: a tape is checked and evaluated in one call, and goes back in another.

Values and gradients lie one after the other in a workspace. An operation that has no compiled form
runs as its Python self on views of the workspace; compiled code returns at such a node, and goes on
behind it.
"""

from __future__ import annotations

from array import array
from typing import Any, cast

import numpy as np

from charlm.engine.arrays import Array, reduce_to
from charlm.engine.execute import OF_EMPTY, check_empty
from charlm.engine.op import Context
from charlm.engine.ops.leaves import ParameterLeaf
from charlm.engine.rows import ROWS
from charlm.engine.tape import Tape
from charlm.errors import EvaluationError
from charlm.kernels.reference import Product
from charlm.kernels.tapes import (
    CODES,
    COLUMNS,
    DAMAGED,
    LINK,
    MEMORY,
    NODE_ARRAYS,
    ORIGIN,
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
_LEAST = 1 << 14  # numbers of a workspace


class Workspace:
    """The arrays of a tape that runs; used by one tape after another.

    Attributes:
        state: integers, see ``kernels/tapes.py``.
        address: of these.
        by_name: an array with an integer for each node, each under its name.
    """

    def __init__(self) -> None:
        self.state = array("q", [0] * len(STATE))
        self.address = self.state.buffer_info()[0]
        self.state[_INDEX["origin"]] = _address(ORIGIN)
        self.by_name: dict[str, Array] = {}
        self._nodes = self._integers = self._links = 0
        self.hold(512, 2048)

    def hold(self, nodes: int, integers: int) -> None:
        """Have room for so many nodes and integers; what is there stays."""
        if nodes > self._nodes:
            self._nodes = 2 * nodes
            for name in NODE_ARRAYS:
                self.by_name[name] = self._grown(name, self.by_name.get(name), self._nodes)
        if integers > self._integers:
            self._integers = 2 * integers
            self._code = self._grown("integers", getattr(self, "_code", None), self._integers)

    def hold_links(self, count: int) -> None:
        """Have room for so many products; nothing is kept."""
        if count > self._links:
            self._links = 2 * count
            self._products = self._grown("links", None, LINK * self._links)

    def _grown(self, name: str, before: Array | None, size: int) -> Array:
        grown = np.empty(size, np.int64)
        if before is not None:
            grown[: len(before)] = before
        self.state[_INDEX[name]] = _address(grown)
        return grown


_spaces: list[Workspace] = []
"""Workspaces that no tape uses."""


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
        self._space = _spaces.pop() if _spaces else Workspace()
        self._state = state = self._space.state
        state[NODES] = state[INTEGER_COUNT] = state[TAKEN] = state[USED_INTEGERS] = 0
        state[SIZE] = state[PRODUCTS] = state[EVALUATED] = state[FREE] = state[END] = 0
        self._kept: dict[int, Array] = {}  # values that were made in Python
        self._saved: dict[int, Any] = {}
        self._leaves: list[tuple[int, ParameterLeaf]] = []  # parameters that train
        self._chunks: list[tuple[int, Array]] = []  # the memory: parts, and where they begin
        self._gradients: Array = ORIGIN
        self._reached = 0  # how many nodes the last backward pass reached, with gradients that were kept
        self._totals: dict[int, Array] = {}

    def __del__(self) -> None:
        """Let another tape have the workspace."""
        _spaces.append(self._space)

    # ---- forward

    def value(self, index: int) -> Array:
        """Return the value of an evaluated node."""
        found = self._kept.get(index)
        if found is None:
            type_, at = self.tape.signatures[index].type, int(self._space.by_name["values"][index])
            for begin, chunk in reversed(self._chunks):
                if 0 <= at - begin < len(chunk):
                    at -= begin
                    return chunk[at : at + type_.size].reshape(type_.array_shape)
            raise IndexError(index)
        return found

    def forward(self, last: int) -> None:
        """Evaluate the nodes up to ``last`` that have no value yet."""
        state, tape = self._state, self.tape
        signatures = tape.signatures
        fresh = state[TAKEN]
        if last >= fresh:
            numbers = array("q", [s.number for s in (signatures[fresh:] if fresh else signatures)])
            first = state[USED_INTEGERS]
            integers = array("q", tape.arguments[first:] if first else tape.arguments)
            state[NODES], state[INTEGER_COUNT] = len(signatures), first + len(integers)
            self._space.hold(len(signatures), first + len(integers))
            state[FRESH_NUMBERS], state[FRESH_INTEGERS] = (
                numbers.buffer_info()[0],
                integers.buffer_info()[0],
            )
            state[FRESH_NODE] = fresh
            if fresh == 0 or tape.data:
                self._give(fresh)
        state[LAST] = last
        run, address = self.context.kernels.tape_forward, self._space.address
        state[ROW_TABLE], state[ROW_COUNT] = ROWS.address, len(ROWS.table)
        while status := run(address):
            if status == ROW:
                k = state[TAKEN]
                signature = signatures[k]
                if signature.number < 0:
                    ROWS.add(signature, tape.op(k))
                    state[ROW_TABLE], state[ROW_COUNT] = ROWS.address, len(ROWS.table)
                numbers[k - fresh] = signature.number
            elif status == MEMORY:
                self._add_memory(state[NEEDED])
            elif status == DAMAGED:
                raise EvaluationError(f"node {state[TAKEN]} of a graph is damaged")
            else:
                self.evaluated = k = state[EVALUATED]
                self._run_in_python(k)
                self.evaluated = state[EVALUATED] = k + 1
        self.evaluated = last + 1

    def _give(self, first: int) -> None:
        """Note where the numbers of parameters are, of the nodes from ``first`` on."""
        by_name = self._space.by_name
        values, gradients = by_name["values"], by_name["gradients"]
        for k, op in self.tape.data.items():
            if k >= first and isinstance(op, ParameterLeaf):
                value = op.forward(self.context)
                values[k], gradients[k] = place(value), 0
                self._kept[k] = value
                if op.trains:
                    gradients[k] = place(op.parameter.gradient)
                    self._leaves.append((k, op))

    def _add_memory(self, least: int) -> None:
        """Add a part to the memory."""
        wanted = max(least, _LEAST, 2 * sum(len(c) for _, c in self._chunks))
        chunk = self.context.kernels.tape_memory(wanted)
        begin = place(chunk)
        self._state[FREE], self._state[END] = begin, begin + len(chunk)
        self._chunks.append((begin, chunk))

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
        self._space.by_name["values"][k] = place(y)

    def forget(self, first: int) -> None:
        """Forget the values from node ``first`` on."""
        state, by_name = self._state, self._space.by_name
        taken = state[TAKEN]
        if first >= taken:
            return
        gone = by_name["numbers"][first:taken]
        state[PRODUCTS] -= int(ROWS.table[:, _PRODUCTS][gone].sum())
        state[TAKEN] = state[NODES] = first
        state[USED_INTEGERS] = int(by_name["starts"][first])
        state[SIZE] = int(by_name["slopes"][first])
        codes = ROWS.table[:, _CODE][gone]
        (placed,) = (codes > _GIVEN).nonzero()
        if len(placed) and self._chunks:  # the first of their places is free again
            at = int(by_name["values"][first + placed[0]])
            while not 0 <= at - self._chunks[-1][0] < len(self._chunks[-1][1]):
                self._chunks.pop()
            begin, chunk = self._chunks[-1]
            state[FREE], state[END] = at, begin + len(chunk)
        if not first:
            self._chunks.clear()  # who has a view of a value keeps it
            state[FREE] = state[END] = 0
        for kept in (self._kept, self._saved):
            for k in [k for k in kept if k >= first]:
                del kept[k]
        self._leaves = [(k, op) for k, op in self._leaves if k < first]
        self.evaluated = state[EVALUATED] = min(self.evaluated, first)

    def cut(self, tape: Tape) -> None:
        """Go on with another tape that has the first nodes of this one."""
        self.forget(len(tape))
        self._reached = min(self._reached, len(tape))
        self.tape = tape

    # ---- backward

    def gradient(self, index: int) -> Array | None:
        """Return the gradient that the last backward pass left at a node."""
        if index >= self._reached or not self._space.by_name["flags"][index] & REACHED:
            return None
        return self._slope(index)

    def _slope(self, index: int) -> Array:
        """Return a view of the gradient of a node."""
        type_, at = self.tape.signatures[index].type, int(self._space.by_name["slopes"][index])
        return self._gradients[at : at + type_.size].reshape(type_.array_shape)

    def backward(self, root: int, full: bool, keep: bool) -> None:
        """Pass the gradient of one number on to all that it depends on, and to parameters."""
        state, space, kernels = self._state, self._space, self.context.kernels
        space.hold_links(state[PRODUCTS])
        self._gradients = kernels.tape_memory(state[SIZE])
        self._totals.clear()
        state[FIRST_SLOPE], state[FULL] = place(self._gradients), full
        state[ROW_TABLE], state[ROW_COUNT] = ROWS.address, len(ROWS.table)
        state[LAST] = state[NODE] = root
        while kernels.tape_backward(space.address):
            k = state[NODE]
            self._go_back_in_python(k)
            state[NODE] = k - 1
            if not k:
                break
        flags = space.by_name["flags"]
        for k, op in self._leaves:
            if k <= root and flags[k] & REACHED:
                op.parameter.has_gradient = True
        self._reached = root + 1 if keep else 0

    def _go_back_in_python(self, k: int) -> None:
        """Pass the gradient of a node on by its operation."""
        tape, ctx, flags = self.tape, self.context, self._space.by_name["flags"]
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
        self._space.by_name["flags"][index] |= REACHED

    def total(self, index: int) -> Array:
        """Return the gradient of a recurrent node with what flows through its later parts, computed when asked for."""
        found = self._totals.get(index)
        if found is None:
            xs = [self.value(i) for i in self.tape.args(index)]
            found = self.tape.op(index).total_gradient(self._slope(index), *xs)
            self._totals[index] = found
        return found


def _address(array: Array) -> int:
    return cast("int", array.__array_interface__["data"][0])
