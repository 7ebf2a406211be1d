"""Parameters of given numbers, and their nodes."""

from __future__ import annotations

from charlm.engine.expression import Expression, leaf
from charlm.engine.graph import ComputationGraph
from charlm.engine.initializers import FromArray
from charlm.engine.ops.leaves import ParameterLeaf
from charlm.engine.parameters import Parameter, ParameterCollection


def parameter(*numbers: float, collection: ParameterCollection | None = None) -> Parameter:
    pc = collection or ParameterCollection()
    return pc.add_parameters((len(numbers),), FromArray(list(numbers)))


def node(graph: ComputationGraph, p: Parameter, trains: bool = True) -> Expression:
    return leaf(graph, ParameterLeaf(p), trains)
