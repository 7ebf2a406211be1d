"""The current graph under DyNet's names: its methods, checkpoints, listings."""

from __future__ import annotations

import numpy as np
import pytest

import charlm.dynet as dy


@pytest.fixture(autouse=True)
def afresh():
    dy.init(random_seed=1)
    yield
    dy.init(random_seed=1)


def test_there_is_one_object_and_nobody_makes_another():
    graph = dy.renew_cg()
    version = graph.version()
    assert graph is dy.cg() is dy.renew_cg() is graph.renew()
    assert graph.version() == dy.cg_version() == version + 2
    with pytest.raises(RuntimeError, match=r"renew_cg\(\) and cg\(\) return it"):
        dy.ComputationGraph()


def test_the_functions_do_what_the_methods_do(capfd):
    x = dy.inputVector([1, 2])
    dy.cg_checkpoint()
    dy.cg().checkpoint()
    y = x * 2
    dy.cg().revert()
    assert (str(x * 3), (x * 4).value()) == (str(y), [4.0, 8.0])
    dy.cg_revert()
    dy.print_text_graphviz()
    dy.cg().print_graphviz()
    out, err = capfd.readouterr()
    assert out == ""
    assert err.count("digraph G {") == 2
    assert err.count('N0 [label="v0 = input(): (2,)"];') == 2
    assert "N1" not in err
    dy.print_graphviz()
    assert "print_text_graphviz()" in capfd.readouterr().out


def test_forward_and_backward_take_ids():
    pc = dy.ParameterCollection()
    p = pc.add_parameters(2, init=3.0)
    x = dy.inputVector([1, 2])
    y = dy.dropout(p - x, 0.5)
    loss = dy.sum_elems(y)
    graph = dy.cg()
    assert y.id == 4  # minus is two nodes
    assert graph.inc_forward(y.id) is None
    first = graph.inc_forward_vec(y.id)
    assert graph.inc_forward_scalar(loss.id) == sum(first) == loss.value()
    assert {tuple(graph.forward_vec(y.id)) for _ in range(30)} > {tuple(first)}
    graph.forward(loss.id)
    assert graph.forward_scalar(loss.id) == sum(y.value())
    graph.backward(loss.id)
    assert (p.grad_as_array() == [2.0 * (v != 0) for v in y.value()]).all()
    assert x.gradient().tolist() == [0.0, 0.0]
    graph.backward(loss.id, True)
    assert (x.gradient() == [-2.0 * (v != 0) for v in y.value()]).all()


@pytest.mark.parametrize(
    ("index", "error", "text"),
    [
        (9, ValueError, "no node with the id 9"),
        (-1, OverflowError, "id of a node"),
        ("a", TypeError, "'a'"),
    ],
)
def test_ids_that_are_none(index, error, text):
    dy.inputVector([1])
    with pytest.raises(error, match=text):
        dy.cg().forward(index)


def test_inputs_of_the_graph():
    graph = dy.cg()
    matrix = graph.inputMatrixLiteral([1, 2, 3, 4], (2, 2))
    assert matrix.npvalue().tolist() == [[1, 3], [2, 4]]
    assert graph.inputMatrixLiteral([1, 2], (1,), 2).dim() == ((1,), 2)
    sparse = graph.inputSparseTensor([0, 3, 4], [5, 6, 7], (2, 2), 2, -1)
    assert sparse.npvalue().tolist() == [[[5, 7], [-1, -1]], [[-1, -1], [6, -1]]]
    assert str(sparse) == f"expression 2/{dy.cg_version()}"
    with pytest.raises(ValueError, match="outside axis"):
        graph.inputSparseTensor([9], [1], (2, 2))
    with pytest.raises(RuntimeError, match="the only device is 'CPU'"):
        graph.inputSparseTensor([0], [1], (2, 2), device="GPU:0")


def test_a_dump(tmp_path, capfd):
    dy.dump_cg()
    assert capfd.readouterr().out == "(Computation graph is empty)\n"
    x = dy.inputVector([1, 0])
    dy.log(x).value()
    dy.dump_cg(show_gradients=False)
    shown = capfd.readouterr().out
    assert shown.splitlines()[1::2] == ["Value: [1. 0.]", "Value: [  0. -inf]"]
    dy.cg().dump(str(tmp_path / "dump"), True, False, False)
    assert (tmp_path / "dump").read_text() == shown
    dy.dump_cg(nan_check_only=True)
    assert "Value: invalid\nGradient: (not computed)\n" in capfd.readouterr().out


@pytest.mark.parametrize("asked", [None, False, True, 0])
def test_autobatching_is_taken_and_changes_nothing(asked):
    dy.init(random_seed=1, autobatch=True)
    dy.renew_cg(autobatching=asked)
    assert (dy.inputVector([1, 2]) * 2).value() == [2.0, 4.0]


def test_checkpoints_are_dynets():
    theirs = pytest.importorskip("dynet", reason="DyNet is not installed (the extra 'oracles')")
    shown = []
    for module in (dy, theirs):
        module.renew_cg()
        x = module.inputVector([1, 2])
        module.cg_checkpoint()
        y = x * 3
        module.cg_checkpoint()
        y + 1
        module.cg_revert()
        names = [str(y * 2)]
        module.cg_revert()
        names.append(str(x * 2))
        module.cg_revert()
        last = x * 4
        shown.append([*(name.split("/")[0] for name in names), last.value()])
    assert shown[0] == shown[1]


def test_expressions_after_a_revert_never_mean_another_node():
    """DyNet's would: its parameter nodes made after the checkpoint take part in that."""
    pc = dy.ParameterCollection()
    p = pc.add_parameters(2, init=3.0)
    lstm = dy.LSTMBuilder(1, 2, 3, pc)
    x = dy.inputVector([1, 2])
    dy.cg_checkpoint()
    y = p + x
    state = lstm.initial_state()
    expected = state.add_input(x).output().value()
    dy.cg_revert()
    z = x * 2
    assert (p + x).value() == [4.0, 5.0]
    assert lstm.initial_state().add_input(x).output().value() == expected
    assert z.value() == [2.0, 4.0]
    with pytest.raises(RuntimeError, match="deleted its node"):
        y.value()
    with pytest.raises(ValueError, match="deleted its node"):
        z + y
    dy.sum_elems(p * 1).backward()
    assert (p.grad_as_array() == 1).all()
    assert np.isfinite(p.npvalue()).all()
