"""``x[...]`` as DyNet has it: what is an index and what is an error, and that each is one node."""

from __future__ import annotations

import numpy as np
import pytest

from charlm.engine.ops import pick_range, pickrange, select_cols, select_rows, strided_select
from charlm.errors import CharlmError
from tests.engine.ops.measured import approximately, measure, nodes

MATRIX = np.arange(12.0).reshape(4, 3)
BATCH = np.arange(24.0).reshape(4, 3, 2)


@pytest.mark.parametrize(
    "key",
    [
        slice(1, 3),
        slice(None),
        slice(None, None, 2),
        slice(1, None, 9),
        slice(True, 3),
        (),
        (slice(0, 2),),
        (slice(None), slice(1, 2)),
        (slice(3, 4), slice(None, None, 2)),
        (slice(None), slice(None), slice(0, 1)),
    ],
)
def test_a_slice_is_numpys_and_takes_one_id(key):
    (x,) = nodes(MATRIX)
    y = x[key]
    assert y.id == x.id + 1
    expected = MATRIX[key[:2] if isinstance(key, tuple) else key]
    np.testing.assert_array_equal(y.npvalue(), expected)


@pytest.mark.parametrize("index", [0, 3, -1, -4, True])
def test_an_int_picks_along_the_first_axis_and_may_count_from_the_end(index):
    (x,) = nodes(MATRIX)
    np.testing.assert_array_equal(x[index].npvalue(), MATRIX[int(index)])
    assert x[index].id == x.id + 2


def test_the_slice_after_the_last_axis_is_the_batchs():
    (x,) = nodes(BATCH, batched=True)
    np.testing.assert_array_equal(x[:, 1:3, 1:2].npvalue(), BATCH[:, 1:3, 1])
    np.testing.assert_array_equal(x[0:2].npvalue(), BATCH[0:2])
    (v,) = nodes(BATCH[:, 0], batched=True)
    np.testing.assert_array_equal(v[1:3, ::2].npvalue(), BATCH[1:3, 0, 0])


def test_a_range_that_ends_before_it_starts_is_empty():
    (x,) = nodes(MATRIX)
    assert x[2:1].dim() == ((0, 3), 1)
    assert x[2:1].npvalue().shape == (0, 3)
    assert x[:, 2:1].dim() == ((4, 0), 1)


@pytest.mark.parametrize(
    ("key", "error"),
    [
        (slice(-2, None), ValueError),
        (slice(None, -1), ValueError),
        (slice(0, 5), ValueError),
        (slice(4, None), ValueError),
        (slice(0, 0), ValueError),
        (slice(2, 2), ValueError),
        (slice(None, None, 0), ValueError),
        (slice(None, None, -1), ValueError),
        ((slice(None), slice(None, None, -1)), IndexError),
        ((slice(None), slice(None), slice(0, 2)), ValueError),
        ((slice(None),) * 4, ValueError),
        (slice("a", 3), TypeError),
        (slice(None, None, [1]), TypeError),
        (4, IndexError),
        (-5, IndexError),
        (1.0, AssertionError),
        (None, AssertionError),
        ([1], AssertionError),
        (np.int64(1), AssertionError),
        ((1, slice(None)), AssertionError),
    ],
)
def test_what_is_no_index_is_refused_and_leaves_no_node(key, error):
    (x,) = nodes(MATRIX)
    with pytest.raises(error) as caught:
        x[key]
    assert isinstance(caught.value, CharlmError)
    assert len(x.graph) == 1
    assert x.graph.next_id == 1


def test_an_empty_batch_is_refused():
    (x,) = nodes(np.zeros((2, 3)), batched=True)
    with pytest.raises(ValueError, match="a batch cannot be empty"):
        x[:, 2:1]


def test_short_lists_of_strided_select_leave_the_other_axes_whole():
    (x,) = nodes(MATRIX)
    for lists, expected in (
        (([1, 2], [0, 0], [2, 3]), MATRIX[0:2, ::2]),
        (([2], [], []), MATRIX[::2]),
        (([], [1, 1], []), MATRIX[1:, 1:]),
        (([], [], [2, 2]), MATRIX[:2, :2]),
        (([], [], []), MATRIX),
    ):
        y = strided_select(x, *lists)
        np.testing.assert_array_equal(y.npvalue(), expected)
    with pytest.raises(ValueError, match="4 slices"):
        strided_select(x, [1, 1, 1, 1], [], [])


def test_rows_and_columns_may_be_repeated_and_their_gradients_add_up():
    approximately(
        measure(lambda x: select_rows(x, [1, 0, 1]), [[1, 2, 3], [4, 5, 6]]),
        [[[4, 5, 6], [1, 2, 3], [4, 5, 6]], [[2, 5, 8], [4, 10, 16]]],
    )
    approximately(
        measure(lambda x: select_cols(x, [2, 0]), [[1, 2, 3], [4, 5, 6]]),
        [[[3, 1], [6, 4]], [[3, 0, 1], [4, 0, 2]]],
    )


def test_no_rows_and_no_columns_are_an_empty_matrix():
    (x,) = nodes(MATRIX)
    assert select_rows(x, []).npvalue().shape == (0, 3)
    assert select_cols(x, []).npvalue().shape == (4, 0)


@pytest.mark.parametrize(
    "call",
    [
        lambda x: select_rows(x, [-1]),
        lambda x: select_cols(x, [0, -1]),
        lambda x: pickrange(x, -1, 3),
        lambda x: pick_range(x, 0, 1, d=-1),
    ],
)
def test_a_negative_number_is_an_overflow_error(call):
    with pytest.raises(OverflowError, match="0 or more"):
        call(*nodes(MATRIX))


def test_pickrange_is_pick_range_along_the_first_axis():
    (x,) = nodes(MATRIX)
    np.testing.assert_array_equal(pickrange(x, s=1, e=3).npvalue(), MATRIX[1:3])
    np.testing.assert_array_equal(pick_range(x, 1, 3, d=1).npvalue(), MATRIX[:, 1:3])
    np.testing.assert_array_equal(pick_range(x, 1.9, 3).npvalue(), MATRIX[1:3])
    with pytest.raises(ValueError, match="2:1 is not a range"):
        pickrange(x, 2, 1)
