"""Trainers: how a gradient becomes an update (DyNet's equations and defaults)."""

from __future__ import annotations

from charlm.engine.trainers.base import Trainer
from charlm.engine.trainers.rules import (
    AdadeltaTrainer,
    AdagradTrainer,
    AdamTrainer,
    AmsgradTrainer,
    CyclicalSGDTrainer,
    MomentumSGDTrainer,
    RMSPropTrainer,
    SimpleSGDTrainer,
)

# those that a config can name
TRAINERS: dict[str, type[SimpleSGDTrainer] | type[AdamTrainer]] = {
    "sgd": SimpleSGDTrainer,
    "adam": AdamTrainer,
}

__all__ = [
    "TRAINERS",
    "AdadeltaTrainer",
    "AdagradTrainer",
    "AdamTrainer",
    "AmsgradTrainer",
    "CyclicalSGDTrainer",
    "MomentumSGDTrainer",
    "RMSPropTrainer",
    "SimpleSGDTrainer",
    "Trainer",
]
