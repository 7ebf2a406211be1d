"""A learner alone, without a loop: its updates, its snapshots, and whether its numbers are sound."""

from __future__ import annotations

import numpy as np
import pytest

from charlm.config import load_config
from charlm.errors import CheckpointError
from charlm.training.learner import Learner
from charlm.training.loop import Training

TEXT = "the cat sat on the mat, the rat sat on the cat.\n" * 12
SMALL = ["model.embed_dim=5", "model.hidden_dim=6", "data.batch_size=3", "data.seq_length=8"]
RICH = ["model.dropout=0.1", "train.trainer=adam", "train.average=0.9", "train.accumulate=2"]


def learner(*overrides: str) -> Learner:
    return Training(load_config("text", overrides=[*SMALL, *overrides]), text=TEXT).learner


def test_a_restored_learner_goes_on_to_the_same_bits():
    first, second = learner(*RICH), learner(*RICH)
    for _ in range(5):
        first.update(0.01)
    state = second.restore(first.snapshot({"metrics": 3, "samples": 4}, 1.5))
    assert (state.lines.metrics, state.lines.samples, state.seconds) == (3, 4, None)
    assert [first.update(0.01) for _ in range(4)] == [second.update(0.01) for _ in range(4)]
    ours, theirs = (each.snapshot({}, 0.0) for each in (first, second))
    assert ours.state == theirs.state
    for name, tensor in ours.tensors.items():
        np.testing.assert_array_equal(theirs.tensors[name], tensor)


def test_an_update_takes_the_rate_that_it_is_given():
    still, moving = learner("train.trainer=sgd"), learner("train.trainer=sgd")
    before = still.model.arrays()
    still.update(0.0)
    moving.update(0.1)
    assert np.array_equal(still.model.arrays()["softmax.W"], before["softmax.W"])
    assert not np.array_equal(moving.model.arrays()["softmax.W"], before["softmax.W"])


def test_weights_alone_are_no_snapshot():
    with pytest.raises(CheckpointError, match="its state"):
        learner().restore(learner().weights())


def test_numbers_that_are_not_finite_are_not_sound():
    given = learner()
    assert given.is_sound()
    given.model.softmax_b.write()[0] = np.nan
    assert not given.is_sound()
