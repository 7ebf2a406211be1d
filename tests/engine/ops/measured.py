"""How the numbers of DyNet that these tests hold were measured: the loss weighs y's numbers by 1, 2, 3, ..."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from charlm.engine.expression import Expression
from charlm.engine.graph import ComputationGraph
from charlm.engine.ops import cmult, input_tensor, sum_batches, sum_elems


def nodes(*inputs: Any, batched: bool = False) -> list[Expression]:
    """Return input nodes of one graph."""
    graph = ComputationGraph()
    return [input_tensor(graph, np.asarray(x, dtype=float), batched) for x in inputs]


def measure(
    function: Callable[..., Expression], *inputs: Any, batched: bool = False
) -> list[list[Any]]:
    """Return ``function``'s value and the gradients of all inputs."""
    arguments = nodes(*inputs, batched=batched)
    y = function(*arguments)
    shape, batch = y.dim()
    full = (*shape, batch) if batch > 1 else shape
    weights = np.arange(1.0, 1 + np.prod(full)).reshape(full, order="F")
    weighted = cmult(y, input_tensor(y.graph, weights, batched=batch > 1))
    sum_batches(sum_elems(weighted)).backward(full=True)
    return [y.npvalue().tolist(), *(x.gradient().tolist() for x in arguments)]


def approximately(found: list[Any], expected: list[Any], tolerance: float = 2e-6) -> None:
    """Compare the lists of ``measure``."""
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)
