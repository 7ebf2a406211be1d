"""charlm, as ``charlm train``, ``bench`` and ``sample`` run it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.words import words
from charlm.benchmark import gemm_rate, operations_of_step, prepared, random_text
from charlm.config import load_config
from charlm.kernels import select
from charlm.lm.compute import decide, operations_per_character
from charlm.training.loop import Training


def start(job: dict[str, Any]) -> None:
    """Load the kernels, so that their code is not counted as memory of the step."""
    if job["kernels"] == "numba":
        select("numba", job["threads"])


def step(job: dict[str, Any]) -> Callable[[], object]:
    """A training step."""
    return _training(job).update


def lines(job: dict[str, Any]) -> Callable[[], object]:
    """A pass over a list of words, by the preset for lists."""
    settings = [
        "data.val_frac=0",
        f"train.kernels={job['kernels']}",
        f"train.threads={job['threads']}",
    ]
    if "batch" in job:
        settings.append(f"data.batch_size={job['batch']}")
    config = load_config("lists", overrides=settings)
    training = prepared(config, "\n".join(words(job["words"])))
    steps = training.corpus.steps_per_pass
    return lambda: [training.update() for _ in range(steps)]


def sample(job: dict[str, Any]) -> Callable[[], object]:
    """A text of some characters."""
    model = _training(job).model
    work = job["length"] * operations_per_character(model.config, len(model.vocab))
    model.kernels = decide(job["kernels"], job["threads"], work).functions()
    return lambda: model.sample(job["length"], seed=1)


def facts(task: str, job: dict[str, Any]) -> dict[str, Any]:
    """How fast numpy's matrix product is on the step's shapes, in this process; operations of a step."""
    if task != "step":
        return {}
    sizes = _config(job).model, job["vocab"], job["seq"], job["batch"]
    return {
        "gemm_gflop_per_second": gemm_rate(*sizes),
        "gflop": operations_of_step(*sizes) / 1e9,
        "numpy": np.__version__,
    }


def _training(job: dict[str, Any]) -> Training:
    return prepared(*random_text(_config(job), job["vocab"]))


def _config(job: dict[str, Any]) -> Any:
    settings = {
        "model.cell": job["cell"],
        "model.layers": job["layers"],
        "model.hidden_dim": job["hidden"],
        "model.embed_dim": job["hidden"],
        "data.batch_size": job["batch"],
        "data.seq_length": job["seq"],
        "train.trainer": "adam",
        "train.kernels": job["kernels"],
        "train.threads": job["threads"],
    }
    return load_config("text", overrides=[f"{key}={value}" for key, value in settings.items()])
