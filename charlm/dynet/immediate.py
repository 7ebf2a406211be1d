"""A graph that computes every node at once, to find the line of a wrong number."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from charlm.engine.arrays import DType, show
from charlm.engine.execute import Executor, NodeByNode
from charlm.engine.graph import ComputationGraph
from charlm.engine.op import Context, Op
from charlm.engine.random import RandomStream
from charlm.engine.tape import Tape
from charlm.errors import EvaluationError
from charlm.kernels import NUMPY, Kernels


class ImmediateGraph(ComputationGraph):
    """A graph that is not lazy: errors of evaluation are raised on the line that makes the node.

    Args:
        check_validity: also raise RuntimeError when a node has NaN or an infinite number.

    Example:
        >>> from charlm.engine.ops import input_tensor, log
        >>> graph = ImmediateGraph(check_validity=True)
        >>> log(input_tensor(graph, [1.0, 0.0]))
        Traceback (most recent call last):
            ...
        charlm.errors.EvaluationError: log: expression 1/0 has NaN or infinite numbers; ... (2,)
    """

    lazy = False

    def __init__(
        self,
        dtype: DType = np.float32,
        stream: RandomStream | None = None,
        kernels: Kernels = NUMPY,
        version: int = 0,
        executor: Callable[[Tape, Context], Executor] = NodeByNode,
        check_validity: bool = False,
    ) -> None:
        super().__init__(dtype, stream, kernels, version, executor)
        self.check_validity = check_validity

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
