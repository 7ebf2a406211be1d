"""numpy's linear algebra takes the threads that a job has, also where numpy was there before charlm."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from charlm.threads import VARIABLES, cores

assert np  # loads it
if not any(found["user_api"] == "blas" for found in threadpool_info()):
    pytest.skip("threadpoolctl does not know numpy's linear algebra here", allow_module_level=True)

SEEN = """
import numpy
import threadpoolctl
def seen():
    (blas,) = [x for x in threadpoolctl.threadpool_info() if x["user_api"] == "blas"]
    return blas["num_threads"]
threadpoolctl.threadpool_limits(3)  # as many as there would be cores
"""
TRAINING = """
import charlm
def training(*overrides):
    config = charlm.load_config("text", overrides=["model.hidden_dim=8", *overrides])
    return charlm.Training(config, text="the cat sat. " * 200)
"""
DYNET = "import charlm.dynet as dy\ndy.scalarInput(1).value()\n"
PROGRAMS = {
    "DyNet": (DYNET, 1, {}),
    "DyNet, asked before": (DYNET, 2, {"OPENBLAS_NUM_THREADS": "2"}),
    "DyNet, asked later": (
        f"{DYNET}threadpoolctl.threadpool_limits(2)\ndy.renew_cg()\ndy.scalarInput(1).value()",
        2,
        {},
    ),
    "a small model": (f"{TRAINING}training('train.kernels=numpy')", 1, {}),
    "a large model": (
        f"{TRAINING}training('model.hidden_dim=512', 'train.kernels=numpy')",
        None,
        {},
    ),
    "a config": (f"{TRAINING}training('train.threads=2')", 2, {}),
    "the environment": (f"{TRAINING}training()", 2, {"OMP_NUM_THREADS": "2"}),
    "two side by side": (
        f"{TRAINING}a, b = training('train.threads=2'), training('train.threads=1')\n"
        "assert seen() == 1\na.update()",
        2,
        {},
    ),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_threads_of_linear_algebra(name):
    program, threads, said = PROGRAMS[name]
    environment = {key: value for key, value in os.environ.items() if key not in VARIABLES}
    done = subprocess.run(
        [sys.executable, "-c", f"{SEEN}{program}\nprint(seen())"],
        env=environment | said,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) == (threads or cores())
