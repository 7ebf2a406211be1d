"""Muon: the updates of weight matrices are made orthogonal (Jordan et al., 2024)."""

from __future__ import annotations

import math
from collections.abc import Sequence

from charlm.engine.parameters import Parameter, ParameterCollection
from charlm.engine.trainers.rules import AdamTrainer
from charlm.kernels import NUMPY, Kernels


class MuonTrainer(AdamTrainer):
    """Muon for some matrices, Adam for all other parameters (Jordan et al., 2024, kellerjordan.github.io/posts/muon).

    For a matrix with n inputs and k outputs: m = momentum m + g; u = g + momentum m;
    p -= rate weight_decay p; p -= rate sqrt(max(1, k / n)) orthogonal(u), with rate = learning_rate matrix_factor.

    Args:
        collection: with the parameters.
        alpha: the learning rate.
        beta_1, beta_2, eps: of Adam.
        matrices: those with Muon's rule, in the collection.
        matrix_factor: the factor on the learning rate for them.
        momentum: of their gradients.
        weight_decay: of the matrices. All directions of an update are equally large, so without it they only grow.
        kernels: those that apply both rules.
    """

    def __init__(
        self,
        collection: ParameterCollection,
        alpha: float = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        eps: float = 1e-8,
        *,
        matrices: Sequence[Parameter],
        matrix_factor: float = 4.0,
        momentum: float = 0.95,
        weight_decay: float = 0.05,
        kernels: Kernels = NUMPY,
    ) -> None:
        super().__init__(collection, alpha, beta_1, beta_2, eps, kernels)
        self.apart = tuple(matrices)
        self.matrix_factor = matrix_factor
        self.momentum = momentum
        self.weight_decay = weight_decay

    def before_rule(self, scale: float) -> None:
        # a matrix has the place of Adam's first average for its own
        gradients, (moments, _) = self.collection.storage.gradients, self._averages
        rate = self.learning_rate * self.matrix_factor
        for parameter in self.apart:
            if not parameter.updated:
                continue
            value = parameter.write()
            inputs, outputs = value.shape
            span = slice(parameter.offset, parameter.offset + parameter.size)
            self.kernels.muon_update(
                value,
                gradients[span].reshape(value.shape),
                moments[span].reshape(value.shape),
                self.momentum,
                scale,
                1 - rate * self.weight_decay,
                rate * math.sqrt(max(1.0, outputs / inputs)),
            )
