"""Trainers: how a gradient becomes an update (DyNet's equations and defaults)."""

from __future__ import annotations

from collections.abc import Callable

from charlm.engine.trainers.base import Trainer
from charlm.engine.trainers.muon import MuonTrainer
from charlm.engine.trainers.rules import (
    AdadeltaTrainer,
    AdagradTrainer,
    AdamTrainer,
    AdamWTrainer,
    AmsgradTrainer,
    CyclicalSGDTrainer,
    MomentumSGDTrainer,
    RMSPropTrainer,
    SimpleSGDTrainer,
)

# those that a config can name
TRAINERS: dict[str, Callable[..., Trainer]] = {
    "sgd": SimpleSGDTrainer,
    "momentum": MomentumSGDTrainer,
    "adagrad": AdagradTrainer,
    "rmsprop": RMSPropTrainer,
    "adam": AdamTrainer,
    "adamw": AdamWTrainer,
    "muon": MuonTrainer,
}

__all__ = [
    "TRAINERS",
    "AdadeltaTrainer",
    "AdagradTrainer",
    "AdamTrainer",
    "AdamWTrainer",
    "AmsgradTrainer",
    "CyclicalSGDTrainer",
    "MomentumSGDTrainer",
    "MuonTrainer",
    "RMSPropTrainer",
    "SimpleSGDTrainer",
    "Trainer",
]
