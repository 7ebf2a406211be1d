"""Graphs that all differ, one after the other in one process: memory stays flat.

``CHARLM_TEST_GRAPHS=100000 python -m pytest tests/engine/test_many_graphs.py`` tries more of them.
"""

from __future__ import annotations

import gc
import os
import random
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from charlm.engine.compiled import Compiled
from charlm.engine.execute import NodeByNode
from charlm.engine.graph import ComputationGraph
from charlm.engine.trainers import SimpleSGDTrainer
from charlm.kernels import NUMPY, with_tapes
from tests.engine.random_tapes import RandomGraphs

GRAPHS = int(os.environ.get("CHARLM_TEST_GRAPHS", 1500))
MOST_MB = 8.0
STATUS = Path("/proc/self/statm")


def memory_mb():
    """Return what the process has in memory, in 10^6 bytes."""
    gc.collect()
    return int(STATUS.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


@pytest.mark.skipif(not STATUS.exists(), reason="how much memory a process has is read from /proc")
@pytest.mark.parametrize("executor", [NodeByNode, Compiled])
def test_memory_stays_flat(executor, record_property):
    if executor is Compiled and not find_spec("numba"):
        pytest.skip("numba is not installed (the extra 'fast')")
    kernels = with_tapes(NUMPY, wait=True) if executor is Compiled else NUMPY
    graphs, rng = RandomGraphs(), random.Random(3)
    trainer = SimpleSGDTrainer(graphs.collection, 0.001)
    trainer.clip_threshold = 1.0
    before = 0.0
    for k in range(GRAPHS):
        if k == GRAPHS // 3:
            before = memory_mb()
        graph = ComputationGraph(np.float32, kernels=kernels, executor=executor)
        loss = graphs.loss(graph, rng, rng.randint(5, 60))
        loss.forward()
        if k % 4:  # some are only read
            loss.backward()
            trainer.update()
        graph.release()
    grown = memory_mb() - before
    record_property("megabytes more", grown)
    assert grown < MOST_MB
