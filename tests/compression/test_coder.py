"""The arithmetic coder: what was put in comes out, at the cost of its probability."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charlm.compression.coder import Decoder, Encoder


@st.composite
def parts(draw):
    """A part of a whole: of any size, at its beginning, at its end or between."""
    total = draw(st.one_of(st.integers(1, 300), st.integers(1, 2**50)))
    start = draw(st.one_of(st.just(0), st.just(total - 1), st.integers(0, total - 1)))
    return start, draw(st.one_of(st.just(1), st.integers(1, total - start))), total


def coded(symbols):
    encoder = Encoder()
    for symbol in symbols:
        encoder.encode(*symbol)
    return encoder.finish()


def check(symbols):
    decoder = Decoder(coded(symbols))
    for start, size, total in symbols:
        assert start <= decoder.find(total) < start + size
        decoder.take(start, size)


@given(st.lists(parts(), max_size=200))
def test_symbols_come_back(symbols):
    check(symbols)


@pytest.mark.parametrize("part", [(0, 1, 3), (2, 1, 3), (254, 1, 255), (2**50 - 1, 1, 2**50)])
def test_one_part_again_and_again(part):
    """The lowest part leaves zeros at the end, the highest carries."""
    check([part] * 1000)
    check([part] * 1000 + [(0, 1, 2)] * 1000)


@given(st.lists(parts(), max_size=200))
def test_they_take_what_they_are_worth(symbols):
    bits = sum(math.log2(total / size) for _, size, total in symbols)
    spare = sum(math.log2(1 + total / 2**56) for *_, total in symbols)
    assert 8 * len(coded(symbols)) <= bits + spare + 9


def test_nothing_takes_nothing():
    assert coded([]) == b""


def test_more_symbols_than_there_are():
    decoder = Decoder(coded([(1, 1, 256)] * 10))

    def endless():
        while True:
            decoder.find(256)
            decoder.take(1, 1)

    with pytest.raises(EOFError):
        endless()
