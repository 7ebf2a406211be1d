"""Updates in one call of compiled code, beside the same in numpy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from charlm.engine.arrays import Array
from charlm.engine.initializers import Normal
from charlm.engine.parameters import ParameterCollection
from charlm.engine.random import NumpyStream
from charlm.engine.trainers import (
    AdamTrainer,
    AdamWTrainer,
    CyclicalSGDTrainer,
    MomentumSGDTrainer,
    RMSPropTrainer,
    SimpleSGDTrainer,
    Trainer,
)
from charlm.errors import BadGradientError
from charlm.kernels import NUMPY, Kernels, namespace, select
from tests.engine.test_trainers import snapshot

pytest.importorskip("numba", reason="the compiled kernels need numba, which is an extra")

KINDS = [SimpleSGDTrainer, CyclicalSGDTrainer, MomentumSGDTrainer, AdamTrainer, AdamWTrainer]


def refuse(*arguments: object) -> None:
    raise AssertionError("this is not called")


@pytest.fixture(scope="module")
def kernels() -> Kernels:
    """Compiled code for whole updates, and none for single arrays."""
    alone = ("sgd_update", "momentum_update", "adam_update", "squared_norm")
    return namespace("whole", {**vars(select("numba")), **dict.fromkeys(alone, refuse)})


class Twin:
    """A collection and its trainer, to which the same is done as to another one."""

    def __init__(self, kind: type[Trainer], kernels: Kernels) -> None:
        self.collection = ParameterCollection(stream=NumpyStream(1))
        self.trainer = kind(self.collection, 0.1, kernels=kernels)
        self.readers: list[tuple[object, Array, Array]] = []
        self.failed: list[str] = []

    def add(self, size: int) -> None:
        self.collection.add_parameters((size % 7, size), Normal())

    def add_table(self, rows: int) -> None:
        self.collection.add_lookup_parameters(rows, (1 + rows % 19,), Normal())

    def choose(self, number: int) -> None:
        """Have one of the parameters, and one of the tables, updated or not."""
        for some in (self.collection.parameters, self.collection.lookups):
            if some:
                chosen = some[number % len(some)]
                chosen.updated = not chosen.updated

    def read(self, _: int) -> None:
        """Have a graph keep the values that are there now."""

        class Reader:
            pass

        reader = Reader()
        values = self.collection.storage.read(reader)
        self.readers.append((reader, values, values.copy()))

    def clip(self, number: int) -> None:
        self.trainer.clip_threshold = number / 5

    def sparse(self, number: int) -> None:
        self.trainer.sparse_updates = bool(number % 3)

    def update(self, number: int) -> None:
        """Update by gradients that the number decides; some are not finite."""
        rng = np.random.default_rng(number)
        for parameter in self.collection.parameters[number % 2 :]:
            parameter.add_gradient(rng.standard_normal(parameter.value.shape))
        for table in self.collection.lookups:
            rows = rng.integers(0, table.rows, rng.integers(0, 6)) if table.rows else []
            table.touched[rows] = True
            table.gradient[table.touched] += rng.standard_normal(table.dims).astype(np.float32)
        if number == 13 and self.collection.parameters:
            self.collection.storage.gradients[-1:] = np.nan
        before = snapshot(self.trainer)
        try:
            self.trainer.update()
        except BadGradientError as problem:
            self.failed.append(str(problem))
            assert snapshot(self.trainer) == before
            self.collection.clear_gradients()


actions = st.tuples(
    st.sampled_from(["add", "add_table", "choose", "read", "clip", "sparse", *["update"] * 5]),
    st.integers(0, 40),
)


@pytest.mark.parametrize("kind", KINDS)
@given(doings=st.lists(actions, max_size=25))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_whole_update_is_numpys(kind, kernels, doings):
    twins = Twin(kind, kernels), Twin(kind, NUMPY)
    for doing, number in [("add", 5), ("add_table", 20), ("read", 0), *doings]:
        for twin in twins:
            getattr(twin, doing)(number)
            for _, values, kept in twin.readers:
                assert values.tobytes() == kept.tobytes()
        ours, theirs = (twin.trainer for twin in twins)
        assert (ours.updates, ours.clips) == (theirs.updates, theirs.clips)
        assert twins[0].failed == twins[1].failed
        for a, b in zip(arrays(ours), arrays(theirs), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
        of_parameters = [[p.has_gradient for p in t.collection.parameters] for t in twins]
        assert of_parameters[0] == of_parameters[1]
        assert ours.gradient_norm() == pytest.approx(theirs.gradient_norm(), rel=1e-5)


def arrays(trainer: Trainer) -> list[Array]:
    """Return everything that an update may change."""
    storage = trainer.collection.storage
    found = [storage.values, storage.gradients, *trainer.state().values()]
    for table in trainer.collection.lookups:
        found += [table.value, table.gradient, table.touched]
    return found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bad", [np.nan, np.inf, 2e30])
@pytest.mark.parametrize("where", ["parameter", "table"])
def test_a_norm_that_is_not_finite_changes_nothing(kind, bad, where, kernels):
    twin = Twin(kind, kernels)
    twin.add(9)
    twin.add_table(20)
    twin.update(1)
    place = twin.collection.storage.gradients if where == "parameter" else table_gradient(twin)
    place[3] = bad
    before = snapshot(twin.trainer)
    with pytest.raises(BadGradientError, match=r"norm of the gradient is (nan|inf)"):
        twin.trainer.update()
    assert snapshot(twin.trainer) == before
    twin.trainer.clip_threshold = 0
    assert not np.isfinite(twin.trainer.update())  # without clipping it goes through


def table_gradient(twin: Twin) -> Array:
    (table,) = twin.collection.lookups
    table.touched[3] = True
    return table.gradient


def test_a_part_of_a_collection_is_updated_alone(kernels):
    whole = ParameterCollection()
    whole.add_parameters((40,))
    part = whole.add_subcollection()
    chosen = part.add_parameters((20,))
    whole.add_parameters((40,))
    whole.storage.gradients[:] = 1
    before = whole.storage.values.copy()
    trainer = SimpleSGDTrainer(part, 1.0, kernels)
    trainer.clip_threshold = 0
    assert trainer.update() == pytest.approx(20**0.5)
    changed = whole.storage.values != before
    assert changed.nonzero()[0].tolist() == list(range(40, 60))
    assert chosen.gradient.tolist() == [0] * 20
    assert whole.storage.gradients.sum() == 80


class Doubling(SimpleSGDTrainer):
    """A user's own rule."""

    def apply(self, values: Array, g: Array, *moments: Array) -> None:
        values *= 2


@pytest.mark.parametrize(
    ("kind", "dtype", "table"),
    [
        (Doubling, np.float32, False),
        (RMSPropTrainer, np.float32, False),
        (SimpleSGDTrainer, np.float64, False),
        (AdamTrainer, np.float32, True),
    ],
    ids=["own rule", "no code", "float64", "not contiguous"],
)
def test_what_compiled_code_does_not_take_is_numpys(kind, dtype, table):
    found = []
    without = dict.fromkeys(("update_norm", "update_step"), refuse)
    for kernels in (namespace("no whole updates", {**without, "update_at_most": 1 << 40}), NUMPY):
        collection = ParameterCollection(dtype)
        collection.add_parameters((3,))
        if table:
            collection.add_lookup_parameters(4, (2, 3), lambda *_: np.ones((2, 3, 4), dtype).T)
        collection.storage.gradients[:] = 1
        trainer = kind(collection, kernels=kernels)
        trainer.update()
        found.append(snapshot(trainer))
    assert found[0] == found[1]


def test_large_collections_are_left_to_several_threads():
    found = []
    for threads in (1, 2):
        collection = ParameterCollection()
        collection.add_parameters((600, 600))
        collection.storage.gradients[:] = 0.1
        kernels = select("numba", threads)
        trainer = AdamTrainer(collection, kernels=kernels)
        found.append((trainer.update(), collection.storage.values.copy()))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-5)
    np.testing.assert_allclose(found[0][1], found[1][1], rtol=1e-5)
