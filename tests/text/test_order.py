"""Sorted lines are found, whatever sorted them, and other lines are not called so."""

from __future__ import annotations

import random

import pytest

from charlm.config import DataConfig
from charlm.text.order import FEWEST, LOOKED_AT, lines_of, order_of
from charlm.text.preparing import corpus_of
from charlm.text.vocab import Vocab

RANDOM = random.Random(7)
SYLLABLES = [
    "an",
    "Bo",
    "de",
    "el",
    "Fa",
    "gu",
    "ho",
    "Im",
    "jo",
    "Ka",
    "la",
    "mé",
    "no",
    "Zu",
    "-",
    " ",
]
NAMES = [
    "".join(RANDOM.choices(SYLLABLES, k=RANDOM.randint(2, 6))).strip() or "x" for _ in range(3000)
]


def dictionary(name):
    return [c for c in name.casefold().replace("é", "e") if c.isalnum()]


@pytest.mark.parametrize("size", [30, LOOKED_AT, 3000])
@pytest.mark.parametrize("key", [str, str.casefold, dictionary], ids=["C", "case", "dictionary"])
def test_sorted_lists_are_found_in_either_direction(size, key):
    names = sorted(NAMES[:size], key=key)
    assert order_of(names) == "sorted"
    assert order_of(names[::-1]) == "sorted from the last to the first"
    few_out_of_place = names.copy()
    for place in range(5, size, 40):
        few_out_of_place[place] = "Q"
    assert order_of(few_out_of_place) == "sorted"


def test_numbers_and_repeated_lines_are_sorted_too():
    assert order_of([str(n) for n in range(1, 2000)]) == "sorted"
    assert order_of([name for name in sorted(NAMES[:40]) for _ in range(9)]) == "sorted"


@pytest.mark.parametrize("lines", [[], ["a"], ["a", "b"], ["b", "a"], ["a"] * 50, ["a", "b"] * 30])
def test_what_has_no_order_has_none(lines):
    assert order_of(lines) == ""


def test_random_lists_and_prose_are_not_sorted():
    assert order_of(NAMES) == ""
    assert order_of(NAMES[:40]) == ""
    prose = "the cat sat on the mat and the rat sat on the cat so it was and is"
    assert order_of(prose.split()) == ""
    assert order_of(sorted(NAMES)[: FEWEST - 1]) == ""


def test_the_lines_that_are_looked_at_are_the_text_s():
    vocab = Vocab.from_alphabet("ab", eos=True)
    ids = vocab.encode("a\n\n\nab\nb", lines=True)
    assert lines_of(ids, vocab) == ["a", "ab", "b"]
    assert lines_of(ids[:0], vocab) == []
    many = vocab.encode("a\n" * 5000 + "b\n" * 5000, lines=True)
    assert lines_of(many, vocab) == ["a"] * (LOOKED_AT // 2) + ["b"] * (LOOKED_AT // 2)


def said(path, **settings):
    data = DataConfig(**{"text": str(path), "framing": "lines", "alphabet": None, **settings})
    return [notice for notice in corpus_of(data).notices if "sorted" in notice]


@pytest.mark.parametrize("settings", [{}, {"encoding": "bytes"}])
def test_what_is_done_about_it_is_said(tmp_path, settings):
    path = tmp_path / "my names.txt"
    path.write_text("".join(f"{name}\n" for name in sorted(NAMES[:300])), "utf-8")
    assert said(path, **settings) == [
        "the lines are sorted: they were shuffled before the held-out ones were chosen, and are shuffled again for "
        "each pass (data.shuffle)"
    ]
    (notice,) = said(path, **settings, shuffle=False)
    assert notice.endswith("--set data.shuffle=true shuffles them")
    assert said(path, **settings, framing="stream") == []
