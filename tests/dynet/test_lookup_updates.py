"""Which rows of a table a trainer moves: all that were looked up up to the loss, with a gradient or without."""

from __future__ import annotations

import numpy as np
import pytest

import charlm.dynet as ours

TRAINERS = [
    "SimpleSGDTrainer",
    "CyclicalSGDTrainer",
    "MomentumSGDTrainer",
    "AdagradTrainer",
    "AdadeltaTrainer",
    "RMSPropTrainer",
    "AdamTrainer",
    "AmsgradTrainer",
]


# x, y, z are rows, n a row behind nobackprop, f a row without update; w x is a loss
def one(dy, w, x, y, n, f, table, ids):
    (w * x).backward()


def a_row_behind_the_loss(dy, w, x, y, n, f, table, ids):
    loss = w * x
    table[ids[4]].dim()
    loss.backward()


def without_a_gradient(dy, w, x, y, n, f, table, ids):
    (w * n + w * f).backward()


def two_losses(dy, w, x, y, n, f, table, ids):
    first = w * x
    second = w * table[ids[4]]
    second.backward()
    first.backward()


def values_between(dy, w, x, y, n, f, table, ids):
    (w * x).value()
    table[ids[4]].value()
    dy.sum_batches(w * table.batch(ids[:2])).backward()


def another_row_set(dy, w, x, y, n, f, table, ids):
    loss = w * x
    x.set(ids[4])
    loss.backward()


def the_whole_table(dy, w, x, y, n, f, table, ids):
    dy.nobackprop(table)
    (w * y).backward()


def a_constant_table(dy, w, x, y, n, f, table, ids):
    dy.const_parameter(table)
    (w * y).backward()


PROGRAMS = [
    one,
    a_row_behind_the_loss,
    without_a_gradient,
    two_losses,
    values_between,
    another_row_set,
    the_whole_table,
    a_constant_table,
]


def train(dy, program, trainer, sparse):
    """Return all values after each of four updates."""
    start, order = np.random.RandomState(0), np.random.RandomState(1)
    pc = dy.ParameterCollection()
    table = pc.lookup_parameters_from_numpy(start.randn(6, 3))
    w = pc.parameters_from_numpy(start.randn(1, 3))
    rule = getattr(dy, trainer)(pc)
    rule.set_sparse_updates(sparse)
    values = []
    for _ in range(4):
        dy.renew_cg()
        ids = [int(i) for i in order.randint(6, size=5)]
        x, y = table[ids[0]], table[ids[1]]
        n, f = dy.nobackprop(table[ids[2]]), dy.lookup(table, ids[3], update=False)
        program(dy, w, x, y, n, f, table, ids)
        rule.update()
        values += [table.as_array().ravel(), w.as_array().ravel()]
    return np.concatenate(values)


@pytest.mark.parametrize("sparse", [True, False], ids=["sparse", "all"])
@pytest.mark.parametrize("trainer", TRAINERS)
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_the_updates_are_dynets(program, trainer, sparse, oracle):
    mine, theirs = (train(dy, program, trainer, sparse) for dy in (ours, oracle))
    np.testing.assert_allclose(mine, theirs, rtol=2e-5, atol=2e-6)


def test_adam_moves_a_row_that_had_a_gradient_before():
    """The same numbers as DyNet's: 0.999 after the first update, 0.99833 after the second."""
    pc = ours.ParameterCollection()
    table = pc.add_lookup_parameters((2, 1), init=1.0)
    trainer = ours.AdamTrainer(pc)
    moved = []
    for row in (0, 1):
        ours.renew_cg()
        losses = [table[0], table[1]]
        losses[row].backward()
        trainer.update()
        moved.append(table.as_array()[0, 0])
    np.testing.assert_allclose(moved, [0.999, 0.99833], atol=1e-5)


def test_rows_are_counted_up_to_the_loss():
    pc = ours.ParameterCollection()
    table = pc.add_lookup_parameters((9, 2))
    for _ in range(3):
        ours.renew_cg()
        table.table.clear_gradient()
        rows = [table[i] for i in (0, 3)]
        loss = ours.sum_elems(rows[0])
        later = ours.sum_elems(table[5]) + ours.sum_elems(table.batch([6, 7]))
        ours.sum_batches(later).value()
        loss.backward()
        assert table.table.touched.nonzero()[0].tolist() == [0, 3]
