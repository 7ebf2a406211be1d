"""The same program on charlm.dynet and on DyNet itself: ids, losses, gradients, updates, random numbers."""

from __future__ import annotations

import numpy as np
import pytest

import charlm.dynet as ours
from tests.dynet.programs import BUILDERS, FOX, Tutorial, batched_loss, first_cells

theirs = pytest.importorskip(
    "dynet", reason="DyNet is not installed (the extra 'oracles', Python 3.11 on Linux)"
)


def difference(a, b) -> float:
    """The largest difference, relative to the largest number."""
    a, b = np.asarray(a, float), np.asarray(b, float)
    return float(np.abs(a - b).max() / max(1e-30, np.abs(b).max()))


def test_the_tutorials_ids():
    assert first_cells(ours)["ids"] == first_cells(theirs)["ids"]


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("builder", BUILDERS)
@pytest.mark.parametrize("batched", [False, True])
def test_losses_and_gradients(builder, layers, batched, record_property):
    found = []
    for dy in (ours, theirs):
        model = Tutorial(dy, builder, layers, size=12)
        model.fill()
        loss = batched_loss(dy, model) if batched else model.loss(FOX)
        value = loss.value()
        loss.backward()
        found.append((value, model.gradients()))
    losses = difference(found[0][0], found[1][0])
    gradients = max(difference(a, b) for a, b in zip(found[0][1], found[1][1], strict=True))
    record_property("largest relative difference of losses", losses)
    record_property("largest relative difference of gradients", gradients)
    print(f"{builder} x {layers}, batched {batched}: loss {losses:.1e}, gradients {gradients:.1e}")
    assert losses < 2e-6
    assert gradients < 2e-5


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("builder", BUILDERS)
def test_gradients_of_states(builder, layers):
    """What flows into a state through all that follows it, the memories too, and into transduce's outputs."""
    found = []
    for dy in (ours, theirs):
        model = Tutorial(dy, builder, layers, size=5)
        model.fill()
        dy.renew_cg()
        drawn = np.random.default_rng(4).uniform(-1, 1, (4, 5))
        xs = [dy.inputTensor(x) for x in drawn]
        states = model.rnn.initial_state().add_inputs(xs)
        outputs = states[1].transduce(xs)
        loss = dy.esum([dy.sum_elems(dy.square(e)) for e in (states[-1].output(), *outputs[2:])])
        loss.backward(full=True)
        carried = [e for state in states for e in state.s()]
        found.append([e.gradient() for e in (*carried, *outputs, *xs)])
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("builder", BUILDERS)
def test_a_seed_gives_dynets_numbers(builder):
    """Nothing is copied: initial values come from the same stream, so the losses agree from the first."""
    losses = []
    for dy in (ours, theirs):
        dy.reset_random_seed(11)
        losses.append(Tutorial(dy, builder).train(FOX, 4))
    assert difference(losses[0][0], losses[1][0]) < 1e-6
    assert difference(losses[0], losses[1]) < 1e-3  # the order of float32 sums differs: it adds up


@pytest.mark.parametrize("trainer", ["SimpleSGDTrainer", "AdamTrainer"])
def test_updates(trainer):
    values = []
    for dy in (ours, theirs):
        model = Tutorial(dy, "LSTMBuilder", size=6)
        model.fill()
        model.trainer = getattr(dy, trainer)(model.pc)
        model.train("abca", 3)
        arrays = [p.as_array() for p in model.pc.parameters_list()]
        values.append([*arrays, model.lookup.as_array()])
    assert max(difference(a, b) for a, b in zip(*values, strict=True)) < 2e-5


def test_dropout_masks():
    drawn = []
    for dy in (ours, theirs):
        dy.reset_random_seed(3)
        dy.renew_cg()
        drawn.append(dy.dropout(dy.inputVector([1.0] * 50), 0.3).vec_value())
    assert drawn[0] == drawn[1]
