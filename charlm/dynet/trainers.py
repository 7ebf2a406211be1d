"""DyNet's trainers: the engine's rules with DyNet's arguments and methods."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

import numpy as np

from charlm.dynet import session
from charlm.dynet.parameters import ParameterCollection, collection_of
from charlm.engine import trainers as engine
from charlm.engine.ops.arguments import real
from charlm.errors import ShapeError

__all__ = [
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


class Trainer:
    """The base class of trainers. Learning rates are rounded to float32, as in DyNet."""

    def __init__(
        self, rule: Callable[..., engine.Trainer], m: ParameterCollection, **settings: float
    ) -> None:
        who = self.whoami()
        checked = {name: real(value, f"{who}: {name}") for name, value in settings.items()}
        self._trainer = rule(collection_of(m, who), **checked)
        self._trainer.kernels = session.kernels()
        self._collection = self._trainer.collection
        self.learning_rate = self._trainer.learning_rate
        self._reported = (0, 0)

    @property
    def learning_rate(self) -> float:
        """The learning rate."""
        return self._trainer.learning_rate

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        rate = real(value, "a learning rate")
        with np.errstate(over="ignore"):  # as everywhere in training: the norm shows it
            self._trainer.learning_rate = float(np.float32(rate))

    def set_learning_rate(self, value: float) -> None:
        """Set the learning rate."""
        self.learning_rate = value

    def update(self) -> None:
        """Clip the accumulated gradients, apply the rule, clear them, and apply the weight decay, if there is any.

        RuntimeError if the gradients are not finite.
        """
        self._trainer.update()
        if self._collection.weight_decay:
            multiplied_in = self._collection.decay()
            if multiplied_in is not None:
                print(f"RESCALE WEIGHT DECAY FROM {multiplied_in:g} to 1.0", file=sys.stderr)

    def update_subset(self, updated_params: Sequence[int], updated_lookups: Sequence[int]) -> None:
        """Do nothing, as in DyNet; ``set_updated`` chooses what is trained."""

    def update_epoch(self, r: float) -> None:
        """Do nothing, and write so on stderr: the program has to change the learning rate."""
        print(
            "update_epoch does nothing (DyNet deprecated it); change trainer.learning_rate instead",
            file=sys.stderr,
        )

    def restart(self, learning_rate: float | None = None) -> None:
        """Set the running averages to zero; the count of updates stays."""
        self._trainer.restart()
        if learning_rate is not None:
            self.learning_rate = learning_rate

    def set_clip_threshold(self, thr: float) -> None:
        """Clip gradients at this norm; 0 or less turns clipping off."""
        self._trainer.clip_threshold = max(0.0, real(thr, "set_clip_threshold"))

    def get_clip_threshold(self) -> float:
        """Return the norm at which gradients are clipped, 0 if they are not."""
        return self._trainer.clip_threshold

    def set_sparse_updates(self, su: bool) -> None:
        """Choose whether to update only the used rows of lookup tables, or all rows."""
        self._trainer.sparse_updates = bool(su)

    def status(self) -> None:
        """Write the rate, and the clippings and updates since the last call, to stderr."""
        clips, updates = self._trainer.clips, self._trainer.updates
        before = self._reported
        self._reported = clips, updates
        rate = np.float32(self.learning_rate)
        counts = f"clips={clips - before[0]} updates={updates - before[1]}"
        print(f"[lr={rate:g} {counts}]", end=" ", file=sys.stderr, flush=True)

    def whoami(self) -> str:
        """Return the class's name."""
        return type(self).__name__


class SimpleSGDTrainer(Trainer):
    """p -= learning_rate * g."""

    def __init__(self, m: ParameterCollection, learning_rate: float = 0.1) -> None:
        super().__init__(engine.SimpleSGDTrainer, m, learning_rate=learning_rate)


class CyclicalSGDTrainer(Trainer):
    """SGD whose rate goes up and down between two bounds; each update multiplies the upper bound by ``gamma``."""

    def __init__(
        self,
        m: ParameterCollection,
        learning_rate_min: float = 0.01,
        learning_rate_max: float = 0.1,
        step_size: float = 2000,
        gamma: float = 1.0,
    ) -> None:
        if real(step_size, f"{self.whoami()}: step_size") <= 0:
            raise ShapeError(f"{self.whoami()}: step_size is positive, got {step_size!r}")
        super().__init__(
            engine.CyclicalSGDTrainer,
            m,
            learning_rate_min=learning_rate_min,
            learning_rate_max=learning_rate_max,
            step_size=step_size,
            gamma=gamma,
        )


class MomentumSGDTrainer(Trainer):
    """v = mom v - learning_rate g; p += v."""

    def __init__(
        self, m: ParameterCollection, learning_rate: float = 0.01, mom: float = 0.9
    ) -> None:
        super().__init__(engine.MomentumSGDTrainer, m, learning_rate=learning_rate, mom=mom)


class AdagradTrainer(Trainer):
    """Adagrad with DyNet's defaults."""

    def __init__(
        self, m: ParameterCollection, learning_rate: float = 0.1, eps: float = 1e-20
    ) -> None:
        super().__init__(engine.AdagradTrainer, m, learning_rate=learning_rate, eps=eps)


class AdadeltaTrainer(Trainer):
    """Adadelta with DyNet's defaults; ``learning_rate`` has no effect."""

    def __init__(self, m: ParameterCollection, eps: float = 1e-6, rho: float = 0.95) -> None:
        super().__init__(engine.AdadeltaTrainer, m, eps=eps, rho=rho)


class RMSPropTrainer(Trainer):
    """RMSProp with DyNet's defaults."""

    def __init__(
        self,
        m: ParameterCollection,
        learning_rate: float = 0.001,
        eps: float = 1e-8,
        rho: float = 0.9,
    ) -> None:
        super().__init__(engine.RMSPropTrainer, m, learning_rate=learning_rate, eps=eps, rho=rho)


class AdamTrainer(Trainer):
    """Adam with DyNet's defaults."""

    def __init__(
        self,
        m: ParameterCollection,
        alpha: float = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        eps: float = 1e-8,
    ) -> None:
        super().__init__(engine.AdamTrainer, m, alpha=alpha, beta_1=beta_1, beta_2=beta_2, eps=eps)


class AmsgradTrainer(Trainer):
    """Adam that divides by the largest mean square so far, with DyNet's defaults."""

    def __init__(
        self,
        m: ParameterCollection,
        alpha: float = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        eps: float = 1e-8,
    ) -> None:
        super().__init__(
            engine.AmsgradTrainer, m, alpha=alpha, beta_1=beta_1, beta_2=beta_2, eps=eps
        )
