"""The gradient check catches the mistakes that people make in a backward, and passes what is right."""

from __future__ import annotations

import numpy as np
import pytest

from charlm.engine.arrays import Array
from charlm.engine.expression import apply, leaf
from charlm.engine.gradcheck import check_parameters, check_sample
from charlm.engine.op import Op, Sample
from charlm.engine.ops import matmul, square, sum_elems, tanh
from charlm.engine.ops.arithmetic import CMult
from charlm.engine.ops.elementwise import Rectify, Tanh
from charlm.engine.ops.leaves import ParameterLeaf, lookup
from charlm.engine.ops.linear import MatMul
from charlm.engine.parameters import ParameterCollection
from charlm.errors import GradientCheckError


def variant(base: type[Op], **methods) -> Op:
    """Return ``base`` with other methods, outside the registry."""
    return type(f"Wrong{base.__name__}", (base,), methods, abstract=True)()


def check_backward(base: type[Op], backward) -> None:
    """Check ``base`` with another backward on all of its samples."""
    op = variant(base, backward=backward)
    for sample in base.samples():
        check_sample(Sample(op, sample.dims, sample.low, sample.high))


def test_right_gradients_pass():
    check_backward(Tanh, lambda self, ctx, dy, y, x: [dy * (1 - y * y)])
    check_backward(CMult, CMult.backward)


def test_a_factor_near_one_is_found():
    with pytest.raises(GradientCheckError, match=r"wrong_tanh: gradient differs .* by 1.00e-03"):
        check_backward(Tanh, lambda self, ctx, dy, y, x: [dy * (1 - y * y) * 1.001])


def test_a_transposed_gradient_is_found():
    op = variant(
        MatMul,
        backward=lambda self, ctx, dy, y, w, x: [
            (x.swapaxes(1, 2) @ dy).swapaxes(1, 2),
            dy @ w.swapaxes(1, 2),
        ],
    )
    square_matrices = (((3, 3), 1), ((3, 3), 1))
    check_sample(Sample(MatMul(), square_matrices))
    with pytest.raises(GradientCheckError, match="wrong_mat_mul: gradient differs"):
        check_sample(Sample(op, square_matrices))


def test_a_gradient_of_another_shape_is_found():
    with pytest.raises(GradientCheckError, match="wrong_mat_mul: gradient of shape"):
        check_sample(
            Sample(
                variant(MatMul, backward=lambda self, ctx, dy, y, w, x: [x, dy @ w[0].T]),
                (((3, 2), 1), ((2, 4), 1)),
            )
        )


def test_a_missing_gradient_is_found():
    with pytest.raises(GradientCheckError, match="wrong_c_mult: gradient differs"):
        check_backward(CMult, lambda self, ctx, dy, y, x1, x2: [dy * x2, None])


def test_an_argument_said_not_to_be_differentiable_is_not_checked():
    op = variant(CMult, backward=lambda self, ctx, dy, y, x1, x2: [dy * x2, None])
    dims = (((3,), 1), ((3,), 1))
    assert check_sample(Sample(op, dims, differentiable=(True, False))) < 1e-7
    with pytest.raises(GradientCheckError):
        check_sample(Sample(op, dims, differentiable=(False, True)))


def test_a_gradient_that_forgets_the_batch_is_found():
    def backward(self, ctx, dy, y, x):
        return [np.broadcast_to((dy * (1 - y * y))[:1], x.shape)]

    with pytest.raises(GradientCheckError, match="gradient differs"):
        check_backward(Tanh, backward)


def test_a_view_that_overwrites_instead_of_adding_is_found_where_others_add_too():
    pc = ParameterCollection(np.float64)
    w = pc.add_parameters((4,))

    def overwrite(self, ctx, dx, dy):
        dx[self._place()] = dy

    op = variant(Op.registry["PickRange"], add_gradient=overwrite)
    op.stop = 2

    def loss(graph):
        x = leaf(graph, ParameterLeaf(w), True)
        return sum_elems(apply(op, x)) + sum_elems(square(x))

    with pytest.raises(GradientCheckError, match="/_0: gradient differs"):
        check_parameters(pc, loss)


def scaled_in_place(self, ctx, dy, y, x):
    dy *= 1 - y * y
    return [dy]


def from_a_spoilt_value(self, ctx, dy, y, x):
    y *= y
    return [dy * (1 - y)]


def from_a_spoilt_argument(self, ctx, dy, y, x):
    np.tanh(x, out=x)
    return [dy * (1 - x * x)]


def forward_in_place(self, ctx, x):
    return np.tanh(x, out=x)


@pytest.mark.parametrize(
    "methods",
    [
        {"backward": scaled_in_place},
        {"backward": from_a_spoilt_value},
        {"backward": from_a_spoilt_argument},
        {"forward": forward_in_place},
    ],
)
def test_writing_into_what_is_only_to_be_read_is_found(methods):
    op = variant(Tanh, **methods)
    with pytest.raises(GradientCheckError, match="wrong_tanh: forward or backward wrote into"):
        check_sample(Sample(op, (((3,), 1),)))


def test_a_gradient_that_is_zero_throughout_is_refused():
    right_but_vacuous = Sample(Rectify(), (((3,), 1),), low=-2, high=-1)
    with pytest.raises(GradientCheckError, match="rectify: the gradient is zero throughout"):
        check_sample(right_but_vacuous)


def two_layers() -> tuple[ParameterCollection, object]:
    pc = ParameterCollection(np.float64)
    w, table = pc.add_parameters((2, 3)), pc.add_lookup_parameters(4, (3,))

    def loss(graph, factor: float = 1.0):
        h = tanh(matmul(leaf(graph, ParameterLeaf(w), True), lookup(graph, table, 2)))
        return sum_elems(square(h)) * factor

    return pc, loss


def test_parameters_and_tables_pass_and_are_left_as_they_were():
    pc, loss = two_layers()
    pc.parameters[0].add_gradient(np.ones((3, 2)))  # of before: not to be counted
    before: list[Array] = [pc.parameters[0].value.copy(), pc.lookups[0].value.copy()]
    assert check_parameters(pc, loss) < 1e-7
    assert (pc.parameters[0].value == before[0]).all()
    assert (pc.lookups[0].value == before[1]).all()


def test_a_wrong_parameter_gradient_is_found_and_named():
    pc, loss = two_layers()
    factors = iter([1.001, *[1.0] * 1000])  # the first graph is the one that is differentiated
    with pytest.raises(GradientCheckError, match="/_0: gradient differs"):
        check_parameters(pc, lambda graph: loss(graph, next(factors)))


def test_a_parameter_that_does_not_count_is_refused():
    pc, loss = two_layers()
    pc.add_parameters((2,), name="unused")
    with pytest.raises(GradientCheckError, match="/unused: the gradient is zero throughout"):
        check_parameters(pc, loss)
