"""Verdicts beside a training, which they leave alone."""

from __future__ import annotations

import attrs
import pytest

from charlm.config import DataConfig, ModelConfig, RunConfig, TrainConfig
from charlm.errors import OutputError
from charlm.reporting import verdicts
from charlm.reporting.verdicts import History, Verdicts
from charlm.runs.directory import RunDirectory
from charlm.text.corpus import StreamCorpus
from charlm.training.events import Evaluated, Logged
from charlm.training.loop import Training

TEXT = "the cat sat on the mat, the rat sat on the cat.\n" * 40


def test_an_evaluation_does_not_disturb_the_training():
    settings = TrainConfig(
        trainer="adam", learning_rate=0.01, steps=12, log_every=1, sample_every=0
    )
    data = DataConfig(framing="stream", alphabet=None, val_frac=0.1, batch_size=4, seq_length=16)
    config = RunConfig(model=ModelConfig(embed_dim=4, hidden_dim=8), data=data, train=settings)
    often = attrs.evolve(config, train=attrs.evolve(settings, eval_every=2))
    runs = [list(Training(c, text=TEXT).events()) for c in (config, often)]
    losses = [[e.loss for e in events if isinstance(e, Logged)] for events in runs]
    assert losses[0] == losses[1]
    assert [sum(isinstance(e, Evaluated) for e in events) for events in runs] == [1, 6]


def test_verdicts_go_on_from_what_was_known(tmp_path):
    corpus = StreamCorpus.from_text(TEXT, val_frac=0.1)
    directory = RunDirectory(tmp_path)
    directory.metrics.write_text(
        '{"step": 10, "held_out_nll": 2.5, "seconds": 1}\n'
        '{"step": 20, "held_out_nll": 1.0, "seconds": 2}\n'
    )
    found = Verdicts(corpus, tmp_path, History.read(directory))
    assert found.evaluated(20, 2.0).endswith("improved by 0.5000 since step 10")
    assert (tmp_path / "baselines.json").is_file()


@pytest.mark.parametrize("error", [MemoryError(), OutputError("the disk is full")])
def test_baselines_that_fail_are_no_reason_to_end_a_run(error, monkeypatch):
    def fail(*_):
        raise error

    monkeypatch.setattr(verdicts, "baselines_of", fail)
    corpus = StreamCorpus.from_text(TEXT, val_frac=0.1)
    assert Verdicts(corpus, None).evaluated(20, 2.0) is None
