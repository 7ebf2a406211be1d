"""Trainings that several ranks share: ``mpirun -n 2 python -m tests.training.sharing FOLDER CASE...`` runs them.

Rank 0 writes what each ends with into the folder; ``alone`` runs one in this process. The settings are small, and
each has something that can go wrong when a batch is divided.
"""

from __future__ import annotations

import math
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from charlm.config import RunConfig, load_config
from charlm.errors import BadGradientError
from charlm.ranks import Ranks, world
from charlm.training.launch import begin, follow
from charlm.training.loop import Training

BESIDE = Path(sys.executable).with_name("mpirun")  # of a wheel, such as mpich's
MPIRUN = str(BESIDE) if BESIDE.exists() else shutil.which("mpirun")
HAS_MPI = MPIRUN is not None and find_spec("mpi4py") is not None
ROOT = Path(__file__).parents[2]
STEPS = 100
LINES = "the cat sat\non a mat\nand the dog ran far away\nfrom here\nto the rat\n" * 3
STREAM = LINES.replace("\n", " ") * 12
SPOILT = "a cat " * 175 + "aq cat" + "a cat " * 34 + "a"
"""The last of six streams begins at its q."""
DROPOUT = {"model.dropout": 0.2, "model.input_dropout": 0.1}
ADAM = {"train.trainer": "adam", "train.learning_rate": 0.002}
LINE = {"data.framing": "lines", "train.learning_rate": 0.02, "data.batch_size": 1}
CASES: dict[str, dict[str, Any]] = {
    "rnn": {"model.cell": "rnn"},
    "gru with dropout": {"model.cell": "gru", **DROPOUT, "train.clip_norm": 0.2},
    "lstm on compiled kernels": {"train.kernels": "numba", **ADAM},
    "two layers with one mask for all positions": {
        "model.layers": 2,
        **DROPOUT,
        "model.variational": True,
    },
    "recurrent dropout": {"model.recurrent_dropout": 0.3, "model.tied": True},
    "streams that ranks cannot divide": {"data.batch_size": 5, **DROPOUT, **ADAM},
    "several batches an update": {"train.accumulate": 2, **DROPOUT, "train.average": 0.9},
    "lines": {**LINE, "train.accumulate": 3},
    "lines with dropout": {
        **LINE,
        "train.accumulate": 5,
        **DROPOUT,
        "model.recurrent_dropout": 0.3,
    },
    "lines in batches": {**LINE, "data.batch_size": 4, **DROPOUT, "model.recurrent_dropout": 0.3},
    "fewer lines in a batch than ranks": {
        **LINE,
        "data.batch_size": 2,
        "train.accumulate": 2,
        **DROPOUT,
    },
    "documents": {
        "data.framing": "documents",
        "data.separator": "/the dog/",
        "data.batch_size": 3,
        **DROPOUT,
    },
    "a loss that is not finite": {**DROPOUT, "data.val_frac": 0},
    "one in the first of two batches": {**DROPOUT, "data.val_frac": 0, "train.accumulate": 2},
}


def mpirun(*arguments: str, folder: Path, **options: Any) -> subprocess.Popen[str]:
    """Start ``mpirun`` in a folder; Open MPI needs to be told that it may start there what is asked for."""
    allowed = {
        "OMPI_ALLOW_RUN_AS_ROOT": "1",
        "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
        "OMPI_MCA_rmaps_base_oversubscribe": "1",
        "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
    }
    return subprocess.Popen(
        [str(MPIRUN), *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error", **allowed},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def config_of(settings: dict[str, Any]) -> RunConfig:
    given = {
        "model.hidden_dim": 8,
        "model.embed_dim": 8,
        "data.framing": "stream",
        "data.batch_size": 6,
        "data.seq_length": 7,
        "train.trainer": "sgd",
        "train.learning_rate": 0.3,
        "train.schedule": "constant",
        "train.steps": STEPS,
        "train.kernels": "numpy",
        "train.threads": 1,
        **settings,
    }
    return load_config("text", overrides=[f"{key}={value}" for key, value in given.items()])


def spoil(training: Training) -> None:
    """Let the loss of streams with a q not be finite."""
    symbols = training.corpus.vocab.to_list()
    if "q" in symbols:
        training.model.embedding.value[symbols.index("q")] = np.nan


def trained(ranks: Ranks | None, settings: dict[str, Any]) -> dict[str, Any]:
    """Make all updates; return the losses and all tensors of the checkpoint."""
    text = STREAM if settings.get("data.framing", "stream") == "stream" else LINES
    training = begin(
        ranks, config_of(settings), text=SPOILT if "data.val_frac" in settings else text
    )
    spoil(training)
    losses: list[tuple[float, int]] = []
    with np.errstate(all="ignore"):
        for _ in range(STEPS):
            try:
                losses.append(training.update())
            except BadGradientError:
                losses.append((math.nan, 0))
    return {"losses": np.array(losses), **training.checkpoint().tensors}


def main(folder: str, *names: str) -> None:
    ranks = world()
    assert ranks is not None
    if ranks.rank:
        follow(ranks, spoil)
        return
    with ranks.leading():
        for name in names:
            np.savez(Path(folder) / f"{name}.npz", **trained(ranks, CASES[name]))


if __name__ == "__main__":
    main(*sys.argv[1:])
