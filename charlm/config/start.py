"""The settings of a run that starts from the weights of another run: sizes, and a learning rate for fine-tuning."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import attrs

from charlm.config.nodes import ConfigNode, Problem
from charlm.config.rules import number
from charlm.config.schema import ModelConfig, TrainConfig
from charlm.errors import SettingError

NETWORK = tuple(
    field.name
    for field in attrs.fields(ModelConfig)
    if "dropout" not in field.name and field.name != "variational"
)
"""The settings of a model that its weights depend on; the others matter in training only."""
RATE = 0.5
"""In fine-tuning, the part of the config's learning rate; docs/training.md has the measurements."""
WARMUP = 20
"""In fine-tuning, the updates in which the learning rate rises: the trainer's averages are new."""


@attrs.frozen
class Start:
    """What a config takes from another run.

    Attributes:
        run: its name in messages.
        model: its model.
        option: what the user typed before the name.
        tunes: whether the learning rate is that of fine-tuning, and not that of the config.
    """

    run: str
    model: ModelConfig
    option: str = "--init-from"
    tunes: bool = False

    def over(self, root: ConfigNode) -> ConfigNode:
        """Return a config with the network of the run, and in fine-tuning with a learning rate of its own."""
        values: dict[str, Any] = {"model": {key: getattr(self.model, key) for key in NETWORK}}
        if self.tunes:
            values["train"] = {"warmup": WARMUP}
            train = root.child("train")
            node = None if train is None else train.child("learning_rate")
            with contextlib.suppress(SettingError):  # a rate that is refused later
                rate = TrainConfig().learning_rate if node is None else number(above=0)(node.value)
                values["train"]["learning_rate"] = float(f"{RATE * rate:.3g}")
        return ConfigNode.of(values, f"{self.option} {self.run}").over(root)

    def contradictions(self, chosen: ConfigNode) -> Iterator[Problem]:
        """Yield the chosen values that do not fit the weights of the run."""
        network = chosen.child("model")
        for key in NETWORK:
            node = None if network is None else network.child(key)
            if node is None or self._fits(key, node.plain()):
                continue
            value = json.dumps(getattr(self.model, key))
            how = (
                f"give --set 'model.{key}={value}'" if node.location.line else f"set it to {value}"
            )
            yield Problem(
                attrs.evolve(node.location, key=f"model.{key}"),
                f"the weights of {self.run} need {value} here; {how}, or leave out {self.option}",
            )

    def _fits(self, key: str, value: Any) -> bool:
        if key == "hidden_dim":
            given = tuple(value) if isinstance(value, list) else (value,) * self.model.layers
            return given == self.model.hidden_dims
        return bool(value == getattr(self.model, key))
