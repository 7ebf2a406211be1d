"""Defining a class is what makes an op: what is refused then, and what an op can say about itself."""

from __future__ import annotations

import numpy as np
import pytest

from charlm.engine.arrays import Array, Shape
from charlm.engine.op import Context, Op, Sample
from charlm.engine.ops.arithmetic import CMult
from charlm.errors import EvaluationError, ShapeError


@pytest.fixture(autouse=True)
def _same_registry_afterwards(monkeypatch):
    monkeypatch.setattr(Op, "registry", dict(Op.registry))


class Rule(Op, abstract=True):
    """y = x, as far as shapes go."""

    def shape(self, x: Shape) -> Shape:
        return x

    def forward(self, ctx: Context, x: Array) -> Array:
        return x


def one_vector(cls: type[Op]) -> list[Sample]:
    return [Sample(cls(), (((3,), 1),))]


def test_a_complete_op_is_registered():
    class Complete(Rule):
        """y = x."""

        samples = classmethod(one_vector)

    assert Op.registry["Complete"] is Complete
    assert Complete.name() == "complete"


def test_an_abstract_op_is_not_registered():
    assert "Rule" not in Op.registry


def test_an_op_without_samples_is_refused():
    with pytest.raises(TypeError, match=r"op Untried needs .* samples\(\)"):

        class Untried(Rule):
            """y = x."""

    assert "Untried" not in Op.registry


@pytest.mark.parametrize("doc", [None, "", "   "])
def test_an_op_without_formula_is_refused(doc):
    with pytest.raises(TypeError, match="op Silent needs a docstring with its formula"):
        type("Silent", (Rule,), {"samples": classmethod(one_vector), "__doc__": doc})
    assert "Silent" not in Op.registry


def test_a_second_op_of_the_same_name_is_refused():
    with pytest.raises(TypeError, match="two ops named CMult"):
        type("CMult", (Rule,), {"samples": classmethod(one_vector), "__doc__": "y = x."})
    assert Op.registry["CMult"] is CMult


def test_batch_sizes_are_equal_or_one():
    mult = CMult()
    assert mult.dim(((3,), 4), ((3,), 1)) == ((3,), 4)
    assert mult.dim(((3,), 1), ((3,), 4)) == ((3,), 4)
    assert mult.dim(((3,), 4), ((3,), 4)) == ((3,), 4)
    with pytest.raises(ShapeError, match=r"c_mult: .* equal or 1, got \(3,\) x 4, \(3,\) x 2"):
        mult.dim(((3,), 4), ((3,), 2))


def test_an_op_without_minibatches_says_so():
    class Alone(Rule):
        """y = x."""

        batches = False
        samples = classmethod(one_vector)

    assert Alone().dim(((3,), 1)) == ((3,), 1)
    with pytest.raises(
        EvaluationError, match=r"alone: is not defined on minibatches, got \(3,\) x 2"
    ):
        Alone().dim(((3,), 2))


def test_a_sample_draws_in_its_range_and_lays_values_out_as_the_engine_does():
    drawn = Sample(CMult(), (((2, 3), 4),), low=2, high=3)
    (x,) = drawn.arrays(np.float32)
    assert x.shape == (4, 3, 2)
    assert x.dtype == np.float32
    assert 2 <= x.min() < x.max() <= 3
    assert (x == drawn.arrays(np.float32)[0]).all()
    assert (x != drawn.arrays(np.float32, seed=1)[0]).any()
    (given,) = Sample(CMult(), (((2, 2), 1),), values=([1, 2, 3, 4],)).arrays()
    assert given.tolist() == [[[1, 2], [3, 4]]]
