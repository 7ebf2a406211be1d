"""Feng et al. (2024), Were RNNs All We Needed?: the minimal GRU and LSTM on text, and on selective copying."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from benchmarks.published import symbols
from benchmarks.published.configs import config_of
from benchmarks.published.learning import learned
from benchmarks.published.prose import Prose
from benchmarks.published.symbols import selective
from benchmarks.published.table import Asked, Row, Table
from charlm.config import ModelConfig

TEXT_CELLS = {"lstm": "", "gru": "", "min_lstm": "1.555", "min_gru": "1.548"}
"""And their loss on tinyshakespeare."""
COPYING = {
    ("min_lstm", 1): "37.6 %",
    ("min_lstm", 2): "85.7 %",
    ("min_lstm", 3): "96.0 %",
    ("min_gru", 1): "37.0 %",
    ("min_gru", 2): "96.8 %",
    ("min_gru", 3): "99.5 %",
}
"""Their accuracies on selective copying."""


@dataclass(frozen=True)
class Sizes:
    """How much is trained: on the text, and on selective copying."""

    characters: int
    text_hidden: int
    text_steps: int
    length: int
    letters: int
    layers: tuple[int, ...]
    hidden: int
    steps: int


SIZES = {
    "quick": Sizes(40_000, 32, 150, 10, 3, (1, 2), 32, 800),
    "default": Sizes(500_000, 128, 1500, 32, 4, (1, 2, 3), 64, 3000),
    "full": Sizes(1_000_000, 384, 5000, 4096, 16, (1, 2, 3), 64, 400_000),
}


def measure(asked: Asked) -> Iterator[Row]:
    """Yield a row for each cell on the text, then one for each cell and number of layers on selective copying."""
    sizes = SIZES[asked.size]
    text = asked.text if asked.text is not None else Prose(asked.seed).text(sizes.characters)
    for cell, theirs in TEXT_CELLS.items():
        config = config_of(
            "minimal",
            model__cell=cell,
            model__hidden_dim=sizes.text_hidden,
            train__steps=sizes.text_steps,
            train__seed=asked.seed,
            train__threads=asked.threads,
        )
        found = learned(config, text)
        more = {"parameters": found.parameters}
        yield Row(f"text, {cell}, nats", found.held_out, theirs, {}, more, found.seconds)
    for (cell, layers), theirs in COPYING.items():
        if layers in sizes.layers:
            copied = symbols.learned(
                partial(selective, length=sizes.length, letters=sizes.letters),
                ModelConfig(cell=cell, layers=layers, embed_dim=16, hidden_dim=sizes.hidden),
                letters=sizes.letters,
                steps=sizes.steps,
                batch=64,
                learning_rate=0.01,
                seed=asked.seed,
                threads=asked.threads,
            )
            name = f"selective copying, {cell}, layers {layers}, part right"
            more = {"parameters": copied.parameters}
            yield Row(name, copied.accuracy, theirs, {}, more, copied.seconds)


TABLE = Table(
    name="minimal",
    title="minGRU and minLSTM",
    source=(
        "Feng, Tung, Ahmed, Bengio and Hajimirsadeghi (2024), Were RNNs All We Needed?, arXiv 2410.01201, as pages "
        "about the paper quote it: test losses on tinyshakespeare (trained with nanoGPT's code), and the accuracies "
        "on selective copying of Table 1"
    ),
    unit=(
        "nats per held-out character for the text (lower is better), and the part of the symbols that is right for "
        "selective copying (1 is 100 %)"
    ),
    differs=(
        "Without `--text`, the text is generated (`prose.py`), and its losses can be compared only with each other.",
        "The model has two layers of 128 units and no more. The model in the paper also has residual connections, "
        "layer norms, dropout and more.",
        "Selective copying: the paper has 16 symbols in 4,096 places, and 400,000 updates. Here it is 4 symbols of 8 "
        "letters in 32 places, and 3,000 updates of Adam with a learning rate of 0.01. As in the paper, one layer is "
        "not enough and two are. The minLSTM of three layers has not converged with this rate and seed.",
    ),
    measure=measure,
    takes_text=True,
)
