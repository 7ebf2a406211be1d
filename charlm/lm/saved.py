"""A model in a checkpoint. Its state and its tensors are checked before a model is built."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar

import attrs
import numpy as np

from charlm.config import ModelConfig, RunConfig, from_dict
from charlm.config.rules import line, or_nothing, whole
from charlm.config.stored import made, stored
from charlm.engine.arrays import Array, DType, Shape
from charlm.engine.rnn import CELLS
from charlm.errors import CheckpointError, ConfigError, StoredError, TextError
from charlm.runs.checkpoint import Checkpoint
from charlm.text.vocab import Vocab

T = TypeVar("T")


@attrs.frozen(kw_only=True)
class ModelState:
    """The parts of a model in a checkpoint, other than its weights.

    Attributes:
        charlm: the version that wrote it.
        line_limit: the length at which a sample is cut.
        step: updates so far.
        text_sha256: of the training text; None in the oldest checkpoints.
    """

    charlm: str = stored(line)
    line_limit: int = stored(whole(1))
    step: int = stored(whole(0))
    text_sha256: str | None = stored(or_nothing(line), None)


def model_state(checkpoint: Checkpoint) -> ModelState:
    """Return the model's part of a checkpoint's state.

    Raises:
        CheckpointError: something in it is missing or wrong.
    """
    return state_of(ModelState, checkpoint, more=True)


def state_of(cls: type[T], checkpoint: Checkpoint, *, more: bool = False) -> T:
    """Return a checkpoint's state as an object of a class (see ``charlm.config.stored.made``).

    Raises:
        CheckpointError: something in it is missing or wrong.
    """
    try:
        return made(cls, checkpoint.state, "its state", more=more)
    except StoredError as error:
        raise checkpoint.damaged(str(error)) from error


def config_of(checkpoint: Checkpoint) -> RunConfig:
    """Return a checkpoint's configuration.

    Raises:
        CheckpointError: something in it is missing or wrong.
    """
    try:
        return from_dict(checkpoint.config, "its config")
    except ConfigError as error:
        raise checkpoint.damaged("; ".join(str(error).split("\n")[:3])) from error


def vocab_of(checkpoint: Checkpoint) -> Vocab:
    """Return a checkpoint's symbols.

    Raises:
        CheckpointError: they do not make a vocabulary.
    """
    try:
        return Vocab.from_list(checkpoint.vocab)
    except TextError as error:
        raise checkpoint.damaged(f"its vocabulary: {error}") from error


def weight_shapes(config: ModelConfig, symbols: int) -> Iterator[tuple[str, Shape]]:
    """Yield the names and shapes of a model's weights in a checkpoint.

    >>> dict(weight_shapes(ModelConfig(embed_dim=5, hidden_dim=3), 7))["softmax.W"]
    (7, 3)
    """
    yield "embedding", (symbols, config.embed_dim)
    cell, below = CELLS[config.cell](), config.embed_dim
    for k, size in enumerate(config.hidden_dims):
        for role, shape in zip(cell.roles, cell.shapes(below, size), strict=True):
            yield f"rnn.{k}.{role}", shape
        below = size
    for k, size in enumerate(config.hidden_dims if config.layer_norm else ()):
        yield f"norm.{k}.g", (size,)
        yield f"norm.{k}.b", (size,)
    if not config.tied:
        yield "softmax.W", (symbols, below)
    yield "softmax.b", (symbols,)


def fitting(tensors: Mapping[str, Array], name: str, shape: Shape, dtype: DType) -> Array:
    """Return a tensor of a checkpoint.

    Raises:
        CheckpointError: it is missing, of another type or shape, or has numbers that are not finite.
    """
    tensor = tensors.get(name)
    if tensor is None or tensor.shape != shape:
        problem = "is missing" if tensor is None else f"has shape {tensor.shape}"
        raise CheckpointError(
            f"{name} {problem}, this model needs {shape}; cell, layers, sizes and alphabet must be the same"
        )
    if tensor.dtype.kind != "f":
        raise CheckpointError(f"{name} has numbers of type {tensor.dtype}, floats are needed")
    with np.errstate(over="ignore"):
        numbers = tensor.astype(dtype, copy=False)
    if not np.isfinite(numbers).all():
        raise CheckpointError(f"{name} has numbers that are not finite")
    return numbers


def check_weights(checkpoint: Checkpoint) -> None:
    """Check that the weights fit the checkpoint's own model, before it is built.

    Raises:
        CheckpointError: one is missing or does not fit.
    """
    for name, shape in weight_shapes(config_of(checkpoint).model, len(checkpoint.vocab)):
        try:
            fitting(checkpoint.tensors, name, shape, np.float32)
        except CheckpointError as error:
            raise checkpoint.damaged(str(error)) from error
