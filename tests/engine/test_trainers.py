"""Trainers: DyNet's numbers, clipping, sparse tables, and what happens to whom."""

from __future__ import annotations

import json

import numpy as np
import pytest

from charlm.engine.arrays import Array
from charlm.engine.expression import leaf
from charlm.engine.graph import ComputationGraph
from charlm.engine.initializers import Constant, FromArray, Normal
from charlm.engine.ops import dot_product, input_tensor, sum_elems
from charlm.engine.ops.leaves import ParameterLeaf, lookup
from charlm.engine.parameters import LookupParameter, Parameter, ParameterCollection
from charlm.engine.random import NumpyStream
from charlm.engine.trainers import (
    AdadeltaTrainer,
    AdagradTrainer,
    AdamTrainer,
    AdamWTrainer,
    AmsgradTrainer,
    CyclicalSGDTrainer,
    MomentumSGDTrainer,
    RMSPropTrainer,
    SimpleSGDTrainer,
    Trainer,
)
from charlm.errors import BadGradientError

EVERY = [
    SimpleSGDTrainer,
    CyclicalSGDTrainer,
    MomentumSGDTrainer,
    AdagradTrainer,
    AdadeltaTrainer,
    RMSPropTrainer,
    AdamTrainer,
    AdamWTrainer,
    AmsgradTrainer,
]


def step(trainer: Trainer, p: Parameter) -> float:
    """Update once for the squared norm of a parameter; return the gradient's norm."""
    graph = ComputationGraph(p.value.dtype)
    x = leaf(graph, ParameterLeaf(p), True)
    dot_product(x, x).backward()
    graph.release()
    return trainer.update()


def step_on_row(trainer: Trainer, table: LookupParameter, index: int) -> None:
    graph = ComputationGraph()
    row = lookup(graph, table, index)
    dot_product(row, row).backward()
    trainer.update()


def collection(*numbers: float) -> tuple[ParameterCollection, Parameter]:
    pc = ParameterCollection()
    return pc, pc.add_parameters((len(numbers),), FromArray(list(numbers)))


# (trainer, its settings, clipping, start, after 1, 3 and 6 updates), measured with DyNet 2.1
DYNET = [
    (SimpleSGDTrainer, {"learning_rate": 0.1}, 5, (1, 2),
     [0.80000001, 1.6], [0.51199996, 1.0239999], [0.26214397, 0.52428794]),
    (SimpleSGDTrainer, {}, 5, (1, 2),
     [0.80000001, 1.6], [0.51199996, 1.0239999], [0.26214397, 0.52428794]),
    (SimpleSGDTrainer, {"learning_rate": 0.1}, 5, (10, 20),
     [9.7763929, 19.552786], [9.3291788, 18.658358], [8.6583576, 17.316715]),
    (SimpleSGDTrainer, {"learning_rate": 0.1}, 0, (10, 20),
     [8, 16], [5.1199999, 10.24], [2.6214397, 5.2428794]),
    (AdamTrainer, {}, 5, (1, 2),
     [0.99900001, 1.999], [0.9970001, 1.9970001], [0.99400073, 1.9940004]),
    (AdamTrainer, {"alpha": 0.1, "eps": 0.01}, 5, (1, 2),
     [0.91365278, 1.9073266], [0.73436648, 1.7178524], [0.46781033, 1.4332385]),
    (AdamTrainer, {"alpha": 0.1, "beta_1": 0.9, "beta_2": 0.5}, 5, (1, 2),
     [0.89999998, 1.9], [0.69478846, 1.6974449], [0.35321978, 1.3803794]),
    (AdamTrainer, {"alpha": 0.1}, 1, (1, 2),
     [0.9000001, 1.9000001], [0.70054835, 1.699904], [0.40563378, 1.39921]),
    (CyclicalSGDTrainer, {"step_size": 2, "gamma": 0.9}, 5, (1, 2),
     [0.98000002, 1.96], [0.86339962, 1.7267992], [0.64541584, 1.2908317]),
    (MomentumSGDTrainer, {"learning_rate": 0.1, "mom": 0.9}, 5, (1, 2),
     [0.80000001, 1.6], [0.062000006, 0.12400001], [-0.708974, -1.417948]),
    (MomentumSGDTrainer, {}, 5, (1, 2),
     [0.98000002, 1.96], [0.88971204, 1.7794241], [0.66666633, 1.3333327]),
    (AdagradTrainer, {}, 5, (1, 2),
     [0.89999998, 1.9], [0.78045613, 1.7758214], [0.6634323, 1.6489968]),
    (AdagradTrainer, {"learning_rate": 0.1, "eps": 0.5}, 5, (1, 2),
     [0.9057191, 1.9015268], [0.78915435, 1.7781618], [0.67346299, 1.6517422]),
    (AdadeltaTrainer, {}, 5, (1, 2),
     [0.99552786, 1.9955279], [0.98646444, 1.9864478], [0.97277212, 1.9726717]),
    (AdadeltaTrainer, {"eps": 0.01, "rho": 0.9}, 5, (1, 2),
     [0.68765247, 1.6847559], [0.24897599, 1.1262598], [0.039044451, 0.56074977]),
    (RMSPropTrainer, {}, 5, (1, 2),
     [0.99683774, 1.9968377], [0.99263066, 1.9926267], [0.98791873, 1.9879062]),
    (RMSPropTrainer, {"learning_rate": 0.1, "eps": 0.01, "rho": 0.9}, 5, (1, 2),
     [0.68765253, 1.6847559], [0.37428361, 1.3102213], [0.14851876, 0.94319838]),
    (AmsgradTrainer, {}, 5, (1, 2),
     [0.99900001, 1.999], [0.9970001, 1.9970001], [0.99400073, 1.9940004]),
    (AmsgradTrainer, {"alpha": 0.1, "eps": 0.01}, 5, (1, 2),
     [0.91365278, 1.9073266], [0.73436648, 1.7178524], [0.46781033, 1.4332385]),
    (AmsgradTrainer, {"alpha": 0.1, "beta_1": 0.9, "beta_2": 0.5}, 5, (1, 2),
     [0.89999998, 1.9], [0.6954723, 1.6974449], [0.41309369, 1.396544]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "settings", "clip", "start", "after_1", "after_3", "after_6"),
    DYNET,
    ids=lambda value: getattr(value, "__name__", None),
)
def test_updates_are_dynets(kind, settings, clip, start, after_1, after_3, after_6):
    pc, p = collection(*start)
    trainer = kind(pc, **settings)
    assert trainer.clip_threshold == 5  # DyNet's default
    trainer.clip_threshold = clip
    found = []
    for _ in range(6):
        step(trainer, p)
        found.append(p.value.copy())
    for after, expected in ((1, after_1), (3, after_3), (6, after_6)):
        np.testing.assert_allclose(found[after - 1], expected, rtol=2e-6)  # float32
    assert trainer.updates == 6


# rows 0 and 1 after updates on rows 0, 1, 0, 0
DYNET_TABLES = [
    (AdamTrainer, True, [0.72449976, 1.7237061], [2.9255865, 3.9255865]),
    (AdamTrainer, False, [0.66598821, 1.6641301], [2.820946, 3.820946]),
    (MomentumSGDTrainer, True, [0.062000006, 0.12400001], [2.7, 3.5999999]),
    (MomentumSGDTrainer, False, [0.0098000467, 0.019600093], [2.187, 2.9160001]),
    (AdagradTrainer, True, [0.78045613, 1.7758214], [2.9000001, 3.9000001]),
    (AdagradTrainer, False, [0.78045613, 1.7758214], [2.9000001, 3.9000001]),
    (SimpleSGDTrainer, True, [0.51199996, 1.0239999], [2.7, 3.5999999]),
    (SimpleSGDTrainer, False, [0.51199996, 1.0239999], [2.7, 3.5999999]),
]


@pytest.mark.parametrize(("kind", "sparse", "row_0", "row_1"), DYNET_TABLES)
def test_tables_are_updated_as_in_dynet(kind, sparse, row_0, row_1):
    pc = ParameterCollection()
    table = pc.add_lookup_parameters(3, (2,), FromArray([[1.0, 3.0, 5.0], [2.0, 4.0, 6.0]]))
    trainer = kind(pc, 0.1)
    assert trainer.sparse_updates
    trainer.sparse_updates = sparse
    for index in (0, 1, 0, 0):
        step_on_row(trainer, table, index)
    assert trainer.clips == 1  # row 1's gradient (6, 8) has norm 10
    np.testing.assert_allclose(table.value[:2], [row_0, row_1], rtol=2e-6)
    assert table.value[2].tolist() == [5, 6]
    assert not table.touched.any()
    assert not table.gradient.any()


def test_the_norm_counts_everything_and_is_that_before_clipping():
    pc, p = collection(3.0)
    table = pc.add_lookup_parameters(2, (1,), Constant(0.0))
    table.gradient[1] = 4.0
    table.touched[1] = True
    p.add_gradient(np.array([3.0]))
    trainer = SimpleSGDTrainer(pc, 1.0)
    trainer.clip_threshold = 1.0
    assert trainer.gradient_norm() == 5.0
    assert trainer.update() == 5.0
    assert p.value.tolist() == pytest.approx([3 - 3 / 5])
    assert table.value.ravel().tolist() == pytest.approx([0, -4 / 5])
    assert trainer.clips == 1
    p.add_gradient(np.array([1.0]))
    trainer.update()
    assert (trainer.clips, trainer.updates) == (1, 2)  # at the threshold nothing is clipped


def test_an_update_clears_the_gradients():
    pc, p = collection(1.0, 2.0)
    trainer = SimpleSGDTrainer(pc)
    step(trainer, p)
    assert p.gradient.tolist() == [0, 0]
    assert not p.has_gradient
    before = p.value.copy()
    trainer.update()
    assert (p.value == before).all()


def test_adam_moves_on_without_a_gradient():
    pc, p = collection(1.0, 2.0)
    trainer = AdamTrainer(pc, 0.1)
    step(trainer, p)
    before = p.value.copy()
    assert trainer.update() == 0.0
    assert (p.value < before).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, 2e30])
@pytest.mark.parametrize("where", ["parameter", "table"])
@pytest.mark.parametrize("kind", EVERY)
def test_a_bad_gradient_changes_nothing(kind, where, bad):
    pc, p = collection(1.0, 2.0)
    table = pc.add_lookup_parameters(2, (1,), Constant(3.0))
    trainer = kind(pc)
    step(trainer, p)
    p.add_gradient(np.array([bad if where == "parameter" else 1.0, 1.0]))
    table.gradient[0] = bad if where == "table" else 1.0
    table.touched[0] = True
    kept = snapshot(trainer)
    for _ in range(2):  # the bad gradient stays
        with pytest.raises(BadGradientError, match=r"norm of the gradient is (nan|inf)") as caught:
            trainer.update()
        assert snapshot(trainer) == kept
    assert isinstance(caught.value, RuntimeError)
    p.clear_gradient()
    table.clear_gradient()
    trainer.update()
    assert np.isfinite(p.value).all()


def snapshot(trainer: Trainer) -> list[object]:
    """Return everything that an update may change, as bytes."""
    pc = trainer.collection
    arrays: list[Array] = [pc.storage.values, pc.storage.gradients, *trainer.state().values()]
    for table in pc.lookups:
        arrays += [table.value, table.gradient, table.touched]
    return [trainer.updates, trainer.clips, *[array.tobytes() for array in arrays]]


def test_without_clipping_a_bad_gradient_goes_through():
    pc, p = collection(1.0, 2.0)
    trainer = SimpleSGDTrainer(pc)
    trainer.clip_threshold = 0
    p.add_gradient(np.array([np.nan, 1.0]))
    trainer.update()
    assert np.isnan(p.value[0])
    assert p.value[1] == pytest.approx(1.9)


def test_a_parameter_added_later_starts_with_empty_averages():
    pc, p = collection(1.0, 2.0)
    trainer = AdamTrainer(pc, 0.1)
    for _ in range(3):
        step(trainer, p)
    alone, twin = collection(1.0, 2.0)
    other = AdamTrainer(alone, 0.1)
    for _ in range(3):
        step(other, twin)
    q = pc.add_parameters((1,), Constant(5.0))
    table = pc.add_lookup_parameters(2, (1,), Constant(7.0))
    assert trainer.state()["m"].tolist()[2:] == [0]
    q.add_gradient(np.array([1.0]))
    table.gradient[0] = 1.0
    table.touched[0] = True
    step(trainer, p)
    # what was there goes on as if alone, but for the clipping norm (below 5 here)
    step(other, twin)
    assert p.value.tolist() == twin.value.tolist()
    # the newcomers' averages are empty, the count of updates is the trainer's
    rate = 0.1 * np.sqrt(1 - 0.999**4) / (1 - 0.9**4)
    moved = rate * 0.1 / np.sqrt(0.001)
    assert q.value.tolist() == pytest.approx([5 - moved])
    assert table.value.ravel().tolist() == pytest.approx([7 - moved, 7])


def test_a_trainer_of_a_subcollection_leaves_the_rest_alone():
    pc, p = collection(1.0)
    sub = pc.add_subcollection("sub")
    q = sub.add_parameters((1,), Constant(2.0))
    r = pc.add_parameters((1,), Constant(3.0))
    s = sub.add_parameters((1,), Constant(4.0))
    table = pc.add_lookup_parameters(1, (1,), Constant(5.0))
    for parameter in (p, q, r, s):
        parameter.add_gradient(np.array([1.0]))
    table.gradient[0] = 1.0
    table.touched[0] = True
    trainer = AdamTrainer(sub, 0.1)
    assert trainer.update() == pytest.approx(np.sqrt(2))
    assert [x.value[0] for x in (p, r)] == [1, 3]
    assert [x.value[0] for x in (q, s)] == pytest.approx([1.9, 3.9])
    assert [x.gradient[0] for x in (p, q, r, s)] == [1, 0, 1, 0]
    assert table.value[0] == 5
    assert table.touched[0]


@pytest.mark.parametrize("kind", [SimpleSGDTrainer, MomentumSGDTrainer, AdamTrainer])
def test_a_parameter_that_is_not_updated_keeps_its_gradient_and_counts_in_the_norm(kind):
    pc, p = collection(1.0)
    fixed = pc.add_parameters((1,), Constant(2.0))
    after = pc.add_parameters((1,), Constant(3.0))
    table = pc.add_lookup_parameters(1, (1,), Constant(4.0))
    fixed.updated = table.updated = False
    for parameter in (p, fixed, after):
        parameter.add_gradient(np.array([1.0]))
    table.gradient[0] = 1.0
    table.touched[0] = True
    trainer = kind(pc, 0.1)
    assert trainer.update() == 2.0
    assert [x.value[0] for x in (p, after)] == pytest.approx([0.9, 2.9])
    assert (fixed.value[0], table.value[0, 0]) == (2, 4)
    assert [x.gradient[0] for x in (p, fixed, after)] == [0, 1, 0]
    assert table.gradient[0] == 1
    assert (p.has_gradient, fixed.has_gradient, table.has_gradient) == (False, True, True)
    assert trainer.update() == pytest.approx(np.sqrt(2))


def test_restarting_empties_the_averages_and_keeps_the_count():
    pc, p = collection(1.0, 2.0)
    table = pc.add_lookup_parameters(2, (1,), Constant(1.0))
    trainer = AdamTrainer(pc, 0.1)
    step(trainer, p)
    step_on_row(trainer, table, 1)
    assert all(moment.any() for moment in trainer.state().values())
    trainer.restart()
    assert not any(moment.any() for moment in trainer.state().values())
    assert trainer.updates == 2
    assert trainer.learning_rate == 0.1
    trainer.restart(0.5)
    assert trainer.learning_rate == 0.5


def regression(seed: int) -> tuple[ParameterCollection, LookupParameter, Parameter]:
    pc = ParameterCollection(stream=NumpyStream(seed))
    return pc, pc.add_lookup_parameters(4, (3,), Normal()), pc.add_parameters((3, 3), Normal())


def train(trainer: Trainer, table: LookupParameter, w: Parameter, start: int, stop: int) -> None:
    for t in range(start, stop):
        graph = ComputationGraph()
        x = lookup(graph, table, t % 3)
        y = leaf(graph, ParameterLeaf(w), True) * x - input_tensor(graph, [1.0, 2.0, float(t)])
        sum_elems(dot_product(y, y)).backward()
        trainer.update()


@pytest.mark.parametrize("kind", EVERY)
def test_a_restored_trainer_continues_to_the_bit(kind):
    pc, table, w = regression(1)
    trainer = kind(pc, 0.05)
    train(trainer, table, w, 0, 5)
    state = {name: moment.copy() for name, moment in trainer.state().items()}
    values, rows = pc.storage.values.copy(), table.value.copy()
    train(trainer, table, w, 5, 10)

    other, other_table, other_w = regression(2)
    other.storage.writable()[...] = values
    other_table.value[...] = rows
    restored = kind(other, 0.05)
    restored.restore(state, 5)
    train(restored, other_table, other_w, 5, 10)
    assert snapshot(restored)[2:] == snapshot(trainer)[2:]
    assert restored.updates == trainer.updates == 10
    assert restored.learning_rate == trainer.learning_rate


def test_the_state_has_a_name_for_each_average():
    pc, _, _ = regression(1)
    assert sorted(AdamTrainer(pc).state()) == ["m", "m/_0", "v", "v/_0"]
    assert SimpleSGDTrainer(pc).state() == {}
    sizes = {name: moment.shape for name, moment in AdamTrainer(pc).state().items()}
    assert json.dumps(sizes) == '{"m": [9], "v": [9], "m/_0": [4, 3], "v/_0": [4, 3]}'


def test_float64_collections_are_updated_in_float64():
    pc = ParameterCollection(np.float64)
    p = pc.add_parameters((1,), Constant(1.0))
    step(SimpleSGDTrainer(pc, 0.1), p)
    assert p.value[0] == 1.0 - 0.1 * 2.0
    assert {moment.dtype for moment in AdamTrainer(pc).state().values()} == {np.dtype(np.float64)}


@pytest.mark.parametrize("settings", [{}, {"alpha": 0.1, "beta_2": 0.9, "weight_decay": 0.5}])
def test_adamw_is_pytorch_s_and_lets_biases_be(settings):
    torch = pytest.importorskip("torch", reason="PyTorch has the same trainer")
    rng = np.random.default_rng(0)
    pc = ParameterCollection(np.float64, NumpyStream(1))
    matrix, bias = pc.add_parameters((3, 2), Normal()), pc.add_parameters((3,), Normal())
    table = pc.add_lookup_parameters(4, (2,))
    weights = [torch.tensor(p.value.copy(), requires_grad=True) for p in (matrix, table, bias)]
    trainer = AdamWTrainer(pc, **settings)
    trainer.clip_threshold = 0
    decay = trainer.weight_decay
    theirs = torch.optim.AdamW(
        [
            {"params": weights[:2], "weight_decay": decay},
            {"params": weights[2:], "weight_decay": 0},
        ],
        lr=trainer.learning_rate,
        betas=(trainer.beta_1, trainer.beta_2),
        eps=trainer.eps,
    )
    for _ in range(20):
        for p, weight in zip((matrix, table, bias), weights, strict=True):
            g = rng.normal(size=p.value.shape)
            weight.grad = torch.tensor(g)
            if p is table:
                table.gradient += g
                table.touched[:] = True
            else:
                p.add_gradient(g)
        trainer.update()
        theirs.step()
    for p, weight in zip((matrix, table, bias), weights, strict=True):
        np.testing.assert_allclose(p.value, weight.detach().numpy(), rtol=1e-10)


def test_adamw_decays_the_rows_that_were_used_and_nothing_at_a_bad_gradient():
    pc = ParameterCollection()
    table = pc.add_lookup_parameters(3, (2,), Constant(1.0))
    matrix = pc.add_parameters((2, 2), Constant(1.0))
    trainer = AdamWTrainer(pc, alpha=0.1, weight_decay=0.5)
    step_on_row(trainer, table, 1)
    assert table.value[[0, 2]].tolist() == [[1, 1], [1, 1]]
    assert table.value[1] == pytest.approx([0.85, 0.85], rel=1e-5)
    assert matrix.value == pytest.approx(np.full((2, 2), 0.95))
    matrix.add_gradient(np.full((2, 2), np.nan, np.float32))
    with pytest.raises(BadGradientError):
        trainer.update()
    assert matrix.value == pytest.approx(np.full((2, 2), 0.95))
