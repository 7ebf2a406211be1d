"""The rules, one class each; ``base.py`` has what they share: clipping, sparse updates, moments.

In the formulas g is the clipped gradient and t counts all updates of the trainer. Every moment starts
at zero.
"""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from charlm.engine.arrays import Array, quietly
from charlm.engine.parameters import ParameterCollection
from charlm.engine.trainers.base import Trainer
from charlm.kernels import NUMPY, Kernels


class SimpleSGDTrainer(Trainer):
    """p -= learning_rate g."""

    kernel = "sgd_update"

    def __init__(
        self, collection: ParameterCollection, learning_rate: float = 0.1, kernels: Kernels = NUMPY
    ) -> None:
        super().__init__(collection, learning_rate, kernels=kernels)

    def settings(self) -> tuple[float, ...]:
        return (self.learning_rate,)


class CyclicalSGDTrainer(SimpleSGDTrainer):
    """SGD whose rate goes up and down between two bounds (Smith, 2015).

    The first update takes ``learning_rate_min``. After update i = 1, 2, ... the rate is min + (max - min)
    max(0, 1 - x) gamma^(i - 1), where x = |(i - 1) / step_size - 2 cycle + 1| and
    cycle = floor(1 + (i - 1) / (2 step_size)). A rate that a program sets is used for one update.
    """

    def __init__(
        self,
        collection: ParameterCollection,
        learning_rate_min: float = 0.01,
        learning_rate_max: float = 0.1,
        step_size: float = 2000,
        gamma: float = 1.0,
        kernels: Kernels = NUMPY,
    ) -> None:
        super().__init__(collection, learning_rate_min, kernels)
        self.learning_rate_min = learning_rate_min
        self.learning_rate_max = learning_rate_max
        self.step_size = step_size
        self.gamma = gamma

    def update(self) -> float:
        """Update with the current rate, then set the next one."""
        norm = super().update()
        self.learning_rate = quietly(self._rate_after, self.updates)
        return norm

    def restore(self, state: dict[str, Array], updates: int) -> None:
        """Continue from what ``state()`` returned, with the rate of the next update."""
        super().restore(state, updates)
        rate = quietly(self._rate_after, updates) if updates else self.learning_rate_min
        self.learning_rate = rate

    def _rate_after(self, updates: int) -> float:
        done = updates - 1
        cycle = math.floor(1 + done / (2 * self.step_size))
        height = 1 - abs(done / self.step_size - 2 * cycle + 1)
        # this precision and this order give exactly DyNet's rate
        number = self.collection.dtype.type
        low, high = number(self.learning_rate_min), number(self.learning_rate_max)
        decay = number(self.gamma) ** number(done)
        return float(low + (high - low) * number(max(0.0, height)) * decay)


class MomentumSGDTrainer(Trainer):
    """v = mom v - learning_rate g; p += v."""

    kernel = "momentum_update"
    moments = ("v",)

    def __init__(
        self,
        collection: ParameterCollection,
        learning_rate: float = 0.01,
        mom: float = 0.9,
        kernels: Kernels = NUMPY,
    ) -> None:
        super().__init__(collection, learning_rate, kernels=kernels)
        self.mom = mom

    def settings(self) -> tuple[float, ...]:
        return self.learning_rate, self.mom


class AdagradTrainer(Trainer):
    """s += g^2; p -= learning_rate g / sqrt(s + eps) (Duchi et al., 2011)."""

    moments = ("s",)

    def __init__(
        self,
        collection: ParameterCollection,
        learning_rate: float = 0.1,
        eps: float = 1e-20,
        kernels: Kernels = NUMPY,
    ) -> None:
        super().__init__(collection, learning_rate, kernels=kernels)
        self.eps = eps

    def apply(self, values: Array, g: Array, *moments: Array) -> None:
        (s,) = moments
        s += g * g
        g *= -self.learning_rate
        g /= np.sqrt(s + self.eps)
        values += g


class AdadeltaTrainer(Trainer):
    """Adadelta (Zeiler, 2012): the mean size of the steps replaces the learning rate.

    s = rho s + (1 - rho) g^2; d = -g sqrt(u + eps) / sqrt(s + eps); u = rho u + (1 - rho) d^2; p += d.
    ``learning_rate`` is 1 and unused.
    """

    moments = ("s", "u")

    def __init__(
        self,
        collection: ParameterCollection,
        eps: float = 1e-6,
        rho: float = 0.95,
        kernels: Kernels = NUMPY,
    ) -> None:
        super().__init__(collection, 1.0, kernels=kernels)
        self.eps = eps
        self.rho = rho

    def apply(self, values: Array, g: Array, *moments: Array) -> None:
        s, u = moments
        s *= self.rho
        s += (1 - self.rho) * (g * g)
        g *= -np.sqrt(u + self.eps)
        g /= np.sqrt(s + self.eps)
        u *= self.rho
        u += (1 - self.rho) * (g * g)
        values += g


class RMSPropTrainer(Trainer):
    """s = rho s + (1 - rho) g^2; p -= learning_rate g / sqrt(s + eps)."""

    moments = ("s",)

    def __init__(
        self,
        collection: ParameterCollection,
        learning_rate: float = 0.001,
        eps: float = 1e-8,
        rho: float = 0.9,
        kernels: Kernels = NUMPY,
    ) -> None:
        super().__init__(collection, learning_rate, kernels=kernels)
        self.eps = eps
        self.rho = rho

    def apply(self, values: Array, g: Array, *moments: Array) -> None:
        (s,) = moments
        s *= self.rho
        s += (1 - self.rho) * (g * g)
        g *= -self.learning_rate
        g /= np.sqrt(s + self.eps)
        values += g


class AdamTrainer(Trainer):
    """Adam (Kingma and Ba, 2015) as DyNet computes it: epsilon outside the root of the uncorrected v.

    m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2; p -= learning_rate sqrt(1 - b2^t) / (1 - b1^t) m
    / (sqrt v + eps).
    """

    kernel = "adam_update"
    moments: ClassVar[tuple[str, ...]] = ("m", "v")

    def __init__(
        self,
        collection: ParameterCollection,
        alpha: float = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        eps: float = 1e-8,
        kernels: Kernels = NUMPY,
    ) -> None:
        super().__init__(collection, alpha, kernels=kernels)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.eps = eps

    def settings(self) -> tuple[float, ...]:
        return self.beta_1, self.beta_2, self._rate(), self.eps

    def _rate(self) -> float:
        """Return the learning rate, corrected for averages that began at zero."""
        correction = np.sqrt(1 - self.beta_2**self.updates) / (1 - self.beta_1**self.updates)
        return self.learning_rate * float(correction)


class AdamWTrainer(AdamTrainer):
    """Adam with decoupled weight decay (Loshchilov and Hutter, 2019), epsilon added to the root of the corrected v.

    p -= learning_rate weight_decay p for matrices and the rows of tables that were used, not for biases and
    gains; then p -= learning_rate m' / (sqrt v' + eps), m' = m / (1 - b1^t), v' = v / (1 - b2^t).
    """

    def __init__(
        self,
        collection: ParameterCollection,
        alpha: float = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        eps: float = 1e-8,
        weight_decay: float = 0.01,
        kernels: Kernels = NUMPY,
    ) -> None:
        super().__init__(collection, alpha, beta_1, beta_2, eps, kernels)
        self.weight_decay = weight_decay

    def before_rule(self, scale: float) -> None:
        kept = self.collection.dtype.type(1 - self.learning_rate * self.weight_decay)
        for parameter in self.collection.parameters:
            if parameter.updated and len(parameter.dims) > 1:
                value = parameter.write()
                value *= kept
        for table, rows, _ in self.table_gradients():
            if table.updated:
                table.value[rows] *= kept

    def settings(self) -> tuple[float, ...]:
        """Adam's, with epsilon corrected as v is."""
        eps = self.eps * math.sqrt(1 - self.beta_2**self.updates)
        return self.beta_1, self.beta_2, self._rate(), eps


class AmsgradTrainer(AdamTrainer):
    """Adam that divides by the largest v so far (Reddi et al., 2018), which is not corrected either."""

    moments = ("m", "v", "largest")

    def apply(self, values: Array, g: Array, *moments: Array) -> None:
        m, v, largest = moments
        m *= self.beta_1
        m += (1 - self.beta_1) * g
        v *= self.beta_2
        v += (1 - self.beta_2) * (g * g)
        np.maximum(largest, v, out=largest)
        values -= self._rate() * m / (np.sqrt(largest) + self.eps)
