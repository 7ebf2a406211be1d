"""Text records of parameters: layout, round trips through hypothesis, and files that are cut or edited."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from charlm.dynet.records import RecordFile, fill, record_text, write_records
from charlm.engine.parameters import LookupParameter, ParameterCollection
from charlm.errors import MissingModelFileError, ModelFileError, ModelKeyError, OutputError

TEXT = """\
#Parameter# /W {2,2} 130 FULL_GRAD
+1.00000000e+00 -2.00000000e+00 +3.00000000e+00 +4.00000000e+00 \n\
+0.00000000e+00 +5.00000000e-01 +0.00000000e+00 -2.50000000e-01 \n\
#Parameter# /b {1} 17 ZERO_GRAD
+1.00000000e+10 \n\
#LookupParameter# /E {2,3} 97 ZERO_GRAD
+0.00000000e+00 +1.00000000e+00 +2.00000000e+00 +3.00000000e+00 +4.00000000e+00 +5.00000000e+00 \n"""

SHAPES = st.lists(st.integers(1, 4), min_size=1, max_size=3).map(tuple)
# numbers below the smallest normal one are written as zero, as DyNet does
NUMBERS = st.floats(width=32, allow_nan=False, allow_subnormal=False)


@st.composite
def collections(draw):
    pc = ParameterCollection()
    for lookup, dims in draw(st.lists(st.tuples(st.booleans(), SHAPES), max_size=4)):
        stored = (
            pc.add_lookup_parameters(dims[-1], dims[:-1]) if lookup else pc.add_parameters(dims)
        )
        numbers = draw(st.lists(NUMBERS, min_size=2 * stored.size, max_size=2 * stored.size))
        values, gradient = np.array(numbers, np.float32).reshape(2, *stored.value.shape)
        (stored.value if lookup else stored.write())[...] = values
        if draw(st.booleans()):
            if lookup:
                stored.gradient[...] = gradient
                stored.touched[:] = gradient.reshape(stored.rows, -1).any(axis=1)
            else:
                stored.add_gradient(gradient)
    return pc


def everything(pc):
    return [*pc.parameters, *pc.lookups]


def like(pc):
    """A collection of the same shapes."""
    other = ParameterCollection()
    for p in pc.parameters:
        other.add_parameters(p.dims)
    for t in pc.lookups:
        other.add_lookup_parameters(t.rows, t.dims)
    return other


def filled(path):
    """The collection that TEXT fits, filled from a file."""
    pc = ParameterCollection()
    pc.add_parameters((2, 2))
    pc.add_parameters((1,))
    pc.add_lookup_parameters(3, (2,))
    RecordFile.read(path).fill(pc)
    return pc


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "model"
    path.write_bytes(TEXT.encode())
    return path


def test_numbers_are_column_major_and_rows_last(file, tmp_path):
    pc = filled(file)
    W, b = pc.parameters
    assert W.value.T.tolist() == [[1, 3], [-2, 4]]
    assert W.gradient.T.tolist() == [[0, 0], [0.5, -0.25]]
    assert W.has_gradient
    assert not b.has_gradient
    assert pc.lookups[0].value.tolist() == [[0, 1], [2, 3], [4, 5]]
    names = ["/W", "/b", "/E"]
    write_records(tmp_path / "again", zip(everything(pc), names, strict=True))
    assert (tmp_path / "again").read_text() == TEXT


@given(collections())
def test_round_trip(tmp_path_factory, pc):
    path = tmp_path_factory.mktemp("io") / "model"
    write_records(path, [(p, p.name) for p in everything(pc)])
    other = like(pc)
    RecordFile.read(path).fill(other)
    for p, q in zip(everything(pc), everything(other), strict=True):
        assert p.value.tobytes() == q.value.tobytes()
        assert p.gradient.tolist() == q.gradient.tolist()
        if isinstance(p, LookupParameter):
            assert p.touched.tolist() == q.touched.tolist()


def test_the_largest_number_is_read_again(tmp_path):
    """Its nine digits are more than the number itself."""
    p = ParameterCollection().add_parameters((1,))
    p.write()[...] = largest = np.finfo(np.float32).max
    write_records(tmp_path / "model", [(p, "/p")])
    fill(p, RecordFile.read(tmp_path / "model").find("/p", lookup=False))
    assert p.value[0] == largest


@given(collections())
def test_the_header_counts_the_bytes(pc):
    for p in everything(pc):
        if np.isfinite(p.value).all() and np.isfinite(p.gradient).all():
            header, rest = record_text(p, "/x").split("\n", 1)
            assert int(header.split()[3]) == len(rest)


def test_what_float32_cannot_hold_apart():
    pc = ParameterCollection()
    p = pc.add_parameters((5,))
    p.write()[...] = [1e-39, -1e-39, math.inf, -math.inf, math.nan]
    line = record_text(p, "/p").split("\n")[1]
    assert line == "+0.00000000e+00 -0.00000000e+00 +inf -inf +nan "


def test_numbers_that_are_none_are_read(tmp_path):
    path = tmp_path / "model"
    path.write_text("#Parameter# /p {3} 49 ZERO_GRAD\n+inf +nan -inf \n")
    (record,) = RecordFile.read(path).records
    np.testing.assert_array_equal(record.values, [math.inf, math.nan, -math.inf])


@pytest.mark.parametrize("end", range(len(TEXT)))
def test_a_file_cut_anywhere(end, file):
    file.write_text(TEXT[:end])
    with pytest.raises(ModelFileError, match=re.escape(str(file))):
        filled(file)


@given(st.integers(0, len(TEXT) - 1), st.binary(max_size=3))
def test_an_edited_file_is_read_or_refused(tmp_path_factory, at, new):
    path = tmp_path_factory.mktemp("io") / "model"
    path.write_bytes(TEXT[:at].encode() + new + TEXT[at + 1 :].encode())
    try:
        filled(path)
    except ModelFileError as error:
        assert str(path) in str(error)  # noqa: PT017 - it need not raise


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("#Parameter# /b", "#Parametre# /b", r":4: '#Parametre# /b .* is not a complete header"),
        ("{1}", "{-1}", r":4: .* is not a complete header"),
        ("ZERO_GRAD\n+1", "ZERO_GRAD \n+1", r":4: .* is not a complete header"),
        ("130", "131", r":1: shape \{2,2\} with FULL_GRAD takes 130 bytes, but the header says 131"),
        ("130 FULL", "130 ZERO", r":1: .* takes 65 bytes"),
        ("+3.00000000e+00 +4.00000000e+00 \n+0", "+3.00000000e+00 \n+0", r":2: .* 4 numbers .* got 3"),
        ("-2.5", "0x2", r":3:49: '0x20000000e-01' is not a float32 number"),
        ("+1.00000000e+10", "+1.00000000e+99", r":5:1: '.*e\+99' is not a float32 number"),
        ("{2,3} 97", "{3,2} 97", r":6: /E has shape \{3,2\} in the file, but /_2 in the program has \{2,3\}"),
        ("/b", "/é\udcff", r"byte \d+ is not UTF-8"),
        ("#Parameter# /b", "#LookupParameter# /b", r"1 parameters and 2 lookup parameters, but .* 2 and 1"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(old, new, says, file):
    assert TEXT.count(old) >= 1
    file.write_bytes(TEXT.replace(old, new, 1).encode(errors="surrogateescape"))
    with pytest.raises(ModelFileError, match=says):
        filled(file)


def test_a_huge_shape_asks_for_no_memory(file):
    file.write_text("#Parameter# /W {1000000000,1000000000} 16000000000000000001 ZERO_GRAD\n+1 \n")
    with pytest.raises(ModelFileError, match=r":2: a complete line of 1000000000000000000 numbers"):
        RecordFile.read(file)


def test_a_collection_that_does_not_fit_stays_as_it_is(file):
    file.write_text(TEXT.replace("{2,3}", "{3,2}"))
    pc = ParameterCollection()
    stored = [pc.add_parameters((2, 2)), pc.add_parameters((1,)), pc.add_lookup_parameters(3, (2,))]
    before = [p.value.copy() for p in stored]
    with pytest.raises(ModelFileError):
        RecordFile.read(file).fill(pc)
    for p, value in zip(stored, before, strict=True):
        assert (p.value == value).all()


def test_filling_clears_an_old_gradient(file):
    pc = ParameterCollection()
    b = pc.add_parameters((1,))
    b.add_gradient(np.ones(1, np.float32))
    fill(b, RecordFile.read(file).find("/b", lookup=False))
    assert not b.has_gradient
    assert b.gradient.tolist() == [0]


def test_append(file, tmp_path):
    pc = filled(file)
    path = tmp_path / "grown"
    for p, name in zip(everything(pc), ["/W", "/b", "/E"], strict=True):
        write_records(path, [(p, name)], append=True)
    assert path.read_text() == TEXT


@pytest.mark.parametrize("name", ["", "a b", "a#b", "a\nb"])
def test_a_bad_key_writes_nothing(name, file, tmp_path):
    with pytest.raises(ModelKeyError, match="no blanks or '#'"):
        write_records(tmp_path / "bad", [(filled(file).parameters[0], name)])
    assert not (tmp_path / "bad").exists()


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(MissingModelFileError, match="no such file") as error:
        RecordFile.read(tmp_path / "none")
    assert isinstance(error.value, FileNotFoundError)
    with pytest.raises(ModelFileError, match="cannot be read"):
        RecordFile.read(tmp_path)
    with pytest.raises(OutputError, match="the folder does not exist"):
        write_records(tmp_path / "none" / "model", [])
