"""The average of the weights: what it is, that it is scored, sampled and kept, and that training ignores it."""

from __future__ import annotations

import numpy as np
import pytest

from charlm.config import ModelConfig, load_config
from charlm.engine.random import NumpyStream
from charlm.lm.evaluation import evaluate
from charlm.lm.language_model import CharLM, load_model
from charlm.runs.directory import RunDirectory
from charlm.text.vocab import Vocab
from charlm.training.averaging import Averaging
from charlm.training.events import Evaluated, Sampled
from charlm.training.loop import Training

TEXT = "the cat sat on the mat, the rat sat on the cat.\n" * 20
OVERRIDES = ["model.embed_dim=4", "model.hidden_dim=8", "data.batch_size=4", "data.seq_length=16"]
OVERRIDES += ["train.steps=12", "train.eval_every=6", "train.sample_every=11"]


def tiny() -> CharLM:
    config = ModelConfig(embed_dim=3, hidden_dim=4)
    return CharLM(Vocab.from_alphabet("abc", eos=True), config, NumpyStream(5))


def shift(model: CharLM, rng: np.random.Generator) -> None:
    """Change every weight, as an update does."""
    model.load_arrays(
        {name: a + rng.normal(size=a.shape).astype(a.dtype) for name, a in model.arrays().items()}
    )


def trained(*more: str, directory=None) -> tuple[Training, list]:
    training = Training(load_config("text", overrides=[*OVERRIDES, *more]), directory, text=TEXT)
    return training, list(training.events())


@pytest.mark.parametrize("decay", [0.5, 0.99])
def test_it_is_the_weighted_mean_of_the_weights_after_each_update(decay):
    model, rng = tiny(), np.random.default_rng(0)
    averaging = Averaging(model, decay)
    expected = {name: a.astype(float) for name, a in model.arrays().items()}
    for n in range(1, 31):
        shift(model, rng)
        averaging.update()
        d = min(decay, (1 + n) / (10 + n))
        for name, a in model.arrays().items():
            expected[name] = d * expected[name] + (1 - d) * a
    with averaging.applied():
        for name, a in model.arrays().items():
            np.testing.assert_allclose(a, expected[name], rtol=1e-5, atol=1e-5)


def test_the_model_has_its_own_weights_back_to_the_bit_even_after_an_error():
    model, rng = tiny(), np.random.default_rng(0)
    averaging = Averaging(model, 0.9)
    shift(model, rng)
    averaging.update()
    own = model.arrays()
    with averaging.applied():
        assert not np.array_equal(model.arrays()["softmax.W"], own["softmax.W"])
    with pytest.raises(ZeroDivisionError), averaging.applied():
        _ = 1 / 0
    for name, a in model.arrays().items():
        assert np.array_equal(a, own[name]), name


def test_it_goes_on_from_a_checkpoint_s_tensors_to_the_bit():
    model, again, rng = tiny(), tiny(), np.random.default_rng(0)
    averaging = Averaging(model, 0.9)
    shift(model, rng)
    averaging.update()
    continued = Averaging(again, 0.9)
    continued.restore(averaging.tensors(), averaging.updates)
    shifts = np.random.default_rng(1), np.random.default_rng(1)
    for m, a, r in zip((model, again), (averaging, continued), shifts, strict=True):
        shift(m, r)
        a.update()
    for name, a in averaging.tensors().items():
        assert np.array_equal(a, continued.tensors()[name]), name


def test_without_a_decay_nothing_is_kept():
    model = tiny()
    averaging = Averaging(model, 0.0)
    assert averaging.tensors().keys() == model.arrays().keys()
    before = model.arrays()
    shift(model, np.random.default_rng(0))
    averaging.update()
    after = model.arrays()
    with averaging.applied():
        assert np.array_equal(model.arrays()["softmax.b"], after["softmax.b"])
    averaging.restore(before, 3)
    assert np.array_equal(model.arrays()["softmax.b"], before["softmax.b"])


def test_a_run_scores_samples_and_saves_the_average_and_trains_as_without(tmp_path):
    plain, _ = trained()
    directory = RunDirectory.create_named(tmp_path / "run")
    training, events = trained("train.average=0.9", directory=directory)
    own = plain.model.arrays()
    for name, a in training.model.arrays().items():
        assert np.array_equal(a, own[name]), name
    saved = load_model(directory.path)
    assert not np.array_equal(saved.arrays()["softmax.W"], own["softmax.W"])
    score = [e.score for e in events if isinstance(e, Evaluated)][-1]
    # by the run's own kernels or by numpy's: equal but for the last places
    assert evaluate(saved, training.corpus.held_out_batches()).nll == pytest.approx(score.nll)
    assert score.nll != evaluate(plain.model, plain.corpus.held_out_batches()).nll
    (sample,) = [e.sample.text for e in events if isinstance(e, Sampled) and e.step == 12]
    assert sample == saved.sample(200, seed=[0, 12])
