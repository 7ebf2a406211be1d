"""The parts of a network that training does not change (``train.freeze``)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from charlm.errors import SettingError
from charlm.wording import counted


def frozen_parts(model: Any, parts: Iterable[str]) -> set[str]:
    """Return what does not change in a model if ``parts`` are frozen, with each layer by its own name.

    >>> from charlm.config import ModelConfig
    >>> sorted(frozen_parts(ModelConfig(layers=2), ["rnn"])), sorted(frozen_parts(ModelConfig(tied=True), ["softmax"]))
    (['layer1', 'layer2'], ['embedding', 'softmax'])
    """
    frozen = set(parts)
    if "rnn" in frozen:
        frozen = frozen - {"rnn"} | _layers(model)
    return frozen | {"embedding"} if model.tied and "softmax" in frozen else frozen


def check_frozen(model: Any, parts: Iterable[str]) -> None:
    """Refuse parts that a model does not have, and all of its parts.

    Raises:
        SettingError: for ``train.freeze``.
    """
    frozen, there = frozen_parts(model, parts), {"embedding", "softmax"} | _layers(model)
    reason = ""
    if not frozen <= there:
        layers = counted(model.layers, "recurrent layer")
        reason = f"the model has {layers}, so there is no {min(frozen - there)}"
    elif frozen == there:
        reason = "nothing would be left to train; leave out a part"
    if reason:
        raise SettingError(reason, "train", "freeze")


def _layers(model: Any) -> set[str]:
    return {f"layer{k}" for k in range(1, model.layers + 1)}
