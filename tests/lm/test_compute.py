"""What a job is computed on follows from what was asked and from counted work, and a run stores it."""

from __future__ import annotations

import attrs
import pytest

from charlm.comparison.comparison import Comparison
from charlm.config import ModelConfig, TrainConfig, from_dict, load_comparison_config, load_config
from charlm.errors import ConfigError
from charlm.kernels import NUMPY, SAMPLER_START_UP, START_UP, machine_code
from charlm.lm.compute import (
    VARIABLE,
    Compute,
    decide,
    misses_numba,
    operations_per_character,
    sampling_kernels,
    saved_by_reading,
    saved_by_sampling,
)
from charlm.training.loop import Training
from charlm.training.work import seconds_saved

TEXT = "the cat sat on the mat, the rat sat on the cat.\n" * 40


@pytest.fixture(autouse=True)
def _unsaid(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)


def test_a_weight_is_an_addition_and_a_multiplication():
    # rnn: embedding to hidden, hidden to hidden, hidden to the alphabet; a second layer from hidden to hidden
    model = ModelConfig(layers=2, embed_dim=3, hidden_dim=5)
    assert operations_per_character(model, 7) == 2 * (3 * 5 + 5 * 5 + 5 * 5 + 5 * 5 + 7 * 5)
    sizes = ModelConfig(layers=2, embed_dim=3, hidden_dim=(4, 5))
    assert operations_per_character(sizes, 7) == 2 * (3 * 4 + 4 * 4 + 4 * 5 + 5 * 5 + 7 * 5)


@pytest.mark.parametrize(("cell", "matrices"), [("rnn", 1), ("gru", 3), ("lstm", 4)])
def test_gates_multiply_the_work(cell, matrices):
    model = ModelConfig(cell=cell, embed_dim=8, hidden_dim=8)
    assert operations_per_character(model, 1) == 2 * (matrices * 2 * 64 + 8)


def test_the_tutorials_job_is_too_short_for_compiled_code():
    for name in ("srnn", "lstm", "gru"):
        training = Training(load_config(name))
        assert training.compute.kernels == "numpy"


def test_a_run_names_what_it_decided():
    training = Training(load_config("srnn"))
    assert training.config.train.kernels == "numpy"
    assert training.config.train.threads == training.compute.threads >= 1
    stored = from_dict(training.checkpoint().config)
    assert stored.train.kernels == "numpy"
    assert Training(stored).compute == training.compute


def test_the_whole_job_counts():
    config = load_config("text")
    config = attrs.evolve(config, train=TrainConfig(steps=100, sample_every=0))
    corpus = Training(config, text=TEXT).corpus
    hundred = seconds_saved(config, corpus)
    longer = attrs.evolve(config, train=TrainConfig(steps=200, sample_every=0))
    assert seconds_saved(longer, corpus) == 2 * hundred
    sampled = attrs.evolve(config, train=TrainConfig(steps=100, sample_every=10))
    assert seconds_saved(sampled, corpus) > hundred


def test_steps_in_time_count_beside_the_arithmetic():
    """Numpy's calls take longer than the arithmetic of a small model: texts side by side share them."""
    lstm = ModelConfig(cell="lstm", embed_dim=64, hidden_dim=64)
    alone, of_many = saved_by_reading(lstm, 65), saved_by_reading(lstm, 65, texts=1000)
    assert alone > 10 * of_many
    assert saved_by_sampling(lstm, 65) > saved_by_sampling(lstm, 65, texts=2)
    deeper = attrs.evolve(lstm, layers=2)
    assert saved_by_reading(deeper, 65) > 1.9 * alone
    assert saved_by_reading(attrs.evolve(lstm, cell="norm_lstm"), 65) > 4 * alone


@pytest.mark.parametrize(
    ("cell", "units", "B", "T", "steps"),
    [
        ("rnn", 50, 1, 50, 2600),
        ("gru", 64, 1, 64, 300),
        ("lstm", 64, 1, 64, 510),
        ("lstm", 256, 16, 50, 40),
        ("norm_lstm", 64, 1, 64, 80),
    ],
)
def test_the_break_even_is_where_it_was_measured(cell, units, B, T, steps):
    """Of the seconds that loading takes and those that a step saves: to 1.5 times."""
    model = ModelConfig(cell=cell, embed_dim=units, hidden_dim=units)
    found = START_UP / (3 * T * B * saved_by_reading(model, 65, B))
    assert steps / 1.5 < found < steps * 1.5


def test_lines_are_read_one_after_the_other():
    """Whatever size of batch a config has for streams."""
    config = load_config("lstm", overrides=["train.steps=1000", "data.batch_size=64"])
    corpus = Training(config).corpus
    model, size = config.model, len(corpus.vocab)
    characters = 3 * 1000 * corpus.characters_per_step
    assert seconds_saved(config, corpus) >= characters * saved_by_reading(model, size)


def test_the_environment_decides_where_nothing_else_does(monkeypatch):
    monkeypatch.setenv(VARIABLE, "numba")
    assert decide("auto", 1, 0.0) == Compute("numba", 1)
    assert decide("numpy", 1, 1e30) == Compute("numpy", 1)
    monkeypatch.setenv(VARIABLE, "numbra")
    with pytest.raises(ConfigError, match=r"CHARLM_KERNELS: expected .* did you mean numba"):
        decide("auto", 1, 0.0)


def test_threads_are_those_asked_for_or_the_environments(monkeypatch):
    assert decide("numpy", 3, 0.0).threads == 3
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "5")
    assert decide("numpy", None, 0.0).threads == 5


def test_a_comparison_computes_all_models_alike():
    comparison = Comparison(load_comparison_config("srnn-vs-lstm"), seeds=1, steps=2)
    kernels = {member.config.train.kernels for member in comparison.plan.members}
    assert kernels == {"numpy"}


def test_compiled_kernels_train_the_same_model():
    pytest.importorskip("numba", reason="the compiled kernels need numba, of the extra fast")
    losses = []
    for kernels in ("numpy", "numba"):
        overrides = ["model.hidden_dim=24", "model.embed_dim=8", f"train.kernels={kernels}"]
        training = Training(load_config("text", overrides=overrides), text=TEXT)
        assert training.compute.kernels == kernels
        losses.append([training.update()[0] for _ in range(5)])
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)


def test_all_but_very_short_samples_use_the_compiled_sampler(monkeypatch):
    asked = []

    def entries(wait, module, later):
        asked.append((wait, later))
        return {}

    monkeypatch.setattr(machine_code, "entries", entries)
    assert sampling_kernels("auto", SAMPLER_START_UP / 2, 0.0) is NUMPY
    assert sampling_kernels("numpy", 1e30, 0.0) is NUMPY
    assert not asked
    compiled = sampling_kernels("auto", SAMPLER_START_UP * 2, 0.0)
    assert compiled.sampler is not NUMPY.sampler
    sampling_kernels("auto", START_UP * 2, 0.0)
    assert asked == [(False, False), (True, False)]  # only a long job waits for the compilation


def test_a_thousand_characters_are_sampled_as_more_are():
    """So they need the same memory."""
    for cell in ("rnn", "lstm"):
        model = ModelConfig(cell=cell, embed_dim=32, hidden_dim=32)
        assert 1_000 * saved_by_sampling(model, 30) > SAMPLER_START_UP


@pytest.mark.parametrize("missing", [True, False])
def test_a_long_job_says_that_numba_is_missing(missing, monkeypatch):
    monkeypatch.setattr("charlm.kernels.find_spec", lambda name: None if missing else object())
    monkeypatch.delenv(VARIABLE, raising=False)
    assert misses_numba("auto", 100.0) == missing
    assert not misses_numba("auto", 0.01)
    assert not misses_numba("numpy", 100.0)


def test_a_training_notes_that_numba_is_missing(monkeypatch):
    monkeypatch.setattr("charlm.kernels.find_spec", lambda name: None)
    training = Training(load_config("text"), text=TEXT)
    assert any("pip install numba" in notice for notice in training.notices)
    training = Training(load_config("text", overrides=["train.kernels=numpy"]), text=TEXT)
    assert not any("numba" in notice for notice in training.notices)
