"""Initial values from a text file."""

from __future__ import annotations

import numpy as np
import pytest

from charlm.dynet.initializers import FromFile
from charlm.engine.random import NumpyStream
from charlm.errors import ShapeError


def test_from_file_reads_the_first_axis_fastest(tmp_path):
    path = tmp_path / "numbers.txt"
    path.write_text("1 2\n3 4 5e0\t6\n", encoding="utf-8")
    value = FromFile(path)((2, 3), NumpyStream(0), np.float32)
    assert value.T.tolist() == [[1, 3, 5], [2, 4, 6]]
    with pytest.raises(ShapeError, match=r"has 6 numbers, a parameter of shape \(2, 2\) needs 4"):
        FromFile(path)((2, 2), NumpyStream(0), np.float32)


def test_from_file_says_what_it_cannot_read(tmp_path):
    path = tmp_path / "numbers.txt"
    with pytest.raises(ShapeError, match=r"numbers\.txt: cannot read initial values"):
        FromFile(path)((2,), NumpyStream(0), np.float32)
    path.write_text("1 two", encoding="utf-8")
    with pytest.raises(ShapeError, match=r"numbers\.txt: cannot read initial values: .*two"):
        FromFile(path)((2,), NumpyStream(0), np.float32)
    path.write_bytes(b"\xff\xfe1")
    with pytest.raises(ShapeError, match=r"numbers\.txt: cannot read initial values"):
        FromFile(path)((2,), NumpyStream(0), np.float32)
