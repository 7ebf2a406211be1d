"""The copying problem: ten symbols that must be remembered for T steps."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial

from benchmarks.published.symbols import LETTERS, copying, learned
from benchmarks.published.table import Asked, Row, Table
from charlm.config import ModelConfig

COPIED = 10
CELLS = ("rnn", "gru", "lstm")
SIZES = {
    "quick": ((5,), 1000, 64, 0.01),
    "default": ((20, 100), 2000, 128, 0.003),
    "full": ((100, 200), 20_000, 128, 0.001),
}
"""The values of T, the steps, the hidden units and the learning rate."""


def baseline(wait: int) -> float:
    """Return the nats per step of a network that knows the form of a sequence and not its symbols.

    Example:
        >>> round(baseline(100), 4)
        0.1733
    """
    return COPIED * math.log(len(LETTERS)) / (wait + 2 * COPIED)


def measure(asked: Asked) -> Iterator[Row]:
    """Yield a row for each T and cell."""
    waits, steps, hidden, rate = SIZES[asked.size]
    for wait in waits:
        for cell in CELLS:
            found = learned(
                partial(copying, wait=wait, letters=COPIED),
                ModelConfig(cell=cell, embed_dim=10, hidden_dim=hidden),
                letters=COPIED,
                steps=steps,
                batch=32,
                learning_rate=rate,
                seed=asked.seed,
                threads=asked.threads,
            )
            known = {"baseline": baseline(wait)}
            more = {"symbols right": found.accuracy}
            yield Row(f"T = {wait}, {cell}", found.nll, "", known, more, found.seconds)


TABLE = Table(
    name="copying",
    title="The copying problem",
    source=(
        "Hochreiter and Schmidhuber (1997); in this form Arjovsky, Shah and Bengio (2016), Unitary Evolution "
        "Recurrent Neural Networks. The baseline 10 ln 8 / (T + 20) is the score of a network that knows the form of "
        "a sequence and remembers nothing"
    ),
    unit="nats per step on new sequences; 0 is perfect",
    differs=(
        "The paper shows curves and no table, for RMSprop with a batch of 20. Here it is Adam with a batch of 32, a "
        "learning rate of 0.003, 2,000 updates and 128 units. Over the last 30 % of the updates the rate falls to a "
        "tenth.",
        "A sequence with T = 20 is shorter than any in the paper. With 2,000 updates, only the GRU learns to copy more "
        "than half of the symbols.",
    ),
    measure=measure,
)
