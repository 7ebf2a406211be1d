"""Checking gradients against central differences in float64: of an op, or of all parameters of a model.

A difference is judged against the size of the gradient, and a gradient that is zero everywhere is
refused: it would check nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from charlm.engine.arrays import Array, Dim
from charlm.engine.expression import Expression
from charlm.engine.graph import ComputationGraph
from charlm.engine.op import Op, Sample
from charlm.engine.ops.inputs import input_array
from charlm.engine.parameters import LookupParameter, Parameter, ParameterCollection
from charlm.engine.random import NumpyStream
from charlm.errors import GradientCheckError

STEP = 1e-5  # about the cube root of float64's epsilon, where truncation and rounding balance
TOLERANCE = 1e-6


def check_sample(sample: Sample, seed: int = 0) -> float:
    """Check an op's gradients on one of its samples and return the largest relative difference.

    The loss is the result weighted by fixed random numbers, so that every output counts
    differently.

    Raises:
        GradientCheckError: a gradient differs or is zero throughout, or the op wrote into what it was
            given to read.

    Example:
        >>> from charlm.engine.ops.elementwise import Tanh
        >>> all(check_sample(sample) < 1e-7 for sample in Tanh.samples())
        True
    """
    arrays = sample.arrays(seed=seed)
    untouched = sample.arrays(seed=seed)
    name = type(sample.op).name()
    differentiable = sample.differentiable or (True,) * len(arrays)
    weights: list[Array] = []

    def loss(gradients_wanted: bool) -> tuple[float, list[Array | None]]:
        graph = ComputationGraph(dtype=np.float64, stream=NumpyStream(seed))
        nodes = [input_array(graph, a) for a in arrays]
        node = graph.append(sample.op, [n.index for n in nodes])
        y = graph.forward(node)
        if not weights:
            weights.append(np.array(np.random.default_rng(seed + 1).uniform(0.5, 1.5, y.shape)))
        if not gradients_wanted:
            return float((y * weights[0]).sum()), []
        value = y.copy()
        root = graph.append(_Weighted(weights[0]), [node])
        graph.backward(root, full=True)
        assert graph.root is not None
        dy = graph.gradient(node)
        assert dy is not None
        given = [*zip(arrays, untouched, strict=True), (y, value), (dy, weights[0])]
        if any(not np.array_equal(now, before, equal_nan=True) for now, before in given):
            raise GradientCheckError(
                f"{name}: forward or backward wrote into an argument, the value or the gradient "
                "it was given; other nodes read the same arrays"
            )
        return 0.0, [graph.gradient(n.index) for n in nodes]

    _, found = loss(True)
    worst = 0.0
    for array, gradient, wanted in zip(arrays, found, differentiable, strict=True):
        if wanted:
            analytic = np.zeros_like(array) if gradient is None else gradient
            numeric = _numeric(array, lambda: loss(False)[0])
            worst = max(worst, _compare(analytic, numeric, name))
    return worst


def check_parameters(
    collection: ParameterCollection, build: Callable[[ComputationGraph], Expression]
) -> float:
    """Check the gradients of all parameters of a float64 collection for the loss that ``build`` makes.

    Example:
        >>> from charlm.engine.expression import leaf
        >>> from charlm.engine.ops import dot_product
        >>> from charlm.engine.ops.leaves import ParameterLeaf
        >>> pc = ParameterCollection(np.float64)
        >>> p = pc.add_parameters((3,))
        >>> def squared(graph):
        ...     x = leaf(graph, ParameterLeaf(p), True)
        ...     return dot_product(x, x)
        >>> check_parameters(pc, squared) < 1e-7
        True
    """
    members: list[Parameter | LookupParameter] = [*collection.parameters, *collection.lookups]
    found = parameter_gradients([(member.name, member) for member in members], build)
    return max((_compare(a, n, name) for name, a, n in found), default=0.0)


def parameter_gradients(
    members: Sequence[tuple[str, Parameter | LookupParameter]],
    build: Callable[[ComputationGraph], Expression],
    most: int | None = None,
    seed: int = 0,
) -> Iterator[tuple[str, Array, Array]]:
    """Yield for each parameter its name, the gradient of a loss in some places, and central differences there.

    Args:
        members: the names of parameters, and these, of float64.
        build: makes the loss; what it draws at random is the same each time.
        most: the number of places for each parameter, half of them where the gradient is largest, the others
            drawn at random; None takes all.
        seed: draws the places, and what ``build`` draws.
    """

    def graph() -> ComputationGraph:
        return ComputationGraph(dtype=np.float64, stream=NumpyStream(seed))

    def loss() -> float:
        made = graph()
        value = build(made).scalar_value()
        made.release()
        return value

    for _, member in members:
        member.clear_gradient()
    made = graph()
    build(made).backward()
    made.release()
    gradients = [np.array(member.gradient) for _, member in members]
    rng = np.random.default_rng(seed)
    for (name, member), gradient in zip(members, gradients, strict=True):
        places = np.arange(member.value.size)
        if most is not None and most < len(places):
            largest = np.argsort(-abs(gradient.ravel()))[: (most + 1) // 2]
            others = rng.choice(np.setdiff1d(places, largest), most // 2, replace=False)
            places = np.append(largest, others)
        indices = np.unravel_index(places, member.value.shape)
        yield name, gradient[indices], _numeric(member.value, loss, indices)


def _numeric(
    array: Array, loss: Callable[[], float], indices: tuple[Array, ...] | None = None
) -> Array:
    """Central differences, of all numbers or of some; ``array`` is moved in place and put back."""
    places = list(np.ndindex(array.shape) if indices is None else zip(*indices, strict=True))
    found = np.zeros(len(places))
    for number, place in enumerate(places):
        there = array[place]
        array[place] = there + STEP
        above = loss()
        array[place] = there - STEP
        found[number] = (above - loss()) / (2 * STEP)
        array[place] = there
    return found.reshape(array.shape) if indices is None else found


def _compare(analytic: Array, numeric: Array, name: str) -> float:
    if analytic.shape != numeric.shape:
        raise GradientCheckError(
            f"{name}: gradient of shape {analytic.shape}, argument {numeric.shape}"
        )
    size = float(np.abs(numeric).max(initial=0.0))
    if size < 1e-3:
        raise GradientCheckError(
            f"{name}: the gradient is zero throughout; the sample checks nothing"
        )
    difference = float(np.abs(analytic - numeric).max()) / size
    if not difference <= TOLERANCE:
        raise GradientCheckError(
            f"{name}: gradient differs from central differences by {difference:.2e} of its size\n"
            f"analytic {analytic.tolist()}\nnumeric  {numeric.tolist()}"
        )
    return difference


class _Weighted(Op, abstract=True):  # part of the check, not one of the ops to check
    """y = sum of x times fixed weights, over the batch too."""

    def __init__(self, weights: Array) -> None:
        self.weights = weights

    def dim(self, *dims: Dim) -> Dim:
        """A scalar."""
        return (1,), 1

    def forward(self, ctx: object, x: Array) -> Array:
        """Weigh and add up."""
        return (x * self.weights).sum().reshape(1, 1)

    def backward(self, ctx: object, dy: Array, y: Array, x: Array) -> list[Array]:
        """The weights."""
        return [dy[0, 0] * self.weights]
