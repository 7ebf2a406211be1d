"""Copied spans and new k-grams, against a search that tries everything."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from charlm.text.novelty import SIZES, novelty
from charlm.text.vocab import code_points

WORDS = st.text("ab\u00e9", max_size=40)


def longest(text, source):
    sizes = range(len(text), 0, -1)
    for size in sizes:
        for at in range(len(text) - size + 1):
            if text[at : at + size] in source:
                return size, at, source.index(text[at : at + size])
    return 0, 0, 0


@given(WORDS, WORDS.filter(len), WORDS.filter(len))
def test_they_are_what_trying_everything_finds(source, first, second):
    found = novelty(code_points(source), [code_points(first), code_points(second)])
    for text, one in zip((first, second), found, strict=True):
        assert one.characters == len(text)
        assert one.longest == longest(text, source)
        for size in SIZES:
            grams = [text[i : i + size] for i in range(len(text) - size + 1)]
            assert (size in one.new) == bool(grams)
            if grams:
                assert np.isclose(one.new[size], sum(g not in source for g in grams) / len(grams))


def test_a_copy_of_the_whole_is_found():
    rng = np.random.default_rng(0)
    source = rng.integers(0, 60, 30_000).astype(np.uint8)
    text = np.concatenate([rng.integers(100, 120, 500).astype(np.uint8), source[7_000:9_000]])
    (found,) = novelty(source, [text])
    assert found.longest == (2000, 500, 7000)
    assert np.isclose(found.new[3], 1 - 1998 / 2498)
