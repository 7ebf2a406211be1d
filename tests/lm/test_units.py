"""The search for units finds what a model was made to follow, and nothing in shuffled labels."""

from __future__ import annotations

import numpy as np
import pytest

from charlm.config import ModelConfig, Override, load_config
from charlm.config.schema import CELLS
from charlm.errors import InputError, TextError
from charlm.lm.model import Model
from charlm.lm.units import Unit, search, unit_named, units_of, values_of
from charlm.text.labels import labels_of
from charlm.text.vocab import Vocab, code_points
from charlm.training.loop import Training
from tests.lm.texts_to_follow import brackets, columns


def trained(text: str, tmp_path) -> Model:
    """Return an LSTM that has read a text, some seconds long."""
    (tmp_path / "text.txt").write_text(text)
    settings = {
        "model.cell": '"lstm"',
        "model.hidden_dim": "32",
        "model.embed_dim": "8",
        "data.framing": "stream",
        "data.val_frac": "0",
        "data.batch_size": "16",
        "data.seq_length": "64",
        "train.steps": "200",
        "train.learning_rate": "0.01",
        "train.sample_every": "0",
        "train.kernels": '"numpy"',
    }
    overrides = [Override("here", key, value) for key, value in settings.items()]
    training = Training(load_config(texts=[str(tmp_path / "text.txt")], overrides=overrides))
    list(training.events())
    return training.model


@pytest.mark.parametrize(
    ("make", "label"), [(brackets, "depth of brackets"), (columns, "position in the line")]
)
def test_a_unit_that_follows_the_text_is_found_unprompted(make, label, tmp_path):
    model = trained(make(40_000), tmp_path)
    text = make(20_000, seed=2)
    found = search(model, model.vocab.encode(text), labels_of(code_points(text)))
    best = found[0]
    assert best.label == label
    assert abs(best.best[0][1]) > 0.8
    assert best.control < 0.2
    assert best.follows


@pytest.mark.parametrize("cell", CELLS)
def test_the_correlation_is_pearson_s(cell):
    text = brackets(300)
    vocab = Vocab.from_text(text, eos=False)
    model = Model(vocab, ModelConfig(cell=cell, hidden_dim=(5, 3), layers=2, embed_dim=4))
    ids, labels = vocab.encode(text), labels_of(code_points(text))
    units = units_of(model)
    assert len(units) == len(set(units)) == 8 * model.rnn.cell.states
    values = {unit: values_of(model, ids, unit) for unit in units}
    for find in search(model, ids, labels, most=len(units)):
        assert {unit for unit, _ in find.best} == set(units)
        for unit, r in find.best:
            expected = np.corrcoef(values[unit], labels[find.label][:-1])[0, 1]
            assert r == pytest.approx(expected, abs=1e-5)
    only = search(model, ids, labels, layer=2)
    assert {unit.layer for find in only for unit, _ in find.best} == {2}


def test_a_value_is_that_after_the_character():
    """What is read later does not change it."""
    vocab = Vocab.from_alphabet("ab", eos=False)
    model = Model(vocab, ModelConfig(cell="gru", hidden_dim=3, embed_dim=3))
    unit = Unit(1, "h", 2)
    short, long = (values_of(model, vocab.encode(text), unit) for text in ("abba", "abbbb"))
    assert short == pytest.approx(long[:3])
    other = values_of(model, vocab.encode("aaba"), unit)
    assert other[0] == pytest.approx(short[0])
    assert abs(other[1] - short[1]) > 1e-4


def test_units_that_are_not_there_are_named():
    vocab = Vocab.from_alphabet("ab", eos=False)
    model = Model(vocab, ModelConfig(cell="rnn", hidden_dim=3, embed_dim=3))
    assert unit_named(model, None, "3") == unit_named(model, 1, "h3") == Unit(1, "h", 3)
    for layer, name, said in (
        (2, "1", "layer 2: the model has one layer, 1"),
        (None, "4", "unit 4: layer 1 has the units h1 to h3"),
        (1, "c1", "h1 to h3"),
        (1, "0", "h1 to h3"),
        (1, "x", "h1 to h3"),
    ):
        with pytest.raises(InputError, match=said):
            unit_named(model, layer, name)
    lstm = Model(vocab, ModelConfig(cell="lstm", hidden_dim=3, embed_dim=3))
    assert unit_named(lstm, 1, "c2") == Unit(1, "c", 2)
    with pytest.raises(InputError, match="h1 to h3 or c1 to c3"):
        unit_named(lstm, 1, "c4")


def test_a_text_that_is_too_short_or_does_not_vary():
    vocab = Vocab.from_alphabet("a\n", eos=False)
    model = Model(vocab, ModelConfig(hidden_dim=3, embed_dim=3))
    with pytest.raises(TextError, match="has 3 characters, and a search needs 100"):
        search(model, vocab.encode("aaa"), labels_of(code_points("aaa")))
    text = "\n" * 200
    assert search(model, vocab.encode(text), labels_of(code_points(text))) == []
