"""Karpathy, Johnson and Fei-Fei (2015): the simple RNN, the GRU and the LSTM, with one, two and three layers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import attrs

from benchmarks.published.configs import config_of
from benchmarks.published.learning import learned
from benchmarks.published.prose import Prose
from benchmarks.published.table import Asked, Row, Table
from charlm.comparison.budgets import parameters_of, sized
from charlm.config import ModelConfig

CELLS = ("rnn", "gru", "lstm")


@dataclass(frozen=True)
class Sizes:
    """How much is trained.

    Attributes:
        characters: of the generated text.
        layers: numbers of layers.
        units: sizes of an LSTM of one layer, whose number of parameters all models of a size get.
        steps, batch, seq: of each training.
    """

    characters: int
    layers: tuple[int, ...]
    units: tuple[int, ...]
    steps: int
    batch: int
    seq: int


SIZES = {
    "quick": Sizes(60_000, (1, 2), (32,), 200, 16, 32),
    "default": Sizes(500_000, (1, 2), (64, 128), 1000, 50, 50),
    "full": Sizes(3_258_246, (1, 2, 3), (64, 128, 256, 512), 13_000, 100, 100),
}


def measure(asked: Asked) -> Iterator[Row]:
    """Yield a row for each size, number of layers and cell."""
    sizes = SIZES[asked.size]
    text = asked.text if asked.text is not None else Prose(asked.seed).text(sizes.characters)
    for units in sizes.units:
        for layers in sizes.layers:
            for cell in CELLS:
                config = config_of(
                    "karpathy",
                    train__steps=sizes.steps,
                    train__seed=asked.seed,
                    train__threads=asked.threads,
                    data__batch_size=sizes.batch,
                    data__seq_length=sizes.seq,
                )
                model = same_size(config.model, cell, layers, units, len(set(text)))
                found = learned(attrs.evolve(config, model=model), text)
                more = {"hidden": model.hidden_dims[0], "parameters": found.parameters}
                name = f"{cell}, layers {layers}, size {units}"
                yield Row(name, found.held_out, "", {}, more, found.seconds)


def same_size(model: ModelConfig, cell: str, layers: int, units: int, symbols: int) -> ModelConfig:
    """Return a model of a cell and layers that has as many parameters as an LSTM of one layer of ``units``.

    Example:
        >>> [same_size(ModelConfig(), cell, 2, 64, 60).hidden_dim for cell in ("rnn", "gru", "lstm")]
        [100, 55, 47]
    """
    lstm = attrs.evolve(model, cell="lstm", layers=1, hidden_dim=units)
    wanted = attrs.evolve(model, cell=cell, layers=layers)
    return sized(wanted, symbols, parameters_of(lstm, symbols))


TABLE = Table(
    name="karpathy",
    title="Layers and cells on a novel",
    source=(
        "Karpathy, Johnson and Fei-Fei (2015), Visualizing and Understanding Recurrent Networks, arXiv 1506.02078, "
        "Figure 2: on War and Peace (3,258,246 characters) their best network reaches 1.077 nats per character, and "
        "an interpolated 20-gram 1.195. LSTM and GRU are clearly better than the simple RNN, and two layers are "
        "better than one"
    ),
    unit="nats per held-out character",
    differs=(
        "Without --text, the text is generated: an invented language in the form of a novel (prose.py). Its figures "
        "can be compared with each other, and not with the published ones.",
        "The default sizes are two small ones, and each training reads 2.5 million characters. --full has their four "
        "sizes, 1 to 3 layers, a batch of 100 streams of 100 characters, and about 50 passes over War and Peace.",
        "As theirs, all models of a size have the number of parameters of an LSTM of one layer of that size.",
        "The learning rate falls along a cosine; theirs falls by 5 % for each pass after the tenth. There is an "
        "embedding of 64 numbers instead of one-hot vectors, no dropout, and Glorot's initial weights.",
        "The score is the best on the validation part; theirs is of the test part.",
    ),
    measure=measure,
)
