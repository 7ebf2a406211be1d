"""The base class of Parameters and LookupParameters: expressions of the current graph, which are never stale."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from charlm.dynet import records, session
from charlm.engine import parameters as engine
from charlm.engine.expression import Expression, leaf
from charlm.engine.graph import ComputationGraph, GraphTape
from charlm.engine.ops.arguments import real
from charlm.engine.ops.leaves import LookupLeaf, ParameterLeaf
from charlm.engine.types import Type
from charlm.files import path_of


class CurrentLeaf(Expression):
    """An expression with a node in the current graph, made on first use.

    Its fields are those of its node in the last graph that used it. If that graph is no longer the current
    one, the tape shows it, as for any stale expression.
    """

    __slots__ = ("_op", "_stored")

    def __init__(self, op: ParameterLeaf | LookupLeaf, stored: records.Stored) -> None:
        self._op = op
        self._stored = stored
        self.tape, self.index, self.type = _NO_TAPE, 0, _NO_TYPE

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Refuse to be pickled or copied, as the parameters do."""
        return self._stored.storage.__reduce_ex__(protocol)

    def leaf(self, update: bool) -> Expression:
        """Return the node in the current graph, trainable or constant."""
        return leaf(session.cg(), self._op, update)

    def home(self) -> ComputationGraph:
        """Return the current graph."""
        return session.cg()

    def node(self, graph: ComputationGraph) -> Expression:
        """Return the trainable node."""
        node = leaf(graph, self._op, True)
        self.tape, self.index, self.type = node.tape, node.index, node.type
        return node

    def _live(self) -> ComputationGraph:
        graph = session.cg()
        self.node(graph)
        return graph

    def name(self) -> str:
        """Return the full name."""
        return self._stored.name

    def scale(self, s: float) -> None:
        """Multiply the values."""
        self._stored.scale(real(s, "scale"))

    def scale_gradient(self, s: float) -> None:
        """Multiply the accumulated gradient."""
        self._stored.scale_gradient(real(s, "scale_gradient"))

    def is_updated(self) -> bool:
        """Return whether trainers change the values."""
        return self._stored.updated

    def set_updated(self, b: bool) -> None:
        """Let trainers change the values, or not."""
        self._stored.updated = bool(b)

    def save(self, fname: str | Path, key: str = "", append: bool = False) -> None:
        """Write values and gradient to a text file, with the name ``key`` or, by default, the full name."""
        records.write_records(
            path_of(fname, "a model file"), [(self._stored, key or self.name())], append
        )

    def populate(self, fname: str | Path, key: str) -> None:
        """Read values and gradient of ``key`` from a text file."""
        lookup = isinstance(self._stored, engine.LookupParameter)
        records.fill(
            self._stored, records.RecordFile.read(path_of(fname, "a model file")).find(key, lookup)
        )

    def write_to_textfile(self, fname: str | Path, key: str = "", append: bool = False) -> None:
        """Call ``save``; this is its older name."""
        self.save(fname, key, append)

    def populate_from_textfile(self, fname: str | Path, key: str = "") -> None:
        """Call ``populate``; this is its older name, and it needs a key too."""
        self.populate(fname, key)


def _ended() -> GraphTape:
    graph = ComputationGraph()
    graph.release()
    return graph.tape


_NO_TAPE, _NO_TYPE = _ended(), Type.of(((), 1), False)  # those of a leaf that no graph has used
