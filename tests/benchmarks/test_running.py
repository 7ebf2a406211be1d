"""Contenders as processes: what they do is real, on models so small that it takes a second."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from benchmarks.grid import Row, Size
from benchmarks.running import take_turns

JOB = Row("lstm", Size(1, 8, 2, 5, 7)).job(threads=1, kernels="numpy", length=10)


def test_contenders_take_as_many_turns_each():
    found = take_turns(
        {"step": ("charlm", "step", JOB), "sample": ("charlm", "sample", JOB)}, seconds=0.0
    )
    assert {name: len(timed.turns) for name, timed in found.items()} == {"step": 3, "sample": 3}
    step = found["step"]
    assert step.median > 0
    assert len(step.each) == 3
    assert step.facts["gflop"] == pytest.approx(1e-9 * 6 * (4 * 8 * 8 * (10 + 7) + 10 * 7 * 8))
    assert step.facts["peak_mb"] >= step.facts["added_mb"]


@pytest.mark.parametrize(("system", "task"), [("torch", "sample_by_cells"), ("dynet", "step")])
def test_the_others_do_the_same_work(system, task):
    if not find_spec(system):  # importing DyNet would change the arithmetic of this process
        pytest.skip("is of the extra oracles")
    found = take_turns({system: (system, task, JOB)}, seconds=0.0)
    assert found[system].median > 0


def test_a_contender_that_fails_is_named():
    with pytest.raises(RuntimeError, match=r"benchmarks\.worker charlm nosuch"):
        take_turns({"charlm": ("charlm", "nosuch", JOB)}, seconds=0.0)
