"""A training in small: the same config with a share of its budget, for trials that take less time than the training.

The schedule follows the share of the budget that is used up, so a short training goes through all of it. The warm-up
keeps its updates: with fewer, ``small`` does not begin to learn. The learning rate is raised, because a short training
wants a higher one than a long one: in theory the best rate of a schedule that falls to 0 is proportional to
1 / sqrt(updates) (Defazio et al., 2023, "When, Why and How Much?", arXiv:2310.07831). Without that, the rates that win
short trials are too high for the whole training. ``docs/searching.md`` has the runs that show both.
"""

from __future__ import annotations

import re
from typing import Any

import attrs

from charlm.config import RunConfig, TrainConfig
from charlm.config.rules import LARGEST, duration, seconds_of, whole
from charlm.errors import ConfigError, SettingError

RATE_FALLS = 0.5
"""The power of the number of updates with which the best learning rate falls."""
SCORED = 100_000
"""The maximum held-out characters in a score of a trial."""


def in_small(config: RunConfig, share: float) -> RunConfig:
    """Return a config that trains for a share of the budget, without patience, reports and samples.

    >>> small = in_small(RunConfig(train=TrainConfig(steps=3000, learning_rate=0.008)), 0.1).train
    >>> small.steps, round(small.learning_rate, 4)
    (300, 0.0253)
    """
    train = config.train
    smaller: dict[str, Any] = {
        "learning_rate": train.learning_rate * share**-RATE_FALLS,
        "patience": None,
        "sample_every": 0,
        "eval_every": LARGEST,
        "eval_characters": min(SCORED, train.eval_characters or SCORED),
        "checkpoint_every": LARGEST,
    }
    if train.steps is not None:
        smaller["steps"] = max(1, round(train.steps * share))
    if train.epochs is not None:
        smaller["epochs"] = train.epochs * share
    if train.max_time is not None:
        smaller["max_time"] = f"{max(0.01, seconds_of(train.max_time) * share):.2f}s"
    return attrs.evolve(config, train=attrs.evolve(train, **smaller))


def share_of(budget: str, train: TrainConfig) -> float:
    """Return the share of a training's budget that ``steps=N`` or ``time=T`` is.

    Raises:
        ConfigError: it is none of these, the training has no such limit, or it is longer than the training.

    >>> share_of("steps=50", TrainConfig(steps=200))
    0.25
    """
    where = f"--budget {budget}"
    kind, equals, amount = (part.strip() for part in budget.partition("="))
    if not equals or kind not in ("steps", "time"):
        raise ConfigError(f"{where}: expected steps=N or time=T, such as steps=500 or time=60s")
    key = {"steps": "train.steps", "time": "train.max_time"}[kind]
    try:
        wanted = _amount(kind, amount)
    except SettingError as error:
        raise ConfigError(f"{where}: {error.reason}") from None
    full = train.steps if kind == "steps" else train.max_time
    if full is None:
        other = "time=T" if kind == "steps" else "steps=N"
        raise ConfigError(
            f"{where}: the config has no {key}, of which a trial would be a part; use {other}, or set {key}"
        )
    share = wanted / (full if isinstance(full, int) else seconds_of(full))
    if share > 1:
        raise ConfigError(
            f"{where}: a trial may not train longer than the config itself ({key}: {full}); give less, or set {key}"
        )
    return share


def _amount(kind: str, written: str) -> float:
    if kind == "time":
        return seconds_of(duration(written))
    return int(whole(1)(int(written) if re.fullmatch(r"\d{1,19}", written) else written))
