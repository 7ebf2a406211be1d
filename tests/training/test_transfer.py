"""Starting from another run's weights: rows go by their symbol."""

from __future__ import annotations

import numpy as np
import pytest

from charlm.config import load_config
from charlm.errors import CheckpointError
from charlm.training.events import Started
from charlm.training.loop import Training

SMALL = ["model.embed_dim=4", "model.hidden_dim=6", "data.alphabet=null"]


def training(text, *overrides, name="srnn", **options) -> Training:
    return Training(load_config(name, overrides=[*SMALL, *overrides]), text=text, **options)


def test_rows_follow_their_characters():
    old = training("cab\n")  # a b c <EOS>
    new = training("abxc é\n", "train.seed=1", init_from=old.checkpoint())
    fresh = training("abxc é\n", "train.seed=1").model.arrays()
    ours, theirs = new.model.arrays(), old.model.arrays()
    for name in ("embedding", "softmax.W", "softmax.b"):
        for row, symbol in enumerate(new.corpus.vocab.to_list()):
            if symbol in old.corpus.vocab:
                assert np.array_equal(ours[name][row], theirs[name][old.corpus.vocab.index(symbol)])
            else:
                assert np.array_equal(ours[name][row], fresh[name][row])
    assert np.array_equal(ours["rnn.0.Wh"], theirs["rnn.0.Wh"])
    (said,) = new.notices
    assert "4 symbols kept, 3 new (' ' 'x' 'é')" in said


def test_it_is_said_before_the_first_step():
    old = training("cab\n")
    started = next(iter(training("ad\n", init_from=old.checkpoint()).events()))
    assert isinstance(started, Started)
    assert "2 symbols kept, 1 new ('d'), 2 dropped ('b' 'c')" in started.notices[-1]


def test_from_lines_to_a_stream():
    old = training("cab\n")
    new = training(
        "cab\ncab\ncab",
        "data.val_frac=0",
        "model.cell=rnn",
        name="text",
        init_from=old.checkpoint(),
    )
    assert "3 symbols kept, 1 new ('\\n'), 1 dropped ('<EOS>')" in new.notices[-1]


@pytest.mark.parametrize("other", ["model.hidden_dim=7", "model.cell=gru", "model.embed_dim=5"])
def test_other_sizes_are_refused_naming_both(other):
    old = training("cab\n")
    with pytest.raises(
        CheckpointError, match=r"has rnn, layers 1, embedding 4, hidden 6, this one has"
    ):
        training("cab\n", other, init_from=old.checkpoint())
