"""Windows of one, of all, and of more than there is; batches, which DyNet drops here."""

from __future__ import annotations

import numpy as np
import pytest

from charlm.engine.ops import filter1d_narrow, fold_rows, kmh_ngram
from tests.engine.ops.measured import approximately, measure, nodes


def test_folded_rows():
    approximately(
        measure(fold_rows, [[0, 1], [2, 3], [4, 5], [6, 7]]),
        [[[2, 4], [10, 12]], [[1, 3], [1, 3], [2, 4], [2, 4]]],
    )
    approximately(measure(fold_rows, [1, 2, 3, 4]), [[[3], [7]], [1, 1, 2, 2]])
    assert fold_rows(*nodes([[1, 2], [3, 4]]), nrows=1).value().tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(("rows", "error"), [(0, ValueError), (3, ValueError), (-1, OverflowError)])
def test_rows_must_divide(rows, error):
    with pytest.raises(error):
        fold_rows(*nodes([[1, 2], [3, 4]]), rows)


def test_ngrams():
    approximately(
        measure(lambda x: kmh_ngram(x, 2), [[3, 1, 2, 0], [4, 6, 5, 1]]),
        [[[4, 3, 2], [10, 11, 6]], [[1, 4, 8, 5], [2, 6, 10, 6]]],
    )
    x = [[3, 1, 2, 0], [4, 6, 5, 1]]
    assert kmh_ngram(*nodes(x), 4).value().tolist() == [[6], [16]]
    assert kmh_ngram(*nodes(x), 1).value().tolist() == x
    with pytest.raises(OverflowError):
        kmh_ngram(*nodes(x), -1)


def test_filters():
    x = np.arange(1.0, 9.0).reshape(2, 4)
    two = np.arange(8.0).reshape(2, 2, 2)
    approximately(
        measure(filter1d_narrow, x, two),
        [
            [[60, 72, 84], [74, 90, 106]],
            [[2, 12, 24, 28], [14, 52, 96, 72]],
            [[[22, 28], [31, 40]], [[58, 76], [67, 88]]],
        ],
    )
    approximately(
        measure(filter1d_narrow, x, [[1, 0], [0, 1]]),
        [[[7, 9, 11]], [[1, 2, 3, 0], [0, 1, 2, 3]], [[14, 20], [38, 44]]],
    )
