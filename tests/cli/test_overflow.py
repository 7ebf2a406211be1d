"""Losses beyond 709 nats, whose perplexity is larger than any number."""

from __future__ import annotations

import json
import math

import attrs
import numpy as np
import pytest

from charlm.cli import main
from charlm.config import load_config
from charlm.lm.evaluation import Score
from charlm.runs.checkpoint import Checkpoint, load_checkpoint
from charlm.runs.directory import RunDirectory
from charlm.training.events import Evaluated
from charlm.training.loop import Training

SIZES = ["model.hidden_dim=4", "model.embed_dim=4", "train.kernels=numpy", "train.steps=1"]
LINES = ["data.framing=lines", "data.val_frac=0.1"]


@pytest.fixture(params=[[], LINES], ids=["stream", "lines"])
def blown_up(request, tmp_path):
    """A run whose weights have grown out of all proportion, and whose text is in a file."""
    text = tmp_path / "text.txt"
    text.write_text("the cat sat on the mat\n" * 40)
    config = load_config("text", texts=[str(text)], overrides=[*SIZES, *request.param])
    sound = Training(config, RunDirectory.create_named(tmp_path / "sound"))
    list(sound.events())
    start = load_checkpoint(tmp_path / "sound")
    tensors = {name: np.float32(1e5) * value for name, value in start.tensors.items()}
    return Training(
        attrs.evolve(config, train=attrs.evolve(config.train, learning_rate=1e-9)),
        RunDirectory.create_named(tmp_path / "run"),
        init_from=Checkpoint(tensors, start.config, start.vocab, start.state),
    )


def evaluated(capsys, *arguments):
    with pytest.raises(SystemExit) as ended:
        main(["eval", *map(str, arguments)])
    assert ended.value.code == 0
    return capsys.readouterr().out


def test_a_training_and_its_evaluation_go_to_their_end(blown_up, tmp_path, capsys):
    scores = [event.score for event in blown_up.events() if isinstance(event, Evaluated)]
    assert scores
    assert scores[-1].nll > 710
    assert scores[-1].perplexity == math.inf
    rows = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    assert rows[-1]["held_out_nll"] > 710
    assert rows[-1]["held_out_perplexity"] is None
    for options in ([], ["--mix", "ngram"], ["--dynamic", "--rate", "0.001"], ["--cold"]):
        found = json.loads(evaluated(capsys, tmp_path / "run", "--json", *options))
        if "--mix" not in options:
            assert (found["perplexity"], found["perplexity_error"]) == (None, None)
        assert "perplexity" in evaluated(capsys, tmp_path / "run", *options)


def test_an_infinite_perplexity_is_no_error():
    assert Score(709.0, 1).perplexity < math.inf
    assert Score(710.0, 1).perplexity == Score(math.inf, 1).perplexity == math.inf
    assert math.isnan(Score(math.nan, 1).perplexity)
