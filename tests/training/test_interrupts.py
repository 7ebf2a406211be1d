"""An interrupt out of ``events()`` costs what came after the last checkpoint, and nothing else."""

from __future__ import annotations

import sys

from charlm.config import load_config
from charlm.training.events import Stepped
from charlm.training.loop import Training

TEXT = "the cat sat on the mat, the rat sat on the cat.\n" * 20
SETTINGS = {
    "model.hidden_dim": 8,
    "model.embed_dim": 4,
    "data.batch_size": 2,
    "data.seq_length": 8,
    "train.steps": 12,
    "train.checkpoint_every": 2,
    "train.eval_every": 4,
    "train.sample_every": 5,
    "train.average": 0.9,
    "train.kernels": "numpy",
}


def training() -> Training:
    return Training(
        load_config("text", overrides=[f"{k}={v}" for k, v in SETTINGS.items()]), text=TEXT
    )


def interrupted_at(call: int, run: Training) -> bool:
    """Raise at the given call of any function that a training makes; return whether there was one."""
    left = call

    def at(frame, event, argument):
        nonlocal left
        left -= event == "call"
        if left < 0:
            raise KeyboardInterrupt

    events = run.events()
    next(events)
    sys.setprofile(at)
    try:
        for _ in events:
            pass
    except KeyboardInterrupt:
        return True
    finally:
        sys.setprofile(None)
    return False


def test_it_goes_on_from_the_last_checkpoint():
    whole = training()
    list(whole.events())
    wanted = whole.model.arrays()
    for call in (0, 50, 1000, 2000, 3000, 5000, 8000, 12000):
        run = training()
        assert interrupted_at(call, run)
        steps = [event.step for event in run.events() if isinstance(event, Stepped)]
        assert steps[-1] == 12
        found = run.model.arrays()
        assert all((found[name] == wanted[name]).all() for name in wanted), call


def test_a_checkpoint_stays_what_it_was():
    run = training()
    list(run.events())
    kept = run.checkpoint()
    before = {name: tensor.copy() for name, tensor in kept.tensors.items()}
    run.update()
    assert all((before[name] == kept.tensors[name]).all() for name in before)


def test_a_run_that_was_left_goes_on_where_it_was():
    run = training()
    for event in run.events():
        if isinstance(event, Stepped) and event.step == 5:
            break
    steps = [event.step for event in run.events() if isinstance(event, Stepped)]
    assert steps == list(range(6, 13))
