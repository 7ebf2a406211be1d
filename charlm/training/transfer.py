"""Starting a model from the weights of another run. The texts may have different characters."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from charlm.config import ModelConfig
from charlm.engine.arrays import Array
from charlm.errors import CheckpointError
from charlm.lm.model import Model, described
from charlm.lm.saved import check_weights, config_of, model_state, vocab_of
from charlm.runs.checkpoint import Checkpoint
from charlm.wording import counted

BY_SYMBOL = ("embedding", "softmax.W", "softmax.b")
"""Weights with a row for each symbol."""


def start_from(model: Model, checkpoint: Checkpoint) -> str:
    """Give a new model the weights of a checkpoint; return a message that says what was done.

    Symbols that both models know keep their rows. Rows of new symbols keep their initial values.

    Raises:
        CheckpointError: the models have other cells, layers or sizes.
    """
    theirs = config_of(checkpoint).model
    if described(theirs) != described(model.config):
        raise CheckpointError(
            f"--init-from needs the same model in both runs: that run has {described(theirs)}, this one has "
            f"{described(model.config)}; give this one the same with {_settings(theirs, model.config)}"
        )
    check_weights(checkpoint)
    ours, old = model.vocab.to_list(), vocab_of(checkpoint).to_list()
    kept = [symbol for symbol in ours if symbol in set(old)]
    new = [symbol for symbol in ours if symbol not in set(old)]
    dropped = [symbol for symbol in old if symbol not in set(ours)]
    model.load_arrays(_mapped(model.arrays(), checkpoint.tensors, ours, old))
    parts = [f"{counted(len(kept), 'symbol')} kept"]
    parts += [f"{len(new)} new ({_listed(new)})"] if new else []
    parts += [f"{len(dropped)} dropped ({_listed(dropped)})"] if dropped else []
    step = model_state(checkpoint).step
    return f"starting from the weights of a run at step {step:,}: {', '.join(parts)}"


def _settings(wanted: ModelConfig, given: ModelConfig) -> str:
    """Return the options that give a model the sizes of another."""
    options = []
    for key in ("cell", "layers", "embed_dim", "hidden_dim"):
        value = getattr(wanted, key)
        if value != getattr(given, key):
            value = list(value) if isinstance(value, tuple) else value
            options.append(f"--set {shlex.quote(f'model.{key}={value}')}")
    return " ".join(options)


def _mapped(
    fresh: Mapping[str, Array], given: Mapping[str, Array], ours: list[str], old: list[str]
) -> dict[str, Array]:
    place = {symbol: row for row, symbol in enumerate(old)}
    to = [row for row, symbol in enumerate(ours) if symbol in place]
    origin = [place[ours[row]] for row in to]
    weights = {name: given[name] for name in fresh if name in given}
    for name in BY_SYMBOL:
        if name in weights and name in fresh:
            rows = fresh[name].copy()
            rows[to] = given[name][origin]
            weights[name] = rows
    return weights


def _listed(symbols: list[str]) -> str:
    shown = " ".join(repr(symbol) for symbol in symbols[:10])
    return shown + (" ..." if len(symbols) > 10 else "")
