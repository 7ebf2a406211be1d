"""Random tapes on both executors, and tapes whose integers were damaged: an error or a right number, never a crash."""

from __future__ import annotations

import random
import subprocess
import sys

import numpy as np
import pytest

from charlm.engine.compiled import Compiled
from charlm.engine.execute import NodeByNode
from charlm.engine.graph import ComputationGraph
from charlm.errors import EvaluationError
from charlm.kernels import NUMPY, with_tapes
from tests.engine.random_tapes import RandomGraphs

pytest.importorskip("numba")

DAMAGES = 300


def graph_of(executor):
    kernels = with_tapes(NUMPY, wait=True) if executor is Compiled else NUMPY
    return ComputationGraph(np.float32, kernels=kernels, executor=executor)


@pytest.mark.parametrize("seed", range(40))
def test_both_executors_agree_on_random_tapes(seed):
    """Values of all nodes, some of them read on the way, and gradients of all parameters."""
    found = []
    for executor in (NodeByNode, Compiled):
        graphs, rng = RandomGraphs(), random.Random(seed)
        graph = graph_of(executor)
        loss = graphs.loss(graph, rng, rng.randrange(60))
        for index in sorted(rng.sample(range(len(graph)), 3)):
            graph.forward(index)
        values = [loss.array(), *(graph.value(i) for i in range(len(graph)))]
        loss.backward()
        pc = graphs.collection
        gradients = [p.gradient for p in (*pc.parameters, *pc.lookups)]
        found.append([a.copy() for a in (*values, *gradients)])
    for x, y in zip(*found, strict=True):
        np.testing.assert_allclose(x, y, rtol=2e-3, atol=2e-4)


def integers(graph):
    """Return the integers of a graph's tape, to be damaged."""
    return graph.tape.arguments


def arguments(graph):
    """Return the places of those that are arguments; others, such as rows to look up, an operation may hold as well."""
    tape = graph.tape
    return [tape.start(k) + i for k in range(len(graph)) for i in range(len(graph.args(k)))]


def damage(numbers, places, rng):
    """Change one or two of a list's integers: to one that stands elsewhere, to one near by, or to anything."""
    for place in rng.choices(places, k=rng.randint(1, 2)):
        near = numbers[place] + rng.choice((-2, -1, 1, 2))
        numbers[place] = rng.choice(
            (near, near, rng.choice(numbers), rng.randrange(-(2**62), 2**62))
        )


def check_damaged_tapes(count):
    """Evaluate damaged tapes and go back; what is not refused is what numpy computes of the same arguments."""
    graphs, refused = RandomGraphs(), 0
    for seed in range(count):
        ours, numpys = (graph_of(executor) for executor in (Compiled, NodeByNode))
        loss, expected = (graphs.loss(g, random.Random(seed), 30) for g in (ours, numpys))
        numbers = integers(ours)
        only_arguments = seed % 2 == 0
        places = arguments(ours) if only_arguments else range(len(numbers))
        damage(numbers, places, random.Random(seed))
        integers(numpys)[:] = numbers
        try:
            value = loss.scalar_value()
            loss.backward()
        except EvaluationError:
            refused += 1
        else:
            if only_arguments:
                np.testing.assert_allclose(value, expected.scalar_value(), rtol=2e-3, atol=2e-4)
    assert count / 4 < refused < count * 0.95


def test_damaged_tapes():
    code = f"from tests.engine import test_tape_fuzz as t; t.check_damaged_tapes({DAMAGES})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
