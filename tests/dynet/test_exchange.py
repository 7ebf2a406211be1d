"""A model that one of charlm and DyNet wrote, read by the other: the same loss, and the same bytes again."""

from __future__ import annotations

from pathlib import Path

import pytest

import charlm.dynet as ours
from tests.dynet.test_files import BUILDERS, loss, model

theirs = pytest.importorskip(
    "dynet", reason="DyNet is not installed (the extra 'oracles', Python 3.11 on Linux)"
)


@pytest.mark.parametrize("builder", BUILDERS)
@pytest.mark.parametrize("to_dynet", [False, True])
def test_models_are_exchanged_with_dynet(builder, to_dynet, tmp_path):
    writer, reader = (ours, theirs) if to_dynet else (theirs, ours)
    base = str(tmp_path / "m")
    pc, objects = model(writer, builder)
    writer.save(base, objects)
    pc.save(base + ".all")
    expected = loss(writer, objects)
    assert loss(reader, reader.load(base, reader.ParameterCollection())) == pytest.approx(
        expected, rel=1e-6
    )
    pc, objects = model(reader, builder)
    pc.populate(base + ".all")
    assert loss(reader, objects) == pytest.approx(expected, rel=1e-6)
    reader.save(base + "2", objects)
    pc.save(base + "2.all")
    for ending in (".all", ".data"):
        assert Path(base + "2" + ending).read_bytes() == Path(base + ending).read_bytes()


def read_both_ways(dy, reader, layer):
    """The loss of a class at each place of a sequence."""
    dy.renew_cg()
    outputs = reader.transduce([dy.inputVector([x, -x, 0.5]) for x in (0.1, 0.7, -0.4)])
    return dy.esum([layer.neg_log_softmax(y, c) for c, y in enumerate(outputs)]).value()


@pytest.mark.parametrize("to_dynet", [False, True])
def test_readers_from_both_sides_are_exchanged_with_dynet(to_dynet, tmp_path):
    """DyNet's softmax builders have no spec: they go by populating."""
    writer, reader = (ours, theirs) if to_dynet else (theirs, ours)
    base = str(tmp_path / "m")
    pc = writer.ParameterCollection()
    both = writer.BiRNNBuilder(2, 3, 4, pc, writer.GRUBuilder)
    layer = writer.StandardSoftmaxBuilder(4, 5, pc)
    writer.save(base, [both])
    layer.param_collection().save(base + ".layer")
    pc = reader.ParameterCollection()
    [both_again] = reader.load(base, pc)
    layer_again = reader.StandardSoftmaxBuilder(4, 5, pc)
    layer_again.param_collection().populate(base + ".layer")
    expected = read_both_ways(writer, both, layer)
    assert read_both_ways(reader, both_again, layer_again) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("to_dynet", [False, True])
@pytest.mark.parametrize("options", [{"forget_bias": 0.5}, {"ln_lstm": True}], ids=str)
def test_options_of_an_lstm_are_exchanged_with_dynet(options, to_dynet, tmp_path):
    """By populating: the gains of ``ln_lstm`` are outside of the builder's collection, where saving it leaves them."""
    writer, reader = (ours, theirs) if to_dynet else (theirs, ours)
    losses = []
    for dy in (writer, reader):
        pc, objects = model(dy, "GRUBuilder")
        objects[0] = dy.LSTMBuilder(2, 3, 4, pc, **options)
        if dy is writer:
            pc.save(str(tmp_path / "m"))
        else:
            pc.populate(str(tmp_path / "m"))
        losses.append(loss(dy, objects))
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)
