"""Muon's update of a matrix: its step is made orthogonal (Jordan et al., 2024)."""

from __future__ import annotations

import numpy as np

from charlm.kernels.reference.common import Array

POLYNOMIAL = (3.4445, -4.7750, 2.0315)
"""Coefficients of s, s^3 and s^5 that bring a singular value s from (0, 1] near 1: Jordan et al., 2024."""
ROUNDS = 3
"""Applications of the polynomial. More of them took longer and did not lower the loss; see docs/recipes.md."""


def muon_update(
    values_IO: Array,
    g_IO: Array,
    m_IO: Array,
    momentum: float,
    scale: float,
    kept: float,
    rate: float,
) -> None:
    """Update a matrix: g = scale g; m = momentum m + g; values = kept values - rate ``orthogonal(g + momentum m)``.

    The gradients g are 0 afterwards.
    """
    real = g_IO.dtype.type
    g_IO *= real(scale)
    m_IO *= real(momentum)
    m_IO += g_IO
    g_IO += real(momentum) * m_IO
    values_IO *= real(kept)
    values_IO -= real(rate) * orthogonal(g_IO)
    g_IO.fill(0)


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
    product = None
    for left in reversed(range(rounds)):
        # numpy computes one half of the product of a matrix and its transpose; gram is symmetric
        polynomial = gram @ gram.T
        polynomial *= c
        polynomial += b * gram
        polynomial.flat[:: len(gram) + 1] += a
        product = polynomial if product is None else product @ polynomial
        if left:
            gram = polynomial @ gram @ polynomial
    assert product is not None
    result: Array = product @ matrix
    result /= np.sqrt(squares)
    return result
