"""Train a model on a text and sample from it, from Python."""

import tempfile
from pathlib import Path

import charlm
from charlm.runs.directory import RunDirectory
from charlm.training.events import Evaluated, Logged

text = "the rain in spain stays mainly in the plain.\n" * 200
config = charlm.load_config(
    "text",
    overrides=[
        "train.steps=60",
        "train.log_every=20",
        "model.hidden_dim=64",
        "train.sample_every=0",
    ],
)

with tempfile.TemporaryDirectory() as folder:
    training = charlm.Training(config, text=text)
    training.directory = RunDirectory.create_named(Path(folder) / "run")
    for event in training.events():
        if isinstance(event, Logged):
            print(f"step {event.step}: {event.loss:.3f} nats per character")
        elif isinstance(event, Evaluated):
            print(f"held out: {event.score.bpc:.3f} bits per character")

    model = charlm.load_model(training.directory.path)
    print(model.sample(60, prime="the rain ", temperature=0.5, seed=1))
