"""A search for units of a network that follow a property of a text, with a control.

A unit follows a label of the characters if its value after each character correlates with the label (Pearson's r).
With many units, some correlate by chance. So the same search is made with shuffled labels: cut into blocks of random
lengths, which are put in random order. A shuffled label changes from character to character like the label, but no
longer belongs to the characters there. Correlations with it are chance. (Shifted labels would be a worse control: if
all lines have the same length, a shift may put each label back where it was.)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import compress

import numpy as np
import numpy.typing as npt

from charlm import progress
from charlm.engine.arrays import Array
from charlm.errors import InputError, TextError
from charlm.lm.evaluation import Floats
from charlm.lm.model import Model
from charlm.lm.reader import Reader
from charlm.text.vocab import Ids

SHUFFLES = 10
"""The number of shuffled labels in the control, for each label."""
BLOCKS, LEAST_BLOCK = 200, 100
"""The number of blocks in a shuffle, and their least mean length."""
LEAST = 100
"""The least number of characters for a search."""
FOLLOWS = 0.5
"""A unit follows a label if |r| is at least this, and at least that of the control."""


@dataclass(frozen=True)
class Unit:
    """A number in the state of a layer; layers and units are counted from 1.

    Attributes:
        layer: the layer.
        state: ``h``, the output of the layer, or ``c``, the memory of an LSTM.
        number: which of the layer's units.
    """

    layer: int
    state: str
    number: int

    def __str__(self) -> str:
        return f"{self.state}{self.number} of layer {self.layer}"


@dataclass(frozen=True)
class Find:
    """The units that follow a label best.

    Attributes:
        label: the name of the label.
        best: the units that follow it most closely, with their correlations, the best first.
        control: the largest absolute correlation of any unit with shuffled labels.
    """

    label: str
    best: tuple[tuple[Unit, float], ...]
    control: float

    @property
    def follows(self) -> bool:
        """Whether the best unit follows the label."""
        return abs(self.best[0][1]) >= max(FOLLOWS, self.control)


def units_of(model: Model) -> list[Unit]:
    """Return all units of a model: those of each layer, first their memories, if there are any, then their outputs.

    Example:
        >>> from charlm.config import ModelConfig
        >>> from charlm.text.vocab import Vocab
        >>> model = Model(Vocab.from_alphabet("ab", eos=True), ModelConfig(cell="lstm", hidden_dim=2))
        >>> [str(unit) for unit in units_of(model)]
        ['c1 of layer 1', 'c2 of layer 1', 'h1 of layer 1', 'h2 of layer 1']
    """
    return [
        Unit(layer, state, number)
        for layer, size in enumerate(model.config.hidden_dims, 1)
        for state in _states(model)
        for number in range(1, size + 1)
    ]


def _states(model: Model) -> str:
    """Return the names of a layer's states, in their order."""
    return "ch"[-model.rnn.cell.states :]


def check_layer(model: Model, layer: int | None) -> None:
    """Refuse a layer that the model does not have.

    Raises:
        InputError: there is no such layer.
    """
    layers = model.config.layers
    if layer is not None and not 1 <= layer <= layers:
        has = "one layer, 1" if layers == 1 else f"layers 1 to {layers}"
        raise InputError(f"layer {layer}: the model has {has}")


def unit_named(model: Model, layer: int | None, name: str) -> Unit:
    """Return the unit that a user names, such as ``37``, ``h37`` or ``c37``; the layer is the top one by default.

    Raises:
        InputError: there is no such unit.
    """
    layer = model.config.layers if layer is None else layer
    check_layer(model, layer)
    size, states = model.config.hidden_dims[layer - 1], _states(model)
    match = re.fullmatch(rf"([{states}]?)(\d+)", name)
    if match is None or not 1 <= int(match[2]) <= size:
        kinds = " or ".join(f"{state}1 to {state}{size}" for state in reversed(states))
        raise InputError(f"unit {name}: layer {layer} has the units {kinds}")
    return Unit(layer, match[1] or "h", int(match[2]))


def values_of(model: Model, ids: Ids, unit: Unit) -> Array:
    """Return the values of a unit after each symbol of a text but the last."""
    place = _states(model).index(unit.state)
    parts = [
        piece.states[unit.layer - 1][place, :, unit.number - 1] for piece in Reader(model).read(ids)
    ]
    return np.concatenate(parts)[1:]


def search(
    model: Model, ids: Ids, labels: dict[str, Floats], layer: int | None = None, most: int = 5
) -> list[Find]:
    """Return for each label that varies the units that follow it best, and the control; the best find first.

    Args:
        model: the model.
        ids: the text.
        labels: of each symbol.
        layer: the only layer that is searched, counted from 1; None is all of them.
        most: the number of units for each label.

    Raises:
        TextError: the text is too short for a search.
    """
    if len(ids) < LEAST:
        raise TextError(
            f"the text has {len(ids)} characters, and a search needs {LEAST}; give a longer text, or name a unit"
        )
    names = [name for name, label in labels.items() if label[:-1].std() > 0]
    if not names:
        return []
    rng = np.random.default_rng(0)  # equal searches give equal results
    orders = [np.arange(len(ids) - 1), *(_shuffled(len(ids) - 1, rng) for _ in range(SHUFFLES))]
    labels_NL = np.stack([labels[name][order] for name in names for order in orders], axis=1)
    labels_NL -= labels_NL.mean(axis=0)
    labels_NL /= labels_NL.std(axis=0)
    r_ULS = _correlations(model, ids, labels_NL).reshape(-1, len(names), len(orders))
    units = units_of(model)
    searched = [layer in (None, unit.layer) for unit in units]
    r_ULS, units = r_ULS[searched], list(compress(units, searched))
    finds = []
    for place, name in enumerate(names):
        r_U = r_ULS[:, place, 0]
        best = np.argsort(-abs(r_U), kind="stable")[:most]
        ranked = tuple((units[i], float(r_U[i])) for i in best)
        finds.append(Find(name, ranked, float(abs(r_ULS[:, place, 1:]).max())))
    return sorted(finds, key=lambda find: -abs(find.best[0][1]))


def _shuffled(count: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Return the places of a text, cut into blocks in a random order."""
    size = max(LEAST_BLOCK, count // BLOCKS)
    lengths = rng.integers(size // 2, size + size // 2 + 1, 2 * count // size + 1)
    blocks = np.split(np.arange(count), np.cumsum(lengths))
    return np.concatenate([blocks[place] for place in rng.permutation(len(blocks))])


def _correlations(model: Model, ids: Ids, labels_NL: Floats) -> Floats:
    """Return the correlation of every unit with labels of mean 0 and deviation 1: (units, labels)."""
    count = len(labels_NL)
    sums_UL: Floats | float = 0.0
    sums_U: Floats | float = 0.0
    squares_U: Floats | float = 0.0
    place = 0
    with progress.task("searching", count):
        for values_TU in _values(model, ids):
            size = len(values_TU)
            sums_UL = sums_UL + values_TU.T @ labels_NL[place : place + size]
            sums_U = sums_U + values_TU.sum(axis=0)
            squares_U = squares_U + np.square(values_TU).sum(axis=0)
            place += size
            progress.advance(size)
    variance_U = np.maximum(squares_U / count - np.square(sums_U / count), 0)
    scale_U = np.where(variance_U > 1e-12, np.sqrt(np.maximum(variance_U, 1e-12)), np.inf)
    r_UL: Floats = sums_UL / count / scale_U[:, np.newaxis]
    return r_UL


def _values(model: Model, ids: Ids) -> Iterator[Floats]:
    """Yield the values of all units after each symbol but the last, (T, units), piece by piece."""
    first = 1  # the state after the start symbol belongs to no symbol of the text
    for piece in Reader(model).read(ids):
        parts = [state for layer in piece.states for state in layer]
        values_TU = np.concatenate(parts, axis=1)[first:].astype(np.float64)
        first = 0
        if len(values_TU):
            yield values_TU
