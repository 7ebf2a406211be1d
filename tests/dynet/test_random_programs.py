"""Random programs give DyNet's ids, shapes, values, gradients, updates and exceptions.

``python -m tests.dynet.random_programs`` compares more of them; with ``--store`` it asks DyNet for the stored numbers.
"""

from __future__ import annotations

import types

import pytest

import charlm.dynet as dy
from tests.dynet.random_programs import catalogue, rnns, stored, trainers
from tests.dynet.random_programs.checking import KINDS, Count
from tests.dynet.random_programs.oracle import INSTALLED, Oracle
from tests.dynet.random_programs.running import run

STORED = stored.read()
FRESH = 150  # programs of each kind
FIRST_SEED = 10_000  # the stored ones begin at 0


EXECUTORS = pytest.mark.parametrize("kernels", ["numpy", "auto"], ids=["numpy", "compiled"])


@EXECUTORS
@pytest.mark.parametrize(("name", "program", "notes"), STORED, ids=[name for name, *_ in STORED])
def test_a_stored_program(name, program, notes, kernels):
    agreed = Count(kernels)
    agreed.check(program, lambda _: notes)
    assert agreed.programs == 1


@pytest.fixture(scope="module")
def dynet():
    if not INSTALLED:
        pytest.skip("DyNet is not installed (the extra 'oracles', Python 3.11 on Linux)")
    oracle = Oracle()
    yield lambda program: oracle(run, program)
    oracle.close()


@EXECUTORS
@pytest.mark.parametrize("kind", KINDS)
def test_fresh_programs(kind, dynet, kernels, record_property):
    agreed = Count(kernels)
    for seed in range(FIRST_SEED, FIRST_SEED + FRESH):
        agreed.check(KINDS[kind](seed), dynet)
    assert agreed.programs + agreed.undetermined == FRESH
    assert agreed.undetermined <= FRESH / 100
    record_property("results compared", agreed.notes)
    record_property("largest difference, of what is tolerated", agreed.largest.size)


def test_the_stored_programs_use_everything():
    text = "\n".join(line for _, program, _ in STORED for line in program)
    operators = {"operators", "sum", "difference", "product", "index"}
    names = {*catalogue.CATALOGUE} - operators | {*trainers.TRAINERS}
    names |= {kind.builder for kind in rnns.KINDS if kind.there()}
    assert {name for name in names if f"dy.{name}(" not in text} == set()


def test_programs_depend_on_nothing_but_their_seed():
    for kind, make in KINDS.items():
        assert make(3) == make(3) != make(4), kind


@pytest.fixture
def wrong():
    """charlm.dynet with one mistake in it."""
    module = types.SimpleNamespace(**{name: getattr(dy, name) for name in dy.__all__})
    module.sqrt = lambda x: dy.sqrt(x) * 1.001
    return module


def test_a_difference_is_found_and_shown_in_few_lines(wrong):
    for seed in range(60):
        program = KINDS["graph"](seed)
        if any("dy.sqrt(" in line for line in program):
            break
    with pytest.raises(AssertionError, match="charlm and DyNet differ in") as found:
        Count().check(program, lambda program: run(dy, program), wrong)
    shown = str(found.value).splitlines()
    assert any("dy.sqrt(" in line for line in shown)
    assert len(shown) < len(program) / 2
