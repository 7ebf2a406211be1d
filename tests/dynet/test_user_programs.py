"""Programs as DyNet's users write them, from the same seed on both: nothing is copied over.

DyNet's own results depend on how it orders float32 sums: with autobatching and without, its losses differ. charlm may
be three times as far from DyNet as DyNet is from itself, or ``FLOOR`` of the loss where that is more.
``python -m tests.dynet.user_programs`` stores DyNet's losses.
"""

from __future__ import annotations

import json
from importlib.util import find_spec

import numpy as np
import pytest

import charlm.dynet as dy
from tests.dynet.random_programs.oracle import INSTALLED
from tests.dynet.user_programs.running import NAMES, PATH, UPDATES, dynets, trained

FLOOR = 2e-6  # 17 roundings of a float32

STORED = json.loads(PATH.read_text(encoding="utf-8"))


@pytest.fixture(params=["numpy", "numba"], autouse=True)
def kernels(request, afresh):
    """Every program runs node by node, and by compiled code."""
    if not find_spec("numba") and request.param == "numba":
        pytest.skip("numba is not installed (the extra 'fast')")
    dy.init(kernels=request.param)


def check(name, losses, record_property):
    ours, plain, batched = (np.array(x) for x in (trained(dy, name), *losses))
    assert ours.shape == plain.shape == batched.shape == (UPDATES + 1,)
    assert ours[0] == pytest.approx(plain[0], rel=1e-5)
    spread = np.maximum.accumulate(abs(batched - plain))
    difference = abs(ours - plain)
    record_property("largest difference from DyNet, relative", float((difference / plain).max()))
    record_property("largest difference of DyNet from itself", float((spread / plain).max()))
    assert (difference <= 3 * np.maximum(spread, FLOOR * abs(plain))).all()


@pytest.mark.parametrize("name", NAMES)
def test_dynets_stored_losses(name, record_property):
    check(name, STORED[name], record_property)


@pytest.fixture(scope="module")
def fresh():
    if not INSTALLED:
        pytest.skip("DyNet is not installed (the extra 'oracles', Python 3.11 on Linux)")
    return dynets()


@pytest.mark.parametrize("name", NAMES)
def test_dynets_losses(name, fresh, record_property):
    check(name, fresh[name], record_property)


@pytest.mark.parametrize("name", NAMES)
def test_the_program_learns_something(name):
    """Losses of equal examples would say nothing if no update changed them."""
    losses = trained(dy, name)
    assert len(set(losses)) == len(losses)
