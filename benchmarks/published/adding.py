"""The adding problem: the sum of two marked numbers in a sequence of random numbers, with ``charlm.dynet``."""

from __future__ import annotations

from collections.abc import Iterator
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

import charlm.dynet as dy
from benchmarks.published.learning import falling
from benchmarks.published.table import Asked, Row, Table

BASELINE = 1 / 6
"""The variance of a sum of two numbers from 0 to 1: the squared error of always answering 1."""
BUILDERS = {"rnn": "SimpleRNNBuilder", "gru": "GRUBuilder", "lstm": "VanillaLSTMBuilder"}
SIZES = {
    "quick": ((8,), 400, 32),
    "default": ((25, 50), 3000, 64),
    "full": ((100, 200), 20_000, 128),
}
"""The lengths, the steps and the hidden units."""
BATCH, TESTED, RATE = 32, 1000, 0.003

Floats = npt.NDArray[np.float64]


def sequences(rng: np.random.Generator, length: int, batch: int) -> tuple[Floats, Floats]:
    """Return inputs (T, 2, B), a number and a mark at each step, and sums (1, B). One mark is in each half.

    Example:
        >>> x, sums = sequences(np.random.default_rng(0), 6, 4)
        >>> x.shape, x[:, 1].sum(axis=0).tolist(), bool(np.allclose((x[:, 0] * x[:, 1]).sum(axis=0), sums))
        ((6, 2, 4), [2.0, 2.0, 2.0, 2.0], True)
    """
    x = np.zeros((length, 2, batch))
    x[:, 0] = rng.random((length, batch))
    half = length // 2
    for low, high in ((0, half), (half, length)):
        x[rng.integers(low, high, batch), 1, np.arange(batch)] = 1
    return x, (x[:, 0] * x[:, 1]).sum(axis=0)[np.newaxis]


class Adder:
    """A recurrent network whose last output gives a number."""

    def __init__(self, cell: str, hidden: int, seed: int) -> None:
        dy.reset_random_seed(seed + 1)
        self.parameters = dy.ParameterCollection()
        self.rnn: Any = getattr(dy, BUILDERS[cell])(1, 2, hidden, self.parameters)
        self.w = self.parameters.add_parameters((1, hidden))
        self.b = self.parameters.add_parameters(1)

    def error(self, x: Floats, sums: Floats) -> Any:
        """Return the expression of the mean squared error."""
        dy.renew_cg()
        state = self.rnn.initial_state()
        for step in x:
            state = state.add_input(dy.inputTensor(step, batched=True))
        answer = dy.affine_transform([self.b, self.w, state.output()])
        return dy.mean_batches(dy.squared_distance(answer, dy.inputTensor(sums, batched=True)))


def measure(asked: Asked) -> Iterator[Row]:
    """Yield a row for each length and cell. ``charlm.dynet`` computes on one thread."""
    lengths, steps, hidden = SIZES[asked.size]
    for length in lengths:
        for cell in BUILDERS:
            begin = perf_counter()
            adder, rng = Adder(cell, hidden, asked.seed), np.random.default_rng(asked.seed)
            trainer = dy.AdamTrainer(adder.parameters, RATE)
            trainer.set_clip_threshold(1.0)
            for step in range(steps):
                trainer.learning_rate = falling(RATE, step, steps)
                error = adder.error(*sequences(rng, length, BATCH))
                error.backward()
                trainer.update()
            seconds = perf_counter() - begin
            tested = sequences(np.random.default_rng(asked.seed + 1), length, TESTED)
            found = adder.error(*tested).value()
            yield Row(f"T = {length}, {cell}", found, "", {"baseline": BASELINE}, {}, seconds)


TABLE = Table(
    name="adding",
    title="The adding problem",
    source=(
        "Hochreiter and Schmidhuber (1997); in this form Arjovsky, Shah and Bengio (2016). The baseline 0.167 is the "
        "error of always answering 1: the variance of the sum of two uniform numbers, 1/6"
    ),
    unit="mean squared error on new sequences; 0 is perfect",
    differs=(
        "The paper shows curves and no table, for T = 100 to 750 and some 10,000 updates or more. Here T is 25 and 50, "
        "with 3,000 updates of Adam, a batch of 32 and 64 units, so that it takes minutes on one core.",
        "As in the paper, one mark is in each half of the sequence.",
    ),
    measure=measure,
)
