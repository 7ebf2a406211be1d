"""Weight decay as DyNet has it: numbers, what is written to stderr, files."""

from __future__ import annotations

import numpy as np
import pytest

import charlm.dynet as dy

RULES = {
    "SimpleSGDTrainer": (0.1,),
    "MomentumSGDTrainer": (0.1, 0.9),
    "AdagradTrainer": (0.1,),
    "AdadeltaTrainer": (),
    "RMSPropTrainer": (0.1,),
    "AdamTrainer": (0.1,),
    "AmsgradTrainer": (0.1,),
    "CyclicalSGDTrainer": (0.01, 0.1, 3, 0.9),
}


def makings(dy, rate=0.1):
    pc = dy.ParameterCollection()
    pc.set_weight_decay(rate)
    p = pc.parameters_from_numpy(np.array([1.0, 2.0]))
    table = pc.lookup_parameters_from_numpy(np.arange(1.0, 7.0).reshape(3, 2))
    return pc, p, table


def step(dy, trainer, *operands):
    """One update for the sum of squares of expressions that functions make."""
    dy.renew_cg()
    loss = dy.scalarInput(0)
    for operand in operands:
        loss = loss + dy.squared_norm(operand())
    loss.backward()
    trainer.update()


def run(dy, rule):
    """What as_array and expressions show over 16 updates, one of them a rescaling."""
    pc, p, table = makings(dy)
    frozen = pc.add_parameters(1, init=1.0)
    frozen.set_updated(False)
    trainer = getattr(dy, rule)(pc, *RULES[rule])
    shown = []
    for i in range(16):
        step(dy, trainer, lambda: p, lambda i=i: table[i % 3], lambda: frozen)
        dy.renew_cg()
        shown += [p.as_array(), table.as_array().T, frozen.as_array()]
        shown += [p.npvalue(), table.npvalue(), frozen.npvalue()]
    return np.concatenate([array.ravel() for array in shown])


@pytest.mark.parametrize("rule", RULES)
def test_numbers_are_dynets(rule):
    theirs = pytest.importorskip("dynet", reason="DyNet is not installed (the extra 'oracles')")
    np.testing.assert_allclose(run(dy, rule), run(theirs, rule), rtol=5e-6, atol=1e-6)


def later(dy):
    """What is made, set, clipped, scaled and written while w is 0.9**3."""
    pc, p, table = makings(dy)
    trainer = dy.SimpleSGDTrainer(pc, 0.0)
    for _ in range(3):
        step(dy, trainer, lambda: p)
    shown = []

    def show():
        dy.renew_cg()
        for parameter in (*pc.parameters_list(), *pc.lookup_parameters_list()):
            shown.extend([parameter.as_array().ravel(), parameter.npvalue().ravel()])

    pc.add_parameters(2, init=dy.ConstInitializer(2))
    pc.add_lookup_parameters((2, 1), init=3.0)
    pc.add_subcollection("sub").add_parameters(1, init=2.0)
    show()
    p.set_value([1, 2])
    table.init_row(0, [5, 6])
    show()
    p.clip_inplace(0, 1)
    table.init_from_array(np.ones((2, 2)))
    show()
    p.scale(3)
    table.scale(2)
    pc.set_weight_decay(0)
    step(dy, trainer, lambda: p)
    show()
    pc.set_weight_decay(0.5)
    step(dy, trainer, lambda: p)
    step(dy, trainer, lambda: p)
    show()
    p.zero()
    show()
    return np.concatenate(shown)


def test_what_is_made_and_set_later_is_as_in_dynet():
    theirs = pytest.importorskip("dynet", reason="DyNet is not installed (the extra 'oracles')")
    np.testing.assert_allclose(later(dy), later(theirs), rtol=1e-6)


def test_a_rescaling_is_said(capfd):
    pc, p, _ = makings(dy)
    trainer = dy.SimpleSGDTrainer(pc, 0.0)
    for _ in range(13):
        step(dy, trainer, lambda: p)
    assert capfd.readouterr().err == ""
    step(dy, trainer, lambda: p)
    assert capfd.readouterr() == ("", "RESCALE WEIGHT DECAY FROM 0.228768 to 1.0\n")


def test_the_rate():
    pc = dy.ParameterCollection()
    assert pc.get_weight_decay() == 0.0
    pc.set_weight_decay_lambda(0.2)
    assert pc.get_weight_decay() == pc.add_subcollection().get_weight_decay() == np.float32(0.2)
    pc.set_weight_decay(0)
    assert pc.get_weight_decay() == 0.0
    with pytest.raises(AssertionError, match="a float is needed, got 1"):
        pc.set_weight_decay_lambda(1)
    with pytest.raises(TypeError, match="'a'"):
        pc.set_weight_decay("a")


def test_a_file_gives_back_the_values(tmp_path):
    """DyNet, which writes w r, reads it as r: what it reads into the same collection has decayed twice."""
    pc, p, table = makings(dy)
    trainer = dy.SimpleSGDTrainer(pc, 0.0)
    for _ in range(3):
        step(dy, trainer, lambda: p)
    dy.renew_cg()
    before = p.npvalue(), table.npvalue(), p.as_array()
    pc.save(tmp_path / "model")
    p.zero()
    table.zero()
    pc.populate(tmp_path / "model")
    dy.renew_cg()
    for found, expected in zip((p.npvalue(), table.npvalue(), p.as_array()), before, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-6)


def exchanged(a, b, path):
    """The values that ``a`` writes, under names of its own choice and one after the other, as ``b`` reads them."""
    pc, p, table = makings(a)
    sub = pc.add_subcollection("sub")
    sub.add_parameters(2, init=4.0)
    trainer = a.SimpleSGDTrainer(pc, 0.1)
    for _ in range(3):
        step(a, trainer, lambda: p, lambda: table[1])
    a.renew_cg()
    written = [q.npvalue() for q in (*pc.parameters_list(), *pc.lookup_parameters_list())]
    pc.save(str(path), "/all")
    sub.save(str(path), "/more", append=True)
    p.save(str(path), "/one", append=True)
    read = b.ParameterCollection()
    read.add_parameters(2), read.add_parameters(2), read.add_lookup_parameters((3, 2))
    read.populate(str(path), "/all")
    other = b.ParameterCollection()
    found = other.add_parameters(2)
    other.populate(str(path), "/more")
    one = other.load_param(str(path), "/one")
    b.renew_cg()
    written += [written[1], written[0]]
    parameters = (*read.parameters_list(), *read.lookup_parameters_list(), found, one)
    return written, [q.npvalue() for q in parameters]


@pytest.mark.parametrize("to_dynet", [True, False])
def test_decayed_values_are_exchanged_with_dynet(to_dynet, tmp_path):
    theirs = pytest.importorskip("dynet", reason="DyNet is not installed (the extra 'oracles')")
    writer, reader = (dy, theirs) if to_dynet else (theirs, dy)
    written, found = exchanged(writer, reader, tmp_path / "model")
    for ours, read in zip(written, found, strict=True):
        np.testing.assert_allclose(ours, read, rtol=1e-7)


@pytest.mark.parametrize("to_dynet", [True, False])
def test_decayed_objects_are_exchanged_with_dynet(to_dynet, tmp_path):
    theirs = pytest.importorskip("dynet", reason="DyNet is not installed (the extra 'oracles')")
    writer, reader = (dy, theirs) if to_dynet else (theirs, dy)
    pc, p, table = makings(writer)
    trainer = writer.SimpleSGDTrainer(pc, 0.1)
    for _ in range(3):
        step(writer, trainer, lambda: p, lambda: table[1])
    writer.renew_cg()
    values = p.npvalue(), table.npvalue()
    writer.save(str(tmp_path / "model"), [p, table])
    q, other = reader.load(str(tmp_path / "model"), reader.ParameterCollection())
    reader.renew_cg()
    np.testing.assert_allclose(q.npvalue(), values[0], rtol=1e-7)
    np.testing.assert_allclose(other.npvalue(), values[1], rtol=1e-7)
