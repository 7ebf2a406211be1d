"""What holds for every op, on the samples it brings along. A new op needs no new test here."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace

import numpy as np
import pytest

import charlm.engine
from charlm.engine.arrays import Array, array_shape, reduce_to
from charlm.engine.gradcheck import check_sample
from charlm.engine.graph import ComputationGraph
from charlm.engine.op import BadSample, Context, Op, Sample
from charlm.engine.ops.inputs import input_array
from charlm.engine.ops.matrices import OfSquare
from charlm.engine.random import NumpyStream
from charlm.errors import EvaluationError, ShapeError
from charlm.kernels import NUMPY
from charlm.kernels.reference import Product

for _module in pkgutil.walk_packages(charlm.engine.__path__, "charlm.engine."):
    importlib.import_module(_module.name)

OPS = dict(sorted(Op.registry.items()))
SAMPLES = {f"{name}-{i}": s for name, op in OPS.items() for i, s in enumerate(op.samples())}
BAD_SAMPLES = {f"{name}-{i}": s for name, op in OPS.items() for i, s in enumerate(op.bad_samples())}

# Nodes without arguments: their samples have no dims and nothing to differentiate.
LEAVES = {
    "Fill",
    "Input",
    "Lookup",
    "LookupLeaf",
    "LookupSequence",
    "LookupTable",
    "ParameterLeaf",
} | {
    "RandomBernoulli",
    "RandomGumbel",
    "RandomNormal",
    "RandomUniform",
}

# Ops that three batch elements side by side are not three times the op on one, and why. An op with
# a dimension rule of its own may instead refuse them, as those with a target for each element do.
BATCH_IS_THEIR_SUBJECT = {
    "ConcatenateToBatch": "makes a batch of its arguments",
    "OutputSequence": "the batch axis holds the states of a cell, the minibatch is inside",
    "PickBatchElements": "picks from the batch",
    "RecurrentStep": "the batch axis of its value holds the states of a cell",
    "StackTime": "puts the minibatch inside the sequence",
    "StatePart": "the batch axis holds the states of a cell, the minibatch is inside",
}

# Settings that have one value in the samples, and why.
ONE_VALUE = {
    "LookupRecurrence.masked": "what a mask has changed is not a row of the table",
    "RecurrentStep.id_back": "is for printing",
    "RecurrentStep.id_count": "is for printing",
    "StatePart.id_back": "is for printing",
    "VanillaLstmGates.noise": "is drawn for a batch as a whole: ops/test_lstm_gates.py",
}


def of_each(samples: dict[str, Sample] | dict[str, BadSample]):
    return pytest.mark.parametrize("sample", samples.values(), ids=samples.keys())


@dataclass(eq=False)
class Trial:
    """An op run forward and backward on its own, as the executor runs it."""

    sample: Sample
    arrays: Sequence[Array]
    stream: NumpyStream = field(default_factory=lambda: NumpyStream(4))
    dtype: type[np.floating] = np.float64

    def __post_init__(self) -> None:
        self.ctx = Context(NUMPY, self.stream, np.dtype(self.dtype), reader=self)
        with np.errstate(all="ignore"):
            self.y: Array = self.sample.op.forward(self.ctx, *self.arrays)

    def upstream(self) -> Array:
        """Return a gradient for the value in which every number counts differently."""
        return np.random.default_rng(5).uniform(0.5, 1.5, self.y.shape).astype(self.dtype)

    def back(self, dy: Array, needs: Sequence[bool] | None = None) -> list[Array | None]:
        """Return the arguments' gradients, summed down where they were broadcast."""
        op = self.sample.op
        if not self.arrays:
            return []
        if op.is_view:
            # in a graph the argument's gradient is rarely zero when a view adds its own
            start = np.random.default_rng(6).uniform(-1, 1, self.arrays[0].shape)
            dx = start.astype(self.dtype)
            op.add_gradient(self.ctx, dx, dy)
            return [dx - start.astype(self.dtype)]
        self.ctx.needs = tuple(needs or [True] * len(self.arrays))
        with np.errstate(all="ignore"):
            found = op.backward(self.ctx, dy, self.y, *self.arrays)
        made = [d.array() if isinstance(d, Product) else d for d in found]
        return [
            None if d is None else reduce_to(d, x.shape)
            for d, x in zip(made, self.arrays, strict=True)
        ]


def assert_close(found: Sequence[Array | None], expected: Sequence[Array | None], tol=1e-12):
    """Compare gradients; one that is missing is zero."""
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        if a is None or b is None:
            zero = b if a is None else a
            assert zero is None or not zero.any()
        else:
            assert a.shape == b.shape
            np.testing.assert_allclose(a, b, rtol=tol, atol=tol)


def strided(x: Array) -> Array:
    """Return the same numbers with gaps between them in memory."""
    wide = np.full((*x.shape, 2), np.nan, x.dtype)
    wide[..., 0] = x
    return wide[..., 0]


def test_every_op_has_samples_with_arguments():
    for name, op in OPS.items():
        dims = [sample.dims for sample in op.samples()]
        assert dims, f"{name} has no samples"
        if name in LEAVES:
            assert not any(dims), f"{name} is no leaf"
        else:
            assert all(dims), f"{name} has a sample without arguments; is it a leaf?"


@pytest.mark.parametrize(
    "op", [op for op in OPS.values() if is_dataclass(op)], ids=lambda op: op.name()
)
def test_every_setting_is_tried_with_two_values(op):
    for setting in fields(op):
        values = {repr(getattr(sample.op, setting.name)) for sample in op.samples()}
        assert (len(values) > 1) != (f"{op.__name__}.{setting.name}" in ONE_VALUE), setting.name


@of_each(SAMPLES)
def test_the_gradient_is_that_of_central_differences(sample):
    assert check_sample(sample) < 1e-6


@of_each(SAMPLES)
def test_float32_agrees_with_float64(sample):
    arrays = sample.arrays(np.float32)
    narrow = Trial(sample, arrays, dtype=np.float32)
    wide = Trial(sample, [x.astype(np.float64) for x in arrays])
    np.testing.assert_allclose(narrow.y, wide.y, rtol=2e-5, atol=2e-6)
    found, expected = narrow.back(narrow.upstream()), wide.back(wide.upstream())
    assert_close(found, expected, tol=1e-4)
    assert narrow.y.dtype == np.float32
    assert {d.dtype for d in found if d is not None} <= {np.dtype(np.float32)}


@pytest.mark.parametrize("factor", [0, 40, 1000])
@of_each({name: sample for name, sample in SAMPLES.items() if sample.dims})
def test_float32_is_finite_where_float64_is(sample, factor):
    """An exponential that is not shifted overflows at 89, a gate that is full or empty divides by 0."""
    if isinstance(sample.op, OfSquare):
        factor = factor or 1  # a matrix of zeros has no inverse
    arrays = [x * np.float32(factor) for x in sample.arrays(np.float32)]
    narrow = Trial(sample, arrays, dtype=np.float32)
    wide = Trial(sample, [x.astype(np.float64) for x in arrays])
    found = [narrow.y, *narrow.back(narrow.upstream())]
    for x, exact in zip(found, [wide.y, *wide.back(wide.upstream())], strict=True):
        if x is not None and exact is not None:
            representable = np.abs(exact) < 1e38
            assert np.isfinite(x[representable]).all()


@of_each(SAMPLES)
def test_the_value_has_the_declared_dimension(sample):
    trial = Trial(sample, sample.arrays())
    declared = array_shape(sample.op.dim(*sample.dims))
    assert trial.y.shape == declared
    found = trial.back(trial.upstream())
    for gradient, dim in zip(found, sample.dims, strict=True):
        assert gradient is None or gradient.shape == array_shape(dim)


@of_each(SAMPLES)
def test_nothing_that_is_read_is_written_to(sample):
    trial = Trial(sample, arrays := sample.arrays())
    dy = trial.upstream()
    read = [*arrays, trial.y, dy]
    before = [x.tobytes() for x in read]
    assert before[: len(arrays)] == [x.tobytes() for x in sample.arrays()]
    found = trial.back(dy)
    assert [x.tobytes() for x in read] == before
    for x in read:
        x.flags.writeable = False  # also refuses to write what was there
    # what forward saved is kept as well: the same again
    for again in (trial.back(dy), Trial(sample, arrays).back(dy)):
        assert_close(again, found, tol=0)


@of_each({name: sample for name, sample in SAMPLES.items() if sample.op.is_view})
def test_a_view_adds_to_the_gradient_that_is_there(sample):
    trial = Trial(sample, sample.arrays())
    dy = trial.upstream()
    from_zero = np.zeros_like(trial.arrays[0])
    sample.op.add_gradient(trial.ctx, from_zero, dy)
    assert from_zero.any()
    assert_close(trial.back(dy), [from_zero])


@of_each(SAMPLES)
def test_the_layout_in_memory_does_not_matter(sample):
    plain = Trial(sample, sample.arrays())
    gaps = Trial(sample, [strided(x) for x in sample.arrays()])
    assert_close([gaps.y], [plain.y])
    dy = plain.upstream()
    expected = plain.back(dy)
    assert_close(gaps.back(strided(dy)), expected)
    # a sum's gradient is one number broadcast
    ones = np.broadcast_to(np.ones(1), dy.shape)
    assert_close(gaps.back(ones), plain.back(ones.copy()))


@of_each(SAMPLES)
def test_a_gradient_that_is_not_needed_may_be_left_out(sample):
    trial = Trial(sample, sample.arrays())
    dy = trial.upstream()
    every = trial.back(dy)
    count = len(sample.dims)
    for skipped in range(count):
        needs = [i != skipped for i in range(count)]
        found = trial.back(dy, needs)
        assert_close(
            [d for d, need in zip(found, needs, strict=True) if need],
            [d for d, need in zip(every, needs, strict=True) if need],
        )
    trial.back(dy, [False] * count)


def batchable(sample: Sample) -> bool:
    """Return whether the op treats batch elements alike and each alone."""
    op = sample.op
    if not sample.dims or not op.batches or type(op).__name__ in BATCH_IS_THEIR_SUBJECT:
        return False
    if type(op).dim is not Op.dim and not fits(op, sample, [3] * len(sample.dims)):
        return False
    return op.dim(*sample.dims)[1] == max(batch for _, batch in sample.dims)


def fits(op: Op, sample: Sample, batches: Sequence[int]) -> bool:
    """Return whether the op takes arguments of these batch sizes."""
    try:
        op.dim(*[(shape, batch) for (shape, _), batch in zip(sample.dims, batches, strict=True)])
    except ShapeError:
        return False
    return True


@of_each({name: sample for name, sample in SAMPLES.items() if batchable(sample)})
def test_a_batch_is_its_elements_one_by_one(sample):
    single = replace(sample, dims=tuple((shape, 1) for shape, _ in sample.dims), values=None)
    draws = [single.arrays(seed=seed) for seed in range(3)]
    assert sample.op.dim(*[(shape, 3) for shape, _ in sample.dims])[1] == 3
    count = len(sample.dims)
    # every argument batched, and each in turn the same for all batch elements
    for shared in [None, *range(count if count > 1 else 0)]:
        arguments = [[*draw] for draw in draws]
        for draw in arguments if shared is not None else []:
            draw[shared] = draws[0][shared]
        batch = [
            draws[0][i] if i == shared else np.concatenate([draw[i] for draw in arguments])
            for i in range(count)
        ]
        if shared is not None and not fits(sample.op, sample, [len(x) for x in batch]):
            continue  # some ops do not broadcast every argument
        whole = Trial(sample, batch)
        dy = whole.upstream()
        gradients = whole.back(dy)
        stream = NumpyStream(4)
        trials = [Trial(single, draw, stream) for draw in arguments]
        assert_close([whole.y], [np.concatenate([t.y for t in trials])])
        parts = [t.back(dy[k : k + 1]) for k, t in enumerate(trials)]
        for i, gradient in enumerate(gradients):
            column = [part[i] for part in parts if part[i] is not None]
            if not column:
                assert_close([gradient], [None])
            elif i == shared:
                assert_close([gradient], [sum(column)])
            else:
                assert_close([gradient], [np.concatenate(column)])


@of_each({name: sample for name, sample in SAMPLES.items() if sample.dims})
def test_a_batch_is_computed_or_refused_when_the_node_is_made(sample):
    dims = tuple((shape, 3) for shape, _ in sample.dims)
    if not sample.op.batches:
        with pytest.raises(EvaluationError, match="not defined on minibatches"):
            sample.op.dim(*dims)
        return
    try:
        declared = sample.op.dim(*dims)
    except ShapeError:
        return
    arrays = replace(sample, dims=dims, values=None).arrays()
    assert Trial(sample, arrays).y.shape == array_shape(declared)


@of_each(BAD_SAMPLES)
def test_a_bad_sample_is_refused_when_the_node_is_made(sample):
    graph = ComputationGraph(np.float64)
    nodes = [input_array(graph, np.ones(array_shape(dim))) for dim in sample.dims]
    with pytest.raises(sample.error, match=sample.match):
        graph.append(sample.op, tuple(node.index for node in nodes))
    assert len(graph) == len(nodes)
    assert graph.next_id == len(nodes)


def test_the_lists_above_name_ops_that_exist():
    assert set(OPS) >= LEAVES
    assert set(OPS) >= set(BATCH_IS_THEIR_SUBJECT)
