"""Dive into Deep Learning's Time Machine: how well a recurrent network learns 10,000 characters by heart."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from benchmarks.published.configs import config_of
from benchmarks.published.learning import learned
from benchmarks.published.prose import Prose
from benchmarks.published.table import Asked, Row, Table

THEIRS = {"rnn": "1.3", "gru_after": "1.0", "lstm": "1.0"}
"""By cell: their GRU is that of the frameworks, which resets after the matrix."""
CHARACTERS = 10_000
SIZES = {
    "quick": (1500, 64, 600),
    "default": (CHARACTERS, 256, 500),
    "full": (CHARACTERS, 256, 500),
}
"""Characters, hidden units and passes."""


def measure(asked: Asked) -> Iterator[Row]:
    """Yield a row for each cell: the perplexity in the last pass."""
    characters, hidden, passes = SIZES[asked.size]
    text = Prose(asked.seed).letters(characters) if asked.text is None else prepared(asked.text)
    text = text[:characters]
    for cell, theirs in THEIRS.items():
        config = config_of(
            "time-machine",
            model__cell=cell,
            model__hidden_dim=hidden,
            train__epochs=passes,
            train__seed=asked.seed,
            train__threads=asked.threads,
        )
        found = learned(config, text)
        more = {"parameters": found.parameters}
        yield Row(cell, math.exp(found.loss), theirs, {"lowest": 1.0}, more, found.seconds)


def prepared(text: str) -> str:
    """Return a text as the book prepares it: small letters, and one space for everything between words.

    Example:
        >>> prepared("The Time Machine, by H. G. Wells [1898]")
        'the time machine by h g wells '
    """
    return re.sub("[^a-z]+", " ", text.lower())


TABLE = Table(
    name="time-machine",
    title="The Time Machine, learned by heart",
    source=(
        "Zhang, Lipton, Li and Smola, Dive into Deep Learning (d2l.ai), the concise implementations of RNN, GRU and "
        "LSTM: 256 units, 500 passes over the first 10,000 characters. The published perplexities are those that the "
        "book's programs print when readers run them"
    ),
    unit="the perplexity in training, in the last pass; the lowest possible one is 1",
    differs=(
        "Without `--text`, the text is generated (`prose.py`), 10,000 small letters and spaces. It repeats itself more "
        "than a novel, so it is easier.",
        "In the book, each pass begins at another of the first characters, so the pieces of text differ. Here only "
        "every second pass begins at another place, which is easier too.",
        "There is an embedding of 28 numbers instead of one-hot vectors, and the forget gate begins with a bias of 1.",
    ),
    measure=measure,
    takes_text=True,
)
