"""What takes long says what it does, and how far it is: all of it, from nothing to the end."""

from __future__ import annotations

import contextlib
import threading
from contextvars import copy_context

import numpy as np
import pytest

from charlm import progress
from charlm.baselines.measure import measure
from charlm.config import DataConfig, load_config
from charlm.kernels.compiling import COMPILING
from charlm.lm.scoring import score_text
from charlm.text.preparing import corpus_of
from charlm.training.budget import Clock
from charlm.training.loop import Training

TEXT = "the cat sat on the mat, the rat sat on the cat.\n" * 60


class Told:
    """What a listener was told: messages, and tasks with their totals and what was done of them."""

    def __init__(self):
        self.said = []
        self.tasks = []

    def say(self, text):
        self.said.append(text)

    @contextlib.contextmanager
    def task(self, what, total):
        done = []
        yield done.append
        self.tasks.append((what, total, sum(done)))


def told(work):
    """Run some work and return what it told."""
    found = Told()

    def listened():
        progress.listen(found)
        work()

    copy_context().run(listened)
    return found


def test_the_innermost_task_comes_on_and_threads_are_not_told():
    def work():
        with progress.task("outer", 3):
            progress.advance(1)
            with progress.task("inner"):
                progress.advance(5)
            thread = threading.Thread(target=progress.advance, args=(7,))
            thread.start()
            thread.join()
            progress.advance(2)
        progress.advance(9)

    assert told(work).tasks == [("inner", None, 5), ("outer", 3, 3)]


@pytest.fixture
def corpus(tmp_path):
    file = tmp_path / "text.txt"
    file.write_text(TEXT)
    return DataConfig(text=str(file), framing="stream", alphabet=None, val_frac=0.1)


def test_reading_and_counting_are_told_to_the_end(corpus):
    assert told(lambda: corpus_of(corpus)).tasks == [("reading", 3 * len(TEXT), 3 * len(TEXT))]
    read = corpus_of(corpus)
    work = told(lambda: measure(read.vocab, read.train_ids, read.held_out_ids, order=5))
    assert work.tasks == [("counting", 12, 12)]


def test_scoring_is_told_to_the_end(corpus):
    read = corpus_of(corpus)
    small = ["model.hidden_dim=4", "model.embed_dim=4", "train.steps=0", "data.val_frac=0.1"]
    training = Training(load_config("text", overrides=small), text=TEXT)
    held_out = len(read.held_out_ids)
    assert told(lambda: list(training.events())).tasks == [("scoring", held_out, held_out)]
    ids = np.append(read.train_ids, read.held_out_ids)
    begin = len(read.train_ids)

    def work():
        score_text(training.model, ids, begin, read.train_ids, dynamic=True, mix=True)

    gradients, rate, scoring, counting = told(work).tasks
    assert gradients[1] == gradients[2] > 0
    assert rate[1] >= rate[2] > 0  # it may end at the first rate that is too high
    assert scoring == ("scoring", held_out, held_out)
    assert counting[1] == counting[2] > 0


def test_compiling_is_told_of_and_charged_to_no_budget(monkeypatch):
    numba = pytest.importorskip("numba", reason="numba is not installed")
    monkeypatch.setattr(COMPILING, "seconds", 0.0)
    found = Told()

    def watched():
        progress.listen(found)
        COMPILING.begin()
        COMPILING.end()

    copy_context().run(watched)
    assert [task[0] for task in found.tasks] == ["compiling"]
    assert "once on this machine" in found.said[0]
    from charlm.kernels.compiled import options

    before = COMPILING.seconds
    assert options.compiled()(lambda x: x + 1).py_func(1) == 2
    assert numba.njit(lambda x: x + 2)(1) == 3
    assert COMPILING.seconds > before
    clock = Clock()
    monkeypatch.setattr(COMPILING, "seconds", COMPILING.seconds + 1000)
    assert clock.seconds < 0
