"""Pickling and copying: refused as in DyNet, by a message that says what to do."""

from __future__ import annotations

import copy
import pickle

import pytest

import charlm.dynet as ours


def things(dy):
    dy.renew_cg()
    pc = dy.ParameterCollection()
    builder = dy.LSTMBuilder(1, 2, 3, pc)
    state = builder.initial_state().add_input(dy.vecInput(2))
    return {
        "collection": pc,
        "parameters": pc.add_parameters(2),
        "table": pc.add_lookup_parameters((2, 2)),
        "builder": builder,
        "trainer": dy.AdamTrainer(pc),
        "expression": dy.inputVector([1, 2]) + 1,
        "state": state,
    }


@pytest.mark.parametrize("name", things(ours))
@pytest.mark.parametrize("copied", [pickle.dumps, copy.deepcopy])
def test_a_message_says_what_to_do(copied, name):
    needed = "value" if name in ("expression", "state") else "save|value"
    with pytest.raises(TypeError, match=rf"cannot be pickled or copied: .*({needed})\(\)"):
        copied(things(ours)[name])


def test_in_the_programs_own_class_too():
    class Tagger:
        def __init__(self):
            self.name = "tagger"
            self.model = ours.ParameterCollection()

    with pytest.raises(TypeError, match=r"ParameterCollection\.save\(\)"):
        copy.deepcopy(Tagger())
