"""Equal budgets for the models of a comparison: of steps, characters, time or parameters."""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import prod
from typing import Any

import attrs

from charlm.config import ModelConfig, RunConfig
from charlm.config.rules import checked, duration, whole
from charlm.errors import ConfigError, SettingError
from charlm.lm.saved import weight_shapes
from charlm.text.corpus import LineCorpus, StreamCorpus
from charlm.wording import counted

_TIMES = {"": 1, "k": 10**3, "m": 10**6}
_NUMBER = re.compile(r"([\d_]+)([km]?)", re.IGNORECASE)
_LENGTHS = ("steps", "chars", "time")


@attrs.frozen(kw_only=True)
class EqualBudget:
    """What all models of a comparison get; None leaves it to each config.

    At most one of the first three is set.

    Attributes:
        steps: updates.
        chars: symbols to learn from.
        time: time to train.
        params: parameters: the sizes of the hidden layers are chosen so that each model has about this many.
    """

    steps: int | None = None
    chars: int | None = None
    time: str | None = None
    params: int | None = None

    @classmethod
    def of(cls, options: Sequence[str], steps: int | None = None) -> EqualBudget:
        """Return the budget of some options ``KIND=AMOUNT``; ``steps`` is the short form of one.

        Raises:
            ConfigError: a kind or an amount is wrong, or two of them contradict each other.

        >>> EqualBudget.of(["chars=2M", "params=50k"])
        EqualBudget(steps=None, chars=2000000, time=None, params=50000)
        """
        given = {} if steps is None else {"steps": str(steps)}
        for option in options:
            kind, _, amount = option.partition("=")
            if kind not in (*_LENGTHS, "params"):
                raise ConfigError(
                    f"--budget {option}: expected steps=N, chars=N, time=TIME or params=N"
                )
            if kind in given:
                raise ConfigError(f"--budget {option}: {kind} is given twice; give it once")
            given[kind] = amount
        lengths = [kind for kind in given if kind in _LENGTHS]
        if len(lengths) > 1:
            raise ConfigError(
                f"--budget: {' and '.join(lengths)} are given; choose one of them, because "
                "each of them says how long the models are trained"
            )
        amounts: dict[str, Any] = {kind: _amount(kind, amount) for kind, amount in given.items()}
        return cls(**amounts)

    def applied(self, config: RunConfig, corpus: LineCorpus | StreamCorpus) -> RunConfig:
        """Return a config with this budget on its text.

        Raises:
            ConfigError: no size of the hidden layers gives about as many parameters.
        """
        train, model = config.train, config.model
        if self.params is not None:
            model = sized(model, len(corpus.vocab), self.params)
        steps = self.steps
        if self.chars is not None:
            steps = max(1, round(self.chars / (corpus.characters_per_step * train.accumulate)))
        if steps is not None or self.time is not None:
            train = attrs.evolve(train, steps=steps, epochs=None, max_time=self.time, patience=None)
        return attrs.evolve(config, model=model, train=train)


def parameters_of(model: ModelConfig, symbols: int) -> int:
    """Return the number of a model's parameters.

    >>> parameters_of(ModelConfig(), 28)
    7878
    """
    return sum(prod(shape) for _, shape in weight_shapes(model, symbols))


def sized(model: ModelConfig, symbols: int, parameters: int) -> ModelConfig:
    """Return a model with hidden layers of such sizes that it has about this many parameters.

    Layers of different sizes keep their proportions. With ``tied``, the embedding has the size of the top layer.

    Raises:
        ConfigError: not even the smallest or a large size comes within a tenth of it.

    >>> sized(ModelConfig(cell="lstm"), 28, 7878).hidden_dim
    21
    """
    low, high = 1, 2
    while parameters_of(_scaled(model, high), symbols) < parameters:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if parameters_of(_scaled(model, middle), symbols) < parameters:
            low = middle
        else:
            high = middle
    best = min(
        (_scaled(model, size) for size in (low, high)),
        key=lambda scaled: abs(parameters_of(scaled, symbols) - parameters),
    )
    count = parameters_of(best, symbols)
    if abs(count - parameters) > parameters / 10:
        raise ConfigError(
            f"--budget params={parameters}: the {model.cell} model nearest to it has {counted(count, 'parameter')} "
            f"(hidden_dim {best.hidden_dim}); give another number, or change its embed_dim or layers"
        )
    return best


def _scaled(model: ModelConfig, top: int) -> ModelConfig:
    """Return a model whose top layer has this size."""
    sizes = tuple(max(1, round(size * top / model.hidden_dims[-1])) for size in model.hidden_dims)
    hidden: int | tuple[int, ...] = top if isinstance(model.hidden_dim, int) else sizes
    return attrs.evolve(model, hidden_dim=hidden, embed_dim=top if model.tied else model.embed_dim)


def _amount(kind: str, written: str) -> int | str:
    try:
        if kind == "time":
            return str(checked(duration, kind, written))
        match = _NUMBER.fullmatch(written)
        number = int(match[1].replace("_", "")) * _TIMES[match[2].lower()] if match else written
        return int(checked(whole(1), kind, number))
    except (SettingError, ValueError) as error:
        raise ConfigError(f"--budget {kind}={written}: {error}") from None
