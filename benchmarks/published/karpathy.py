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
        units: of each layer.
        steps, batch, seq, learning_rate: of each training.
        equal_parameters: whether all models of a size get as many parameters as an LSTM of one layer of these units.
    """

    characters: int
    layers: tuple[int, ...]
    units: tuple[int, ...]
    steps: int
    batch: int
    seq: int
    learning_rate: float
    equal_parameters: bool = False


SIZES = {
    "quick": Sizes(100_000, (1, 2), (32,), 2500, 16, 24, 0.03),
    "default": Sizes(500_000, (1, 2), (64, 128), 2000, 32, 64, 0.01),
    "full": Sizes(3_258_256, (1, 2, 3), (64, 128, 256, 512), 13_000, 100, 100, 0.003, True),
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
                    train__learning_rate=sizes.learning_rate,
                    train__seed=asked.seed,
                    train__threads=asked.threads,
                    data__batch_size=sizes.batch,
                    data__seq_length=sizes.seq,
                )
                model = attrs.evolve(config.model, cell=cell, layers=layers, hidden_dim=units)
                if sizes.equal_parameters:
                    model = same_size(model, len(set(text)))
                found = learned(attrs.evolve(config, model=model), text)
                more = {"hidden": model.hidden_dims[0], "parameters": found.parameters}
                name = f"{cell}, layers {layers}, size {units}"
                yield Row(name, found.held_out, "", {}, more, found.seconds)


def same_size(model: ModelConfig, symbols: int) -> ModelConfig:
    """Return a model with other units, and as many parameters as an LSTM of one layer with those of the model.

    Example:
        >>> [same_size(ModelConfig(cell=cell, layers=2, hidden_dim=64), 60).hidden_dim for cell in ("rnn", "lstm")]
        [88, 43]
    """
    lstm = attrs.evolve(model, cell="lstm", layers=1)
    return sized(model, symbols, parameters_of(lstm, symbols))


TABLE = Table(
    name="karpathy",
    title="Layers and cells on a novel",
    source=(
        "Karpathy, Johnson and Fei-Fei (2015), Visualizing and Understanding Recurrent Networks, arXiv 1506.02078, as "
        "quoted in lecture slides about it: on War and Peace (3,258,256 characters) the best network reaches 1.077 "
        "nats per character, an n-gram 1.195. LSTM and GRU are much better than the simple RNN, and two layers or "
        "more are better than one. The paper's table has a figure for each network. We could not read that table, so "
        "the column is empty here"
    ),
    unit="nats per held-out character",
    differs=(
        "Without `--text`, the text is generated: an invented language in the form of a novel (`prose.py`). Its "
        "figures can be compared with each other, and not with the published ones.",
        "Here networks of one size have the same number of units in each layer. In the paper, networks of one size "
        "have the same number of parameters: that of an LSTM of one layer with these units. `--full` does so too.",
        "With equal parameters, a simple RNN has twice the units, and it is the best in such short trainings. With "
        "37,500 parameters and 1,000 updates of RMSprop, it reached 0.545 with one layer and 0.505 with two, the GRU "
        "0.582 and 0.581, the LSTM 0.768 and 0.968.",
        "The default sizes are two small ones. Each training reads 4 million characters with Adam, and the learning "
        "rate falls along a cosine. The paper has RMSprop with 0.002 for 50 passes. `--full` has the paper's four "
        "sizes, 1 to 3 layers, a batch of 100 streams of 100 characters, and as many updates as about 50 passes over "
        "War and Peace.",
        "There is an embedding of 64 numbers instead of one-hot vectors, no dropout, and Glorot's initial weights.",
        "The GRU and the LSTM beat the simple RNN at every size and number of layers. Two layers beat one for "
        "the simple RNN and the GRU. Two layers of LSTM do not, at these lengths: they learn more slowly at first.",
        "The score is the best on the validation part. In the paper it is the score of the test part.",
    ),
    measure=measure,
    takes_text=True,
)
