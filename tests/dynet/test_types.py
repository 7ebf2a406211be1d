"""What programs are given has the types that the module exports."""

from __future__ import annotations

import pytest

import charlm.dynet as dy


def test_types():
    dy.renew_cg()
    pc = dy.ParameterCollection()
    x = dy.vecInput(2)
    state = dy.GRUBuilder(1, 2, 3, pc).initial_state()
    assert isinstance(dy.cg(), dy.ComputationGraph)
    assert isinstance(x.tensor_value(), dy.Tensor)
    assert isinstance(state, dy.RNNState)
    assert isinstance(state.add_input(x), dy.RNNState)
    for e in (
        x,
        x + 1,
        state.add_input(x).output(),
        pc.add_parameters(2),
        pc.add_lookup_parameters((2, 2)),
    ):
        assert isinstance(e, dy.Expression)


def test_a_state_is_not_made_by_hand():
    with pytest.raises(TypeError):
        dy.RNNState()
