"""Starting a model from the weights of another run. The texts may have different characters."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

from charlm.config import ModelConfig, Start, TrainConfig
from charlm.config.frozen import frozen_parts
from charlm.config.start import NETWORK
from charlm.engine.arrays import Array
from charlm.errors import CheckpointError
from charlm.lm.model import Model, described
from charlm.lm.saved import check_weights, config_of, model_state, vocab_of
from charlm.runs.checkpoint import Checkpoint, load_checkpoint
from charlm.wording import counted

BY_SYMBOL = ("embedding", "softmax.W", "softmax.b")
"""Weights with a row for each symbol."""


def start_of(run: str | Path, *, tunes: bool = False) -> tuple[Start, Checkpoint]:
    """Return what a config takes from the run that it starts from, and the checkpoint with the weights.

    Args:
        run: its folder, or a checkpoint file.
        tunes: whether it is for fine-tuning.

    Raises:
        CheckpointError: there is none, or it is damaged.
    """
    checkpoint = load_checkpoint(run)
    option = "--finetune" if tunes else "--init-from"
    return Start(str(run), config_of(checkpoint).model, option, tunes), checkpoint


def prepared(model: Model, settings: TrainConfig, start: Checkpoint | None) -> Iterator[str]:
    """Give a new model its first weights and freeze parts of it; yield messages that say what was done.

    Args:
        model: with random weights.
        settings: of the training; they name the parts to freeze.
        start: a checkpoint with the weights to start from.

    Raises:
        CheckpointError: the models have other cells, layers or sizes.
    """
    if start is not None:
        yield f"{start_from(model, start)}; learning rate {settings.learning_rate:g}"
    freeze = settings.freeze
    model.freeze(freeze)
    if freeze:
        fixed = sum(parameter.size for parameter in model.frozen())
        total = model.parameter_count()
        yield f"frozen: {', '.join(freeze)}; {total - fixed:,} of {total:,} parameters are trained"
    tables = sorted({"embedding", "softmax"} & frozen_parts(model.config, freeze))
    if start is not None and tables and not set(model.vocab.to_list()) <= set(start.vocab):
        yield (
            f"the rows of new symbols in {' and '.join(tables)} are random and frozen; to train them, leave "
            f"{' and '.join(tables)} out of train.freeze"
        )


def start_from(model: Model, checkpoint: Checkpoint) -> str:
    """Give a new model the weights of a checkpoint; return a message that says what was done.

    Symbols that both models know keep their rows. Rows of new symbols keep their initial values.

    Raises:
        CheckpointError: the models have other cells, layers or sizes.
    """
    theirs, own = config_of(checkpoint).model, model.config
    settings = [*_settings(theirs, own)]
    if settings:
        raise CheckpointError(
            f"--init-from needs the same model in both runs: that run has {described(theirs)}, this one has "
            f"{described(own)}; give this one the same with {' '.join(settings)}"
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


def _settings(wanted: ModelConfig, given: ModelConfig) -> Iterator[str]:
    """Yield the options that give a model the network of another."""
    for key in NETWORK:
        value = getattr(wanted, key)
        if value != getattr(given, key) and (
            key != "hidden_dim" or wanted.hidden_dims != given.hidden_dims
        ):
            yield f"--set {shlex.quote(f'model.{key}={json.dumps(value)}')}"


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
