"""A sampler on compiled functions, which get their arguments as integers. So it works without numba, on machine code.

The weights are packed once for all characters. What a symbol adds to the lowest layer's gates is computed when the
symbol is first read, and kept. Calls of as many texts as before use the same memory.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from charlm.kernels import reference
from charlm.kernels.memory import FLOAT32, address
from charlm.kernels.reference.common import Array
from charlm.kernels.reference.sampling import LAYERS, Draws, State
from charlm.kernels.team import Team

WORTH_SHARING = 1e6
"""Multiplications and additions of a step. One thread alone does a smaller step."""

CELLS = {"rnn": 1, "gru": 3, "gru_after": 4, "lstm": 4}
"""Blocks of columns in the packed weights, by cell, in the order of the cells' numbers in compiled code."""
OUTPUT = len(CELLS)
"""The number of the output layer, in ``PACKING``."""
MOST_WEIGHTS = 9
"""The most arrays of weights that a layer has."""
PACKING = (
    "kind",  # the cell, or ``OUTPUT``
    "inputs",
    "units",
    "setting",  # float64: the forget gate's bias
    "input_weights",  # addresses of the packed weights and biases
    "recurrent_weights",
    "biases",
    "first",  # addresses of the arrays of weights, in the order of the plain kernel's arguments
)
LAYER = ("inputs", "units", "input_weights", "recurrent_weights", "biases", "output")
"""Of a layer: its sizes, the places of its packed weights in all weights, and of h in a text's state."""
PLAN = (
    "cell",
    "layer_count",
    "layers",  # addresses are those of arrays
    "weight_count",
    "weights",
    "output_weights",  # places in the weights
    "output_biases",
    "symbol_count",
    "embedding",
    "table_size",
    "table",
    "computed",
    "state_size",
    "texts",
    "states",
    "work_size",
    "first_work",
    "second_work",
    "scores",
    "cumulative",
    "read_count",  # symbols of each text that are read,
    "sampled_count",  # and that are sampled
    "symbols",
    "uniforms",
    "sampled",
    "temperature",  # float64
    "end",
)
CALL = ("plan", "meeting", "me", "threads")
"""What a thread gets: the addresses of the plan and of the meeting, its number, and the number of threads."""
_PLACE = {name: place for place, name in enumerate(PLAN)}


def sampler(
    functions: Mapping[str, Callable[[int], int]],
    team: Team,
    cell: str,
    embedding_VE: Array,
    layers: Sequence[Sequence[Any]],
    W_HV: Array,
    b_V: Array,
) -> Sampler | reference.Sampler:
    """Return a sampler; for float64 the plain one."""
    if b_V.dtype != FLOAT32:
        return reference.sampler(cell, embedding_VE, layers, W_HV, b_V)
    return Sampler(functions, team, cell, embedding_VE, layers, W_HV, b_V)


class Sampler:
    """The counterpart of the plain ``Sampler``.

    Args:
        functions: the compiled functions ``panel``, ``pack`` and ``sample`` (see ``compiled/sampling.py``).
        team: the threads.
        cell, embedding_VE, layers, W_HV, b_V: those of the plain one.
    """

    def __init__(
        self,
        functions: Mapping[str, Callable[[int], int]],
        team: Team,
        cell: str,
        embedding_VE: Array,
        layers: Sequence[Sequence[Any]],
        W_HV: Array,
        b_V: Array,
    ) -> None:
        self._functions, self._team = functions, team
        self._panel = functions["panel"](0)
        kind, blocks, self._states = [*CELLS].index(cell), CELLS[cell], LAYERS[cell].states
        self._sizes = [len(arguments[1]) for arguments in layers]
        V = self._V = len(b_V)
        self._S = self._states * sum(self._sizes)
        self._width = max(blocks * self._padded(H) for H in self._sizes)
        packed: list[Array] = []
        rows, ends = [], np.cumsum(self._sizes) * self._states
        for arguments, H, end in zip(layers, self._sizes, ends, strict=True):
            layer = self._packed(kind, arguments, blocks)
            rows.append((len(arguments[0]), H, *_places(packed, layer), end - H))
            packed += layer
        output = self._packed(OUTPUT, (W_HV, b_V), 1)
        of_output = _places(packed, output)
        first = blocks * self._padded(self._sizes[0])
        # what the plan has the addresses of
        self._kept = {
            "layers": np.array(rows, np.int64),
            "weights": np.concatenate([*packed, *output]),
            "embedding": np.ascontiguousarray(embedding_VE),
            "table": np.empty(V * first, np.float32),
            "computed": np.zeros(V, np.uint8),
            "sampled": np.zeros(1, np.int64),
        }
        weights = len(self._kept["weights"])
        # the lowest layer's input is looked up
        self._work = 2 * (weights - first * embedding_VE.shape[1])
        self._plan = np.zeros(len(PLAN), np.int64)
        self._real = self._plan.view(np.float64)
        self._calls = np.zeros((team.threads, len(CALL)), np.int64)
        self._calls[:, 0] = address(self._plan)
        self._set(
            cell=kind,
            layer_count=len(rows),
            weight_count=weights,
            output_weights=of_output[0],
            output_biases=of_output[-1],
            symbol_count=V,
            table_size=V * first,
            state_size=self._S,
            **{name: address(array) for name, array in self._kept.items()},
        )

    def sample(self, symbols_TB: Array, state: State | None, draws: Draws) -> tuple[Array, State]:
        """Read symbols, and sample the symbols that follow."""
        T, B = symbols_TB.shape
        uniforms = np.ascontiguousarray(draws.uniforms_NB, np.float64)
        symbols = np.empty((T + len(uniforms), B), np.int64)
        symbols[:T] = symbols_TB
        self._prepare(B, state)
        self._set(
            read_count=T,
            sampled_count=len(uniforms),
            symbols=address(symbols),
            uniforms=address(uniforms),
            end=draws.end,
        )
        self._real[_PLACE["temperature"]] = draws.temperature
        self._kept["sampled"][0] = 0
        threads = self._team.threads if self._work * B > WORTH_SHARING else 1
        self._team.run(self._part, threads=threads)
        return symbols[T : T + self._kept["sampled"][0]], self._after(B)

    def step(self, symbols_B: Array, state: State | None) -> tuple[Array, State]:
        """Read a symbol of each text; return the scores of the next symbol, and the state."""
        draws = Draws(np.zeros((1, len(symbols_B))), 0.0, -1)
        _, after = self.sample(symbols_B[np.newaxis], state, draws)
        return self._kept["scores"][:, : self._V].copy(), after

    def _part(self, meeting: Array, me: int, threads: int) -> None:
        """Do a thread's part of a call."""
        call = self._calls[me]
        call[1], call[2], call[3] = address(meeting), me, threads
        self._functions["sample"](address(call))

    def _prepare(self, texts: int, state: State | None) -> None:
        """Make memory for a number of texts, unless the last call had as many, and write their states."""
        if self._plan[_PLACE["texts"]] != texts:
            width = texts * self._width
            fresh: dict[str, Array] = {
                "states": np.empty((2, texts, self._S), np.float32),
                "first_work": np.empty(width, np.float32),
                "second_work": np.empty(width, np.float32),
                "scores": np.empty((texts, self._padded(self._V)), np.float32),
                "cumulative": np.empty(self._team.threads * self._V),
            }
            self._kept |= fresh
            self._set(
                texts=texts,
                work_size=width,
                **{name: address(array) for name, array in fresh.items()},
            )
        if state is None:
            self._kept["states"][0] = 0
        else:
            parts = [part for layer in state for part in layer]
            np.concatenate(parts, axis=1, out=self._kept["states"][0])

    def _after(self, texts: int) -> State:
        """Return a copy of the states."""
        sizes = [H for H in self._sizes for _ in range(self._states)]
        states = self._kept["states"][0].copy()
        parts = iter(np.split(states, np.cumsum(sizes)[:-1], axis=1))
        return [tuple(next(parts) for _ in range(self._states)) for _ in self._sizes]

    def _packed(self, kind: int, arguments: Sequence[Any], blocks: int) -> list[Array]:
        """Return a layer's weights for its input and for h, and its biases, packed for products."""
        weights = [np.ascontiguousarray(a) for a in arguments if isinstance(a, np.ndarray)]
        X, columns = weights[0].shape
        H = columns if kind == OUTPUT else len(weights[1])
        width = blocks * self._padded(H)
        rows = (X, 0, 1) if kind == OUTPUT else (X, H, 1)
        packed = [np.empty(count * width, np.float32) for count in rows]
        job = np.zeros(len(PACKING) - 1 + MOST_WEIGHTS, np.int64)
        job[:3] = kind, X, H
        job.view(np.float64)[3] = arguments[-1] if len(arguments) > len(weights) else 0.0
        addresses = [address(array) for array in (*packed, *weights)]
        job[4 : 4 + len(addresses)] = addresses
        self._functions["pack"](address(job))
        return packed

    def _padded(self, numbers: int) -> int:
        return -(-numbers // self._panel) * self._panel

    def _set(self, **values: int) -> None:
        for name, value in values.items():
            self._plan[_PLACE[name]] = value


def _places(before: Sequence[Array], arrays: Sequence[Array]) -> list[int]:
    """Return where each of the arrays begins, if all are put one after another."""
    sizes = [sum(array.size for array in before), *(array.size for array in arrays)]
    places: list[int] = np.cumsum(sizes)[:-1].tolist()
    return places
