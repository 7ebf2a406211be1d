"""Sizes of 0, the defaults of programs whose parts can be switched off: the same shapes and numbers as DyNet's."""

from __future__ import annotations

import numpy as np
import pytest

import charlm.dynet as ours

BOTH = [
    "pc.add_parameters((0, 100))",
    "pc.add_parameters((100, 0), init=dy.NormalInitializer())",
    "pc.add_parameters(0, init=1)",
    "dy.nobackprop(pc.add_lookup_parameters((0, 100)))",
    "pc.add_lookup_parameters((5, 0))[2]",
    "dy.nobackprop(pc.add_lookup_parameters(0))",
    "dy.inputVector([])",
    "dy.vecInput(0)",
    "dy.inputTensor(np.zeros((0, 3)))",
    "dy.zeros((3, 0))",
    "dy.random_normal((0, 2))",
    "pc.add_parameters((0, 3)) * dy.ones(3)",
    "pc.add_parameters((3, 0)) * dy.vecInput(0)",
    "dy.affine_transform([dy.ones(3), pc.add_parameters((3, 0)), dy.vecInput(0)])",
    "dy.tanh(dy.zeros((0, 3)))",
    "dy.sum_elems(dy.zeros(0)) + 1",
    "dy.dropout(dy.zeros(0), 0.5)",
    "dy.softmax(dy.zeros(0))",
    "dy.LSTMBuilder(1, 0, 4, pc).initial_state().add_input(dy.vecInput(0)).output()",
    "dy.GRUBuilder(2, 0, 4, pc).initial_state().transduce([dy.vecInput(0)] * 2)[1]",
    "dy.GRUBuilder(1, 4, 0, pc).initial_state().add_input(dy.ones(4)).output()",
    "dy.SimpleRNNBuilder(2, 4, 0, pc).initial_state().add_input(dy.ones(4)).output()",
    "dy.BiRNNBuilder(1, 0, 4, pc, dy.LSTMBuilder).transduce([dy.vecInput(0)] * 2)[0]",
]
ALONE = [  # DyNet refuses these
    ("dy.concatenate([dy.ones(3), dy.zeros(0)])", [1, 1, 1]),
    ("dy.concatenate([pc.add_lookup_parameters((5, 0))[1], dy.ones(2)])", [1, 1]),
    ("dy.LSTMBuilder(1, 4, 0, pc).initial_state().add_input(dy.ones(4)).output()", []),
    ("dy.BiRNNBuilder(1, 4, 0, pc, dy.LSTMBuilder).transduce([dy.ones(4)] * 2)[0]", []),
]


def value(dy, code):
    dy.reset_random_seed(3)
    dy.renew_cg()
    return eval(code, {"dy": dy, "np": np, "pc": dy.ParameterCollection()}).npvalue()


@pytest.mark.parametrize("code", BOTH)
def test_dynets_shapes_and_numbers(code, oracle):
    mine, theirs = value(ours, code), value(oracle, code)
    assert mine.shape == theirs.shape
    np.testing.assert_allclose(mine, theirs, rtol=1e-5)


@pytest.mark.parametrize(("code", "expected"), ALONE)
def test_what_dynet_refuses(code, expected):
    assert value(ours, code).tolist() == expected


def train(dy):
    """Empty parameters and tables beside others: updates, and a file written and read."""
    dy.renew_cg()
    pc = dy.ParameterCollection()
    pc.add_parameters((0, 4))
    pc.add_lookup_parameters((0, 5))
    w = pc.add_parameters((2, 3), init=1.0)
    nothing, rows = pc.add_parameters((2, 0)), pc.add_lookup_parameters((5, 0))
    trainer = dy.AdamTrainer(pc)
    loss = dy.sum_elems(w * dy.inputVector([1, 2, 3]) + nothing * rows[1])
    loss.backward()
    trainer.update()
    return pc, [loss.value(), *w.as_array().ravel()]


def test_training_beside_them(oracle):
    np.testing.assert_allclose(train(ours)[1], train(oracle)[1], rtol=1e-6)


def test_files_with_them(tmp_path, oracle):
    for dy, name in ((ours, "ours"), (oracle, "theirs")):
        train(dy)[0].save(str(tmp_path / name))
    headers = [
        [line for line in (tmp_path / n).read_text().splitlines() if line.startswith("#")]
        for n in ("ours", "theirs")
    ]
    assert headers[0] == headers[1]
    for name in ("ours", "theirs"):
        pc, _ = train(ours)
        pc.populate(str(tmp_path / name))
        assert pc.parameter_count() == 6


@pytest.mark.parametrize("name", ["max_dim", "min_dim", "logsumexp_dim"])
def test_the_largest_of_nothing_is_an_error(name):
    ours.renew_cg()
    with pytest.raises(RuntimeError, match="not defined for an argument without numbers"):
        getattr(ours, name)(ours.zeros((0, 3)), 0).value()
