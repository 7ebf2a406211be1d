"""A web page in which the model runs: one file of HTML with the weights, the program, and nothing from a network.

The program is in ``page/``. It knows the formula of each cell by its name; here the matrices that have the same input
are stacked, so that it computes them with one product.
"""

from __future__ import annotations

import html
from base64 import b64encode
from collections.abc import Iterable, Sequence
from importlib.resources import files
from string import Template
from typing import Any, TypeAlias

import numpy as np

from charlm import __version__
from charlm.baselines.counting import nll_to_bpc
from charlm.engine.arrays import Array
from charlm.errors import InputError
from charlm.exports.content import description, weights
from charlm.exports.formats import Exported
from charlm.exports.rounding import RoundingLoss, rounded
from charlm.lm.model import Model, described
from charlm.lm.sampling import STREAM_LENGTH
from charlm.reporting import coloured
from charlm.text.symbols import written
from charlm.wording import counted

SCRIPTS = (
    "model.js",
    "symbols.js",
    "filters.js",
    "context.js",
    "settings.js",
    "bars.js",
    "write.js",
    "surprisal.js",
    "page.js",
)
"""The parts of the program, each after those that it uses."""
PLACEHOLDERS = {
    "stream": "A text, or nothing",
    "lines": "Each line is a text of its own",
    "documents": "One document",
}
"""What the empty field for a text shows."""
LARGEST = 256_000_000
"""The largest page in characters: half of the longest string in Chromium."""

Stack: TypeAlias = "dict[str, tuple[str, ...]]"

_INPUT_ONLY: Stack = {"Wx": ("Wx",), "bias": ("b",)}
_SINGLE: Stack = {**_INPUT_ONLY, "Wh": ("Wh",)}
_COUPLED: Stack = {
    "Wx": ("Wxi", "Wxo", "Wxc"),
    "bias": ("bi", "bo", "bc"),
    "Wh": ("Whi", "Who", "Whc"),
}
STACKS: dict[str, Stack] = {
    "rnn": _SINGLE,
    "lstm": _SINGLE,
    "gru": {
        "Wx": ("Wxz", "Wxr", "Wxh"),
        "bias": ("bz", "br", "bh"),
        "Wh": ("Whz", "Whr"),
        "Whc": ("Whh",),
    },
    "gru_after": {**_SINGLE, "bn": ("bn",)},
    "fast_lstm": _COUPLED,
    "coupled_lstm": {**_COUPLED, "Wci": ("Wci",), "Wco": ("Wco",)},
    "norm_lstm": {role: (role,) for role in ("Wx", "Wh", "b", "gx", "bx", "gh", "bh", "gc", "bc")},
    "min_gru": _INPUT_ONLY,
    "min_lstm": _INPUT_ONLY,
}
"""For each cell that the page knows, the weights of a layer there, and the parameters that each is stacked from."""


def export(
    model: Model, title: str = "A model", bits: int = 32, loss: RoundingLoss | None = None
) -> Exported:
    """Return a model as a web page.

    Args:
        model: of one of the cells in ``STACKS``.
        title: the heading.
        bits: of each weight: 32, or 8 for rounded matrices (see ``rounding.py``).
        loss: what the rounding costs, which the page says.

    Raises:
        InputError: the page does not know the cell, or the page would be too large.
    """
    cell, unit = model.config.cell, model.vocab.symbol
    if cell not in STACKS:
        raise InputError(
            f"a web page has no formula for the cell {cell}, only for {', '.join(STACKS)}; "
            "export to another format, or train a model of one of these cells"
        )
    data = coloured.script_data(_data(model, bits))
    if len(data) > LARGEST:
        remedy = "use --bits 8, or " if bits != 8 else ""
        raise InputError(
            f"the page would have {len(data) / 1e6:,.0f} MB, and browsers cannot read more than "
            f"{LARGEST / 1e6:,.0f} MB: {remedy}train a smaller model"
        )
    framing = model.vocab.framing
    page = Template(_part("page.html")).substitute(
        title=html.escape(f"{title}, a language model"),
        about=html.escape(_about(model)),
        footer="\n".join(f"<p>{html.escape(words)}</p>" for words in _footer(bits, loss)),
        placeholder=PLACEHOLDERS[framing],
        unit=unit,
        length=STREAM_LENGTH if framing == "stream" else model.line_limit,
        style=coloured.style() + "\n" + _part("page.css"),
        what=html.escape(coloured.RANKS.what),
        legend=coloured.legend(coloured.RANKS),
        model=data,
        script="\n".join([coloured.script(), *map(_part, SCRIPTS)]),
    )
    return Exported(page.encode())


def _about(model: Model) -> str:
    vocab = model.vocab
    ends = vocab.symbols[-1]
    learned = {
        "stream": "",
        "lines": f" It learned single lines, and {ends} is the end of one.",
        "documents": f" It learned single documents, and {ends} is the end of one.",
    }[vocab.framing]
    return (
        f"A neural network that predicts the next {vocab.symbol} of a text: {described(model.config)}; "
        f"{counted(model.parameter_count(), 'weight')} and {counted(len(vocab), 'symbol')}.{learned} "
        "It runs in this page, and your text stays here."
    )


def _footer(bits: int, loss: RoundingLoss | None) -> Iterable[str]:
    if bits == 8:
        yield "The weights are rounded to 8 bits. " + (
            "What this costs was not measured, because the text of the run could not be read again."
            if loss is None
            else f"This changes the score of {loss.symbols:,} symbols of the {loss.part} text from "
            f"{nll_to_bpc(loss.nll):.4f} to {nll_to_bpc(loss.rounded_nll):.4f} bits per symbol."
        )
    yield (
        f"Made by charlm {__version__}. In the console of the browser, charlm.logProbabilities(text) returns "
        "the log-probability of each symbol of a text."
    )


def _data(model: Model, bits: int) -> dict[str, Any]:
    """Return everything that the program needs, as JSON data."""
    arrays, vocab = weights(model), model.vocab
    numbers = len(model.config.hidden_dims)

    def stored(names: Sequence[str]) -> dict[str, Any]:
        return _tensor(np.concatenate([arrays[name] for name in names]), bits)

    stacks = STACKS[model.config.cell]
    return {
        **description(model),
        "names": [written(symbol) for symbol in vocab.symbols],
        "line_ends": [i for i, s in enumerate(vocab.symbols) if coloured.ends_line(s)],
        "rank_ends": coloured.RANK_ENDS,
        "embedding": stored(["embedding"]),
        "layers": [
            {name: stored([f"rnn.{k}.{role}" for role in roles]) for name, roles in stacks.items()}
            for k in range(numbers)
        ],
        "norms": [
            {name: stored([f"norm.{k}.{name}"]) for name in ("g", "b")}
            for k in range(numbers if model.config.layer_norm else 0)
        ],
        "output": None if model.config.tied else stored(["softmax.W"]),
        "bias": stored(["softmax.b"]),
    }


def _tensor(array: Array, bits: int) -> dict[str, Any]:
    """Return a vector or matrix as JSON data; vectors are never rounded."""
    rows, columns = array.shape if array.ndim == 2 else (1, len(array))
    shape = {"rows": rows, "columns": columns}
    if bits == 8 and array.ndim == 2:
        whole_RC, scale_R = rounded(array)
        return {**shape, "data": _base64(whole_RC), "scales": _base64(scale_R.astype("<f4"))}
    return {**shape, "data": _base64(array.astype("<f4"))}


def _base64(array: Array) -> str:
    return b64encode(array.tobytes()).decode("ascii")


def _part(name: str) -> str:
    """Return a file of the page."""
    return (files(__package__) / "page" / name).read_text(encoding="utf-8")
