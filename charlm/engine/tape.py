"""The tape: the nodes of a graph in creation order, each some integers.

A node is an operation, the indices of the nodes that are its arguments, and perhaps data. Which
operation on what types it is, a ``Signature`` says, one object for all nodes that are alike; so a
node is appended without looking at shapes again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from charlm.engine.op import Op, Signature
from charlm.errors import ArgumentError


class Tape:
    """Nodes by their indices: signatures, the arguments of all nodes one after the other, and data.

    Attributes:
        signatures: one for each node.
        arguments: indices of nodes, and other integers; how many are a node's, its signature says.
        data: the operations that have data, by the index of their node.
        given_ids: ids that were taken beforehand, by the index of their node.
        quick: whether who holds the tape may append to it: not when the graph has ended or lost nodes, nor when it
            has something to do with each node.
    """

    __slots__ = ("_next_ids", "_starts", "arguments", "data", "given_ids", "quick", "signatures")

    def __init__(self) -> None:
        self.signatures: list[Signature] = []
        self.arguments: list[int] = []
        self.data: dict[int, Op] = {}
        self.given_ids: dict[int, int] = {}
        self.quick = True
        self._starts = [0]
        self._next_ids: list[int] = []

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Refuse to be pickled or copied, and so whatever has nodes of a graph."""
        raise ArgumentError(
            "an expression cannot be pickled or copied: it is a place in its graph; take its value() or npvalue()"
        )

    def __len__(self) -> int:
        return len(self.signatures)

    def append(self, signature: Signature, op: Op, args: Sequence[int]) -> int:
        """Add a node and return its index."""
        index = len(self.signatures)
        if signature.op is None:
            self.data[index] = op
        self.signatures.append(signature)
        self.arguments += args
        if signature.extent > signature.count:
            self.arguments += op.integers()
        return index

    def op(self, index: int) -> Op:
        """Return the operation of a node."""
        signature = self.signatures[index]
        if signature.indexed is not None:
            return signature.indexed.made[self.arguments[self.start(index) + signature.count]]
        return signature.op or self.data[index]

    def integers(self, index: int) -> list[int]:
        """Return all integers of a node."""
        start = self.start(index)
        return self.arguments[start : start + self.signatures[index].extent]

    def set_data(self, index: int, op: Op) -> None:
        """Give a node another operation of its kind."""
        self.data[index] = op
        signature = self.signatures[index]
        if signature.indexed is not None:
            self.signatures[index] = signature.with_data()
        indices = self.start(index) + signature.count
        self.arguments[indices : indices + len(op.integers())] = op.integers()

    def start(self, index: int) -> int:
        """Return where in ``arguments`` those of a node begin."""
        starts = self._starts
        while len(starts) <= index:
            starts.append(starts[-1] + self.signatures[len(starts) - 1].extent)
        return starts[index]

    def args(self, index: int) -> list[int]:
        """Return the arguments of a node."""
        start = self.start(index)
        return self.arguments[start : start + self.signatures[index].count]

    def id(self, index: int) -> int:
        """Return the number that DyNet would give the node."""
        given = self.given_ids.get(index)
        if given is None:
            return self.next_id(index) - 1 - self.signatures[index].id_back
        return given

    def next_id(self, index: int) -> int:
        """Return the id that a node behind this one would have."""
        ids = self._next_ids
        for k in range(len(ids), index + 1):
            taken = 0 if k in self.given_ids else self.signatures[k].id_count
            ids.append((ids[-1] if ids else 0) + taken)
        return ids[index] if index >= 0 else 0

    def copy_to(self, other: Tape, count: int) -> None:
        """Give another tape, an empty one, the first nodes."""
        other.signatures = self.signatures[:count]
        other.arguments = self.arguments[: self.start(count)]
        other.data = {k: op for k, op in self.data.items() if k < count}
        other.given_ids = {k: id_ for k, id_ in self.given_ids.items() if k < count}
