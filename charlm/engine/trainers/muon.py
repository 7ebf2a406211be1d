"""Muon: the updates of weight matrices are made orthogonal (Jordan et al., 2024)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from charlm.engine.arrays import Array
from charlm.engine.parameters import Parameter, ParameterCollection
from charlm.engine.trainers.rules import AdamTrainer
from charlm.kernels import NUMPY, Kernels
from charlm.threads import one_thread

POLYNOMIAL = (3.4445, -4.7750, 2.0315)
"""Coefficients of s, s^3 and s^5 that bring a singular value s from (0, 1] near 1: Jordan et al., 2024."""
ROUNDS = 3
"""Applications of the polynomial. More of them took longer and did not lower the loss; see docs/recipes.md."""


class MuonTrainer(AdamTrainer):
    """Muon for some matrices, Adam for all other parameters (Jordan et al., 2024, kellerjordan.github.io/posts/muon).

    For a matrix with n inputs and k outputs: m = momentum m + g; u = g + momentum m;
    p -= rate weight_decay p; p -= rate sqrt(max(1, k / n)) ``orthogonal(u)``, with rate = learning_rate matrix_factor.

    Args:
        collection: with the parameters.
        alpha: the learning rate.
        beta_1, beta_2, eps: of Adam.
        matrices: those with Muon's rule, in the collection.
        matrix_factor: the factor on the learning rate for them.
        momentum: of their gradients.
        weight_decay: of the matrices. All directions of an update are equally large, so without it they only grow.
        kernels: those that apply Adam's rule.
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
        real = self.collection.dtype.type
        rate = self.learning_rate * self.matrix_factor
        for parameter in self.apart:
            if not parameter.updated:
                continue
            inputs_outputs = parameter.gradient.shape
            span = slice(parameter.offset, parameter.offset + parameter.size)
            g, m = gradients[span], moments[span]
            if scale != 1.0:
                g *= real(scale)
            m *= real(self.momentum)
            m += g
            g += real(self.momentum) * m
            with one_thread():  # those of the kernels wait for work and would slow others down
                step = orthogonal(g.reshape(inputs_outputs))
            step *= real(rate * math.sqrt(max(1.0, inputs_outputs[1] / inputs_outputs[0])))
            value = parameter.write()
            value *= real(1 - rate * self.weight_decay)
            value -= step
            g.fill(0)


def orthogonal(matrix: Array, rounds: int = ROUNDS) -> Array:
    """Return a matrix with the same singular vectors, and with singular values near 1 where they were not tiny.

    Each round applies ``POLYNOMIAL`` to the singular values. With X of the shape (m, n), m <= n, a round is
    X' = P X with P = a I + b A + c A A and A = X X'. All these matrices are polynomials of the first A, so A and the
    product of the P are computed without X: m x m products are smaller than those with X.

    Args:
        matrix: any, not changed.
        rounds: how often the polynomial is applied.

    >>> np.round(orthogonal(np.diag([3.0, 2.0, 1.0]), rounds=5), 1)
    array([[1.1, 0. , 0. ],
           [0. , 0.7, 0. ],
           [0. , 0. , 0.7]])
    """
    if matrix.shape[0] > matrix.shape[1]:
        return orthogonal(matrix.T, rounds).T
    real = matrix.dtype.type
    a, b, c = map(real, POLYNOMIAL)
    gram = matrix @ matrix.T
    squares = np.trace(gram)
    if not squares > 0:
        return np.zeros_like(matrix)
    gram /= squares
    product = np.eye(len(gram), dtype=matrix.dtype) / np.sqrt(squares)
    for left in reversed(range(rounds)):
        # numpy computes one half of the product of a matrix and its transpose; gram is symmetric
        polynomial = gram @ gram.T
        polynomial *= c
        polynomial += b * gram
        polynomial.flat[:: len(gram) + 1] += a
        product = product @ polynomial
        if left:
            gram = polynomial @ gram @ polynomial
    result: Array = product @ matrix
    return result
