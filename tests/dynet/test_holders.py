"""The boxes for numbers, and what ``from dynet import *`` brings besides DyNet's own names."""

from __future__ import annotations

import numpy
import pytest

import charlm.dynet as dy


def filled(dy, kind: str, *steps) -> list:
    """Return what a holder has after each step, or the exception that a step raises."""
    found, held = [], None
    for step in steps:
        try:
            if held is None:
                held = getattr(dy, kind)(*step)
            else:
                held.set(*step)
            found += [held.get(), held.size() if kind.endswith("VectorValue") else 1]
        except Exception as error:
            found.append(next(t for t in (TypeError, OverflowError) if isinstance(error, t)))
    return found


PROGRAMS = [
    ("FloatValue", (), (0.1,), ([1],), ("x",), (-2,)),
    ("UnsignedValue", (3,), (1.7,), (-1,), ([1],), (0,)),
    ("FloatVectorValue", ([1, 2.5],), ([0.1],), ([],), ([1, 2, 3],), (2,), (["x"],)),
    ("UnsignedVectorValue", ([1, 2],), ([7],), ([3, 4, 5],), ([-1],), (2,)),
    ("FloatVectorValue", (2,)),
]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p[0])
def test_holders_are_dynets(program, oracle):
    assert filled(dy, *program) == filled(oracle, *program)


def test_what_they_hold():
    assert filled(dy, "FloatValue", (), (0.5,)) == [0.0, 1, 0.5, 1]
    assert filled(dy, "UnsignedVectorValue", ([1, 2],), ([7],)) == [[1, 2], 2, [7], 1]


def test_a_star_import_brings_the_modules_that_dynets_brings():
    names: dict = {}
    exec("from charlm.dynet import *", names)
    assert names["np"] is numpy
    assert {"os", "pickle", "print_function", "sys"} <= set(names)
    assert dy.HAVE_CUDA is False
    assert "GPU" in dy.ERRMSG
