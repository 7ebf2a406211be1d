"""Lists with one member or none, ties, overflow and infinities. The numbers are DyNet's where nothing else is said."""

from __future__ import annotations

import numpy as np
import pytest

from charlm.engine.graph import ComputationGraph
from charlm.engine.ops import (
    average,
    emax,
    input_tensor,
    logsumexp,
    logsumexp_dim,
    sum_batches,
    sum_elems,
)
from tests.engine.ops.measured import approximately, measure, nodes

X, Y = [1, -2, 3], [0.5, 0.25, -1]
INF = float("inf")


def of_list(function):
    return lambda *xs: function([*xs])


def mixed():
    """Return a vector and a batch of two, in one graph."""
    graph = ComputationGraph()
    return input_tensor(graph, X), input_tensor(graph, [[1, 4], [2, -1], [3, 0.5]], batched=True)


def test_one_member_is_itself():
    for function in (average, emax, logsumexp):
        approximately(measure(of_list(function), X), [X, [1, 2, 3]])


def test_of_equals_the_earlier_gets_the_gradient_of_emax():
    assert measure(of_list(emax), [1, 1], [1, 1]) == [[1, 1], [1, 2], [0, 0]]
    assert measure(of_list(emax), X, Y, X) == [[1, 0.25, 3], [1, 0, 3], [0, 2, 0], [0, 0, 0]]


@pytest.mark.parametrize("count", [1, 2, 5])
def test_emax_has_as_many_nodes_as_members_and_the_others_one(count):
    xs = nodes(*[X] * count)
    assert emax(xs).id == count - 1 + count
    assert average(xs).id == 2 * count
    assert logsumexp(xs).id == 2 * count + 1


def test_what_is_batched_with_what_is_not():
    for order in (1, -1):
        members = [*mixed()][::order]
        assert average(members).npvalue().tolist() == [[1, 2.5], [0, -1.5], [3, 1.75]]
        expected = [[1.6931472, 4.0485873], [2.0181499, -0.6867384], [3.6931472, 3.0788898]]
        np.testing.assert_allclose(logsumexp(members).npvalue(), expected, rtol=1e-6)
        with pytest.raises(ValueError, match="equal shapes are needed"):
            emax(members)


def test_the_gradient_of_an_average_is_summed_over_a_batch_that_one_member_does_not_have():
    for order in (1, -1):
        single, batch = mixed()
        sum_batches(sum_elems(average([single, batch][::order]))).backward(full=True)
        assert single.gradient().tolist() == [1, 1, 1]
        assert batch.gradient().tolist() == [[0.5, 0.5]] * 3


def test_a_number_is_averaged_as_often_as_it_is_given():
    found = measure(lambda x, y: average([x, x, y]), X, Y)
    approximately(found, [[0.8333334, -1.25, 1.6666667], [2 / 3, 4 / 3, 2], [1 / 3, 2 / 3, 1]])


def test_logsumexp_drops_trailing_ones():
    column = [[1], [2], [3]]
    for members in ((X, column), (column, X), (column,), (column, column)):
        assert logsumexp(nodes(*members)).dim() == ((3,), 1)
    assert logsumexp(nodes([[1]])).dim() == ((1,), 1)
    assert logsumexp(nodes([[1, 2, 3]])).dim() == ((1, 3), 1)


def test_large_numbers_do_not_overflow():
    approximately(measure(of_list(logsumexp), [800], [1000]), [[1000], [0], [1]])
    approximately(measure(logsumexp_dim, [800, 1000]), [[1000], [0, 1]])


def test_nothing_but_minus_infinity_adds_up_to_it_where_dynet_has_nan():
    assert measure(of_list(logsumexp), [-INF], [-INF]) == [[-INF], [0], [0]]
    assert measure(logsumexp_dim, [-INF, -INF]) == [[-INF], [0, 0]]
    assert measure(logsumexp_dim, [-INF, 2]) == [[2], [0, 1]]


def test_logsumexp_over_rows_of_one_number_where_dynet_has_garbage():
    column = [[1], [2], [3]]
    assert measure(lambda x: logsumexp_dim(x, d=1), column) == [[1, 2, 3], column]


@pytest.mark.parametrize("function", [average, emax, logsumexp])
@pytest.mark.parametrize(
    ("members", "error"),
    [
        ([], AssertionError),
        ([None], AssertionError),
        ([3], TypeError),
        ((), TypeError),
    ],
)
def test_what_a_list_function_refuses(function, members, error):
    with pytest.raises(error):
        function(members)
