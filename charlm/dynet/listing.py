"""A graph as text: for Graphviz, or a list of nodes with values and gradients."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np

from charlm.engine.arrays import Array, show, to_user
from charlm.engine.graph import ComputationGraph


def graphviz(graph: ComputationGraph) -> str:
    """Return a graph in Graphviz's language: a box for each node, an arrow from each argument.

    The name of a node is its id. An operation with several ids, such as an RNN step, has the id before them.

    Example:
        >>> from charlm.engine.ops import input_tensor
        >>> graph = ComputationGraph()
        >>> y = input_tensor(graph, [1.0, 2.0]) + 1.0
        >>> print(graphviz(graph))
        digraph G {
          rankdir=LR;
          nodesep=.05;
          N0 [label="v0 = input(): (2,)"];
          N1 [label="v1 = add_scalar(v0): (2,)"];
          N0 -> N1;
        }
    """
    lines = ["digraph G {", "  rankdir=LR;", "  nodesep=.05;"]
    names = _names(graph)
    for index in range(len(graph)):
        inputs = graph.args(index)
        lines.append(f'  N{names[index]} [label="{_described(graph, index, names)}"];')
        lines += [f"  N{names[i]} -> N{names[index]};" for i in inputs]
    return "\n".join([*lines, "}"])


def nodes(
    graph: ComputationGraph, values: bool, gradients: bool, only_valid: bool
) -> Iterator[str]:
    """Yield each node with its value and its gradient, or only whether their numbers are finite."""
    names = _names(graph)
    for index in range(len(graph)):
        yield f"Node {names[index]}: {_described(graph, index, names)}"
        if values:
            yield f"Value: {_numbers(graph.value(index) if index < graph.evaluated else None, only_valid)}"
        if gradients:
            has_gradient = graph.root is not None and index <= graph.root
            gradient = graph.gradient(index) if has_gradient else None
            yield f"Gradient: {_numbers(gradient, only_valid)}"


def _names(graph: ComputationGraph) -> list[str]:
    """Return a name for each node: its id, with a number if several nodes have it."""
    seen: Counter[int] = Counter()
    names = []
    for node_id in graph.ids:
        names.append(f"{node_id}_{seen[node_id]}" if seen[node_id] else str(node_id))
        seen[node_id] += 1
    return names


def _described(graph: ComputationGraph, index: int, names: list[str]) -> str:
    op, args = graph.op(index), graph.args(index)
    leaf = None if args else op.leaf()
    inside = ", ".join(f"v{names[i]}" for i in args) if leaf is None else leaf.name
    return f"v{names[index]} = {op.name()}({inside}): {show(graph.type(index).dim)}"


def _numbers(array: Array | None, only_valid: bool) -> str:
    if array is None:
        return "(not computed)"
    if only_valid:
        return "valid" if np.isfinite(array).all() else "invalid"
    return np.array2string(to_user(array), threshold=2**31)
