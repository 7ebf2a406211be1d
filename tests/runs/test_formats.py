"""Checkpoints of earlier formats, committed here, load and resume for ever."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import charlm
from charlm.lm.saved import config_of
from charlm.runs.checkpoint import load_checkpoint, save_checkpoint
from charlm.training.events import Evaluated, Logged
from charlm.training.loop import Training

DATA = Path(__file__).parent / "data"
RUN = DATA / "stream-format-1.safetensors"
"""Of a run that had skipped steps and gone back once, with dropout, averaging and a carried state."""
TEXT = "a small cat and a large rat sat on a mat, and that was that.\n" * 20
LOSSES = [2.37672321, 2.46514972, 2.36420393, 2.38162374, 2.46200315, 2.39545647]
SCORES = [2.44172593, 2.41294010, 2.39755899, 2.39072506, 2.38651713]
"""What the charlm that wrote the file reported after it had resumed it."""


def test_format_1():
    model = charlm.load_model(DATA / "fox-format-1.safetensors")
    assert model.sample(temperature=0) == "a quick brown fox jumped over the lazy dog"


def resumed(path: Path, text: str = TEXT) -> tuple[Training, list[float], list[float]]:
    checkpoint = load_checkpoint(path)
    training = Training(config_of(checkpoint), text=text, resume=checkpoint)
    events = list(training.events())
    losses = [event.loss for event in events if isinstance(event, Logged)]
    return training, losses, [event.score.nll for event in events if isinstance(event, Evaluated)]


def test_a_run_of_format_1_is_resumed(tmp_path):
    training, losses, scores = resumed(RUN)
    assert losses == pytest.approx(LOSSES, rel=1e-5)
    assert scores == pytest.approx(SCORES, rel=1e-5)
    end = training.checkpoint().state
    assert (end["step"], end["guard"]["skipped"], end["guard"]["factor"]) == (40, 4, 0.5)
    # written again as today's format it leads to the same bits
    save_checkpoint(tmp_path / "today.safetensors", load_checkpoint(RUN))
    again, *reported = resumed(tmp_path / "today.safetensors")
    assert reported == [losses, scores]
    for name, tensor in training.checkpoint().tensors.items():
        np.testing.assert_array_equal(again.checkpoint().tensors[name], tensor)


LINES = DATA / "lines-format-2.safetensors"
"""Of a run on lines that has no ``data.shuffle`` yet, and a batch size without effect."""
LINES_LOSSES = [14.11634302, 12.51005697, 11.94068289, 16.66123056, 16.00218010]
LINES_SCORES = [2.08731925, 1.87221632, 1.75021906]


def test_a_run_that_read_lines_in_order_is_resumed():
    pairs = [(a, b) for a in ("an", "bo", "cla", "d") for b in ("a", "eve", "i", "o", "ura")]
    text = "".join(f"{a}{b}{'la' * (k % 4)}\n" for k, (a, b) in enumerate(pairs))
    training, losses, scores = resumed(LINES, text)
    assert losses == pytest.approx(LINES_LOSSES, rel=1e-5)
    assert scores == pytest.approx(LINES_SCORES, rel=1e-5)
    data = training.config.data
    assert (data.shuffle, data.batch_size, training.step) == (False, 1, 50)
