"""What is counted and what is timed; how fast it is, no test can know."""

from __future__ import annotations

import subprocess
import sys

import pytest

from charlm.benchmark import operations_of_step, prepared, random_text, timed
from charlm.config import ModelConfig, load_config
from charlm.lm.compute import operations_per_character


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm", "coupled_lstm"])
def test_the_products_of_a_step_are_its_arithmetic(cell):
    model = ModelConfig(cell=cell, layers=2, embed_dim=3, hidden_dim=(5, 4))
    few, many = operations_per_character(model, 7), operations_per_character(model, 100)
    assert operations_of_step(model, 100, 6, 2) == 3 * 6 * 2 * many
    gates = {"rnn": 1, "gru": 3, "lstm": 4, "coupled_lstm": 3}[cell]
    looked_up_again = 2 * gates * 3 * 5 * (6 * 2 - 7)  # each of 7 symbols is read once
    assert operations_of_step(model, 7, 6, 2) == 3 * (6 * 2 * few - looked_up_again)


def test_warm_ups_are_not_counted():
    calls = []
    assert len(timed(lambda: calls.append(1), 3, 60.0, 2, 5)) == 5
    assert len(calls) == 8


def test_the_fewest_calls_are_made_whatever_they_take():
    assert len(timed(lambda: None, 0, 0.0, 4, 9)) >= 4


def test_a_made_up_text_has_the_shape_asked_for():
    overrides = [
        "data.batch_size=3",
        "data.seq_length=7",
        "model.hidden_dim=4",
        "train.kernels=numpy",
    ]
    config, text = random_text(load_config("text", overrides=overrides), 11)
    training = prepared(config, text)
    assert training.corpus.notices == ()
    assert training.corpus.batch(1).inputs_TB.shape == (7, 3)
    assert len(training.model.vocab) == 11


def test_memory_that_was_used_is_seen():
    code = (
        "from charlm.benchmark import peak_rss_mb\n"
        "before = peak_rss_mb()\n"
        "used = b'x' * 80_000_000\n"
        "del used\n"
        "print(peak_rss_mb() - before)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 40 < float(done.stdout) < 120
