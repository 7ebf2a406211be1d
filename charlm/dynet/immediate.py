"""A graph that computes every node at once, to find the line of a wrong number."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from charlm.engine.arrays import show
from charlm.engine.graph import ComputationGraph
from charlm.engine.op import Op
from charlm.errors import EvaluationError


class ImmediateGraph(ComputationGraph):
    """A graph that is not lazy: errors of evaluation are raised on the line that makes the node.

    Attributes:
        check_validity: whether a node with NaN or an infinite number is an error too.

    Example:
        >>> from charlm.engine.ops import input_tensor, log
        >>> graph = ImmediateGraph()
        >>> graph.check_validity = True
        >>> log(input_tensor(graph, [1.0, 0.0]))
        Traceback (most recent call last):
            ...
        charlm.errors.EvaluationError: log: expression 1/0 has NaN or infinite numbers; ... (2,)
    """

    lazy = False
    check_validity = False

    def append(self, op: Op, args: Sequence[int] = (), node_id: int | None = None) -> int:
        """Add a node and evaluate it."""
        index = super().append(op, args, node_id)
        value = self.forward(index)
        if self.check_validity and not np.isfinite(value).all():
            shapes = ", ".join(show(self.type(i).dim) for i in args)
            raise EvaluationError(
                f"{op.name()}: expression {self.tape.id(index)}/{self.version} has NaN or infinite numbers; "
                f"its arguments' shapes: {shapes}"
            )
        return index
