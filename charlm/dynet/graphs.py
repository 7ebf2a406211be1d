"""DyNet's functions and methods of the current graph."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from charlm.dynet import listing, session
from charlm.dynet.devices import check_device
from charlm.dynet.functions import inputTensorTranspose
from charlm.engine import ops
from charlm.engine.expression import Expression, at
from charlm.engine.ops.arguments import unsigned, unsigned_all
from charlm.errors import EvaluationError, ShapeError
from charlm.files import write_atomically

__all__ = [
    "ComputationGraph",
    "cg",
    "cg_checkpoint",
    "cg_revert",
    "dump_cg",
    "print_graphviz",
    "print_text_graphviz",
    "renew_cg",
]


class ComputationGraph:
    """The current graph. There is one object, which ``cg()`` and ``renew_cg()`` return.

    Methods take node ids, as expressions print them.

    Example:
        >>> graph = renew_cg()
        >>> x = inputTensorTranspose([1.0, 2.0], (2,))
        >>> graph is cg(), graph.forward_vec((x + 1).id)
        (True, [2.0, 3.0])
    """

    def __init__(self) -> None:
        raise EvaluationError(
            "a program cannot make a ComputationGraph: renew_cg() and cg() return it"
        )

    def renew(
        self,
        immediate_compute: bool = False,
        check_validity: bool = False,
        autobatching: bool | None = None,
    ) -> ComputationGraph:
        """Discard all nodes, as ``renew_cg`` does."""
        session.renew(immediate_compute, check_validity)
        return self

    def version(self) -> int:
        """Return how often the graph was renewed."""
        return session.cg_version()

    def checkpoint(self) -> None:
        """Note how many nodes there are, for ``revert``."""
        session.cg().checkpoint()

    def revert(self) -> None:
        """Delete the nodes made since the last ``checkpoint``, and forget it; without one, do nothing."""
        session.cg().revert()

    def forward(self, index: int) -> None:
        """Compute every node up to this one again, random ones too."""
        _node(index).forward(recalculate=True)

    def forward_scalar(self, index: int) -> float:
        """Compute as ``forward`` and return the one number."""
        return _node(index).scalar_value(recalculate=True)

    def forward_vec(self, index: int) -> list[float]:
        """Compute as ``forward`` and return the numbers in column-major order."""
        return _node(index).vec_value(recalculate=True)

    def inc_forward(self, index: int) -> None:
        """Compute what has no value yet, up to this node."""
        _node(index).forward()

    def inc_forward_scalar(self, index: int) -> float:
        """Compute as ``inc_forward`` and return the one number."""
        return _node(index).scalar_value()

    def inc_forward_vec(self, index: int) -> list[float]:
        """Compute as ``inc_forward`` and return the numbers in column-major order."""
        return _node(index).vec_value()

    def backward(self, index: int, full: bool = False) -> None:
        """Add the gradient of this node to the parameters, as ``Expression.backward`` does."""
        _node(index).backward(full)

    def inputMatrixLiteral(
        self, v: Sequence[float], d: tuple[int, ...], batch_size: int = 1, device: str = ""
    ) -> Expression:
        """Return a tensor of sizes ``d`` from a flat list of its numbers in column-major order."""
        return inputTensorTranspose(v, d, batch_size, device)

    def inputSparseTensor(
        self,
        idxs: Sequence[int],
        v: Sequence[float],
        dim: tuple[int, ...],
        batch_size: int = 1,
        defval: float = 0.0,
        device: str = "",
    ) -> Expression:
        """Return a tensor with the numbers ``v`` at these places, in column-major order, and ``defval`` elsewhere."""
        check_device(device)
        places: list[list[int]] = []
        numbers = list(unsigned_all(idxs, "inputSparseTensor"))
        for size in dim:
            places.append([number % size for number in numbers])
            numbers = [number // size for number in numbers]
        shape = (*dim, batch_size)
        return ops.sparse_input_tensor(session.cg(), [*places, numbers], v, shape, True, defval)

    def print_graphviz(self) -> None:
        """Write the graph to stderr in the language of Graphviz."""
        print(listing.graphviz(session.cg()), file=sys.stderr)

    def dump(
        self, filename: str, show_values: bool, show_gradients: bool, nan_check_only: bool
    ) -> None:
        """Write the nodes to a file; see ``dump_cg``."""
        dump_cg(filename, show_values, show_gradients, nan_check_only)


def renew_cg(
    immediate_compute: bool = False, check_validity: bool = False, autobatching: bool | None = None
) -> ComputationGraph:
    """Discard all nodes and return the graph; earlier expressions become stale.

    Args:
        immediate_compute: compute every node when it is made, to see which line fails.
        check_validity: then also raise RuntimeError for a node with NaN or an infinite number.
        autobatching: has no effect.
    """
    return _CURRENT.renew(immediate_compute, check_validity, autobatching)


def cg() -> ComputationGraph:
    """Return the current graph."""
    return _CURRENT


def cg_checkpoint() -> None:
    """Note how many nodes there are, for ``cg_revert``."""
    _CURRENT.checkpoint()


def cg_revert() -> None:
    """Delete the nodes made since the last ``cg_checkpoint``, and forget it; without one, do nothing.

    The ids are used again. An expression of a deleted node raises an error when it is used.

    Example:
        >>> graph = renew_cg()
        >>> x = inputTensorTranspose([1.0, 2.0], (2,))
        >>> cg_checkpoint()
        >>> y = x * 2.0
        >>> cg_revert()
        >>> x * 3.0, y  # both have had the id 1
        (expression 1/..., expression 1/...)
    """
    _CURRENT.revert()


def print_text_graphviz() -> None:
    """Write the graph to stderr in the language of Graphviz."""
    _CURRENT.print_graphviz()


def print_graphviz(**options: object) -> None:
    """Print how to see the graph: charlm writes as text what DyNet draws after ``--dynet-viz``."""
    print("print_text_graphviz() writes the graph to stderr, for the program dot to draw")


def dump_cg(
    filename: str = "",
    show_values: bool = True,
    show_gradients: bool = True,
    nan_check_only: bool = False,
) -> None:
    """Write every node of the graph, with its value and its gradient.

    Args:
        filename: the file; stdout if empty.
        show_values: the values.
        show_gradients: the gradients of the last backward pass.
        nan_check_only: write only whether the numbers are finite ("valid") or not ("invalid").
    """
    lines = listing.nodes(session.cg(), show_values, show_gradients, nan_check_only)
    text = "\n".join(lines) or "(Computation graph is empty)"
    if filename:
        write_atomically(Path(filename), f"{text}\n".encode())
    else:
        print(text)


def _node(index: int) -> Expression:
    """Return the node with an id."""
    graph, number = session.cg(), unsigned(index, "the id of a node")
    if number not in graph.ids:
        raise ShapeError(
            f"there is no node with the id {number}: the last id is {graph.next_id - 1}, and an operation that "
            "replaces several of DyNet's nodes has only the id of the last one"
        )
    return at(graph, graph.ids.index(number))


_CURRENT = object.__new__(ComputationGraph)
