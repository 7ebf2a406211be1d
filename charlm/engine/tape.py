"""The tape: the nodes of a graph in creation order, as integers.

A node is a ``Signature``, the indices of its arguments, and perhaps data. A signature is an operation
on arguments of given types. All nodes that are alike share one signature, so appending a node does not
check shapes again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from charlm.engine.op import Op, Signature
from charlm.errors import ArgumentError


class Tape:
    """The nodes of a graph.

    Attributes:
        signatures: one for each node.
        arguments: for all nodes, one after the other, the indices of their arguments and other integers; each
            signature has its count.
        data: the operations that have data, by the index of their node.
        given_ids: ids that were reserved, by the index of their node.
        quick: whether functions may append to these lists themselves. False if the graph has ended or lost nodes, or
            if it evaluates each node at once.
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
        """Refuse to be pickled or copied: then no object with nodes of a graph can be."""
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
        """Replace a node's operation by another one of its kind."""
        self.data[index] = op
        signature = self.signatures[index]
        if signature.indexed is not None:
            self.signatures[index] = signature.with_data()
        indices = self.start(index) + signature.count
        self.arguments[indices : indices + len(op.integers())] = op.integers()

    def start(self, index: int) -> int:
        """Return where a node's integers begin in ``arguments``."""
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
        """Return the id of a node appended after this one."""
        ids = self._next_ids
        for k in range(len(ids), index + 1):
            taken = 0 if k in self.given_ids else self.signatures[k].id_count
            ids.append((ids[-1] if ids else 0) + taken)
        return ids[index] if index >= 0 else 0

    def copy_to(self, other: Tape, count: int) -> None:
        """Copy the first nodes to an empty tape."""
        other.signatures = self.signatures[:count]
        other.arguments = self.arguments[: self.start(count)]
        other.data = {k: op for k, op in self.data.items() if k < count}
        other.given_ids = {k: id_ for k, id_ in self.given_ids.items() if k < count}
