"""exp, tanh and the logistic function on vectors of float32.

Measured against float64 over the whole range (``tests/kernels/test_compiled.py``), in units of the
last place: exp 1.5, tanh 4 and logistic 3.  NaN gives NaN.
"""

from __future__ import annotations

from charlm.kernels.compiled.vectors import Lanes

LOG2_E = 1.4426950408889634
# ln 2 in two parts, the first with so few bits that its small multiples are exact (Cody and Waite)
LN2_HIGH, LN2_LOW = 0.693359375, -2.12194440e-4


def exp(x: Lanes) -> Lanes:
    """2^n e^r with n the nearest whole number to x / ln 2. Below -87.3 it is 0; above 88.4 it is constant."""
    x = x.at_least(-88.0).at_most(88.37)
    n = (x * LOG2_E).call("rint")
    r = x - n * LN2_HIGH - n * LN2_LOW
    # e^r on |r| <= ln 2 / 2, by the coefficients of Cephes' expf
    p = r * 1.9875691500e-4 + 1.3981999507e-3
    for c in (8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1):
        p = p * r + c
    return (p * (r * r) + r + 1.0) * n.power_of_two()


def tanh(x: Lanes) -> Lanes:
    """A quotient of polynomials, odd over even, at most 1. From 9 on, tanh rounds to 1 in float32.

    It must be exactly 1 there: an error in 1 - y^2 can grow in the backward pass of a deep graph.
    """
    x = x.at_least(-9.0).at_most(9.0)
    x2 = x * x
    p = x2 * -2.76076847742355e-16 + 2.00018790482477e-13
    for c in (-8.60467152213735e-11, 5.12229709037114e-08, 1.48572235717979e-05):
        p = p * x2 + c
    p = (p * x2 + 6.37261928875436e-04) * x2 + 4.89352455891786e-03
    q = x2 * 1.19825839466702e-06 + 1.18534705686654e-04
    q = (q * x2 + 2.26843463243900e-03) * x2 + 4.89352518554385e-03
    return (x * p / q).at_least(-1.0).at_most(1.0)


def logistic(x: Lanes) -> Lanes:
    """1 / (1 + exp(-x))."""
    return 1.0 / (exp(0.0 - x) + 1.0)
