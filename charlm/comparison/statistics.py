"""How much better one model predicts a text than another, and how much of that may be chance.

Two things are random: the seed of a training, and the text that happens to be held out. Two seeds of one config may
differ by more than an interval over the text alone allows. So both are parts of an interval here:

* seeds: Welch's interval for the difference of two means (Welch 1947). It needs no equal variances.
* text: the spread of the difference over pieces of the text. Both models score the same pieces, so what is hard for
  both cancels. Neighbouring blocks are joined to at most ``PIECES`` long pieces, because the errors of neighbours
  are related ("batch means").

Half the width of the interval is the root of the sum of both squared halves (Howe 1974; Zou and Donner 2008). With two
or three seeds this keeps its promise, where one t interval with Satterthwaite's degrees of freedom for the summed
variances does not. What seeds and text vary together is in both parts, so the interval is rather too wide.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]

CONFIDENCE = 0.95
"""The probability that all intervals of a comparison contain the true differences."""
PIECES = 30
"""Blocks of a text are joined to this many pieces; `charlm eval` computes its error from as many."""
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(64)


@dataclass(frozen=True)
class Scores:
    """How one model scored the blocks of a text.

    Attributes:
        nats_SK: the nats of each block, (seeds, blocks).
        units_K: the characters or bytes of each block.
    """

    nats_SK: Floats
    units_K: Floats

    @property
    def bits(self) -> Floats:
        """The bits per character or byte with each seed.

        Example:
            >>> Scores(np.log([[2.0, 4.0], [2.0, 1.0]]), np.array([1.0, 1.0])).bits.tolist()
            [1.5, 0.5]
        """
        bits_S: Floats = self.nats_SK.sum(axis=1) / (math.log(2) * self.units_K.sum())
        return bits_S

    @property
    def mean(self) -> float:
        """The mean over seeds."""
        return float(self.bits.mean())

    @property
    def std(self) -> float | None:
        """The standard deviation over seeds; None with one seed, which has none."""
        return float(self.bits.std(ddof=1)) if len(self.nats_SK) > 1 else None


@dataclass(frozen=True)
class Difference:
    """How many bits per character or byte a model needs less than another one.

    Attributes:
        mean: the bits of the other one minus those of this one, so that more is better.
        half_of_seeds: half the width of an interval for other seeds, as if there were no other text.
        half_of_text: half the width of an interval for other text, as if there were no other seeds; inf if the text is
            too short to tell.
        ahead: the share of the pairs of a seed of each in which this one is better; a draw is half a pair.
    """

    mean: float
    half_of_seeds: float
    half_of_text: float
    ahead: float

    @property
    def half(self) -> float:
        """Half the width of the interval for other seeds and other text: a smaller difference is not shown."""
        return math.hypot(self.half_of_seeds, self.half_of_text)

    @property
    def interval(self) -> tuple[float, float]:
        """The two ends."""
        return self.mean - self.half, self.mean + self.half

    @property
    def shown(self) -> bool:
        """Whether the interval excludes that both are equally good."""
        return abs(self.mean) > self.half


@dataclass(frozen=True)
class Ranking:
    """The best of several models, with its lead over each of the others.

    Attributes:
        best: the name of the model with the lowest mean.
        leads: for each other model, from the best down, how much better ``best`` is.
    """

    best: str
    leads: Mapping[str, Difference]

    @property
    def winner(self) -> str | None:
        """The best, if it is shown to be better than every other model, else None."""
        return self.best if all(lead.shown for lead in self.leads.values()) else None


def difference(this: Scores, other: Scores, confidence: float = CONFIDENCE) -> Difference:
    """Return how much better a model is than another one that scored the same blocks.

    The interval is for another text of this kind and, if a model has several seeds, for the mean over all seeds. A
    model with one seed is taken as it is: its interval does not tell what another seed would give.

    Example:
        >>> hard_K, units_K = np.array([900.0, 1200.0, 1000.0, 1100.0]), np.full(4, 1000.0)
        >>> good = Scores(np.stack([0.90 * hard_K, 0.91 * hard_K, 0.90 * hard_K]), units_K)
        >>> poor = Scores(np.stack([0.99 * hard_K, 1.00 * hard_K, 0.99 * hard_K]), units_K)
        >>> lead = difference(good, poor)
        >>> round(lead.mean, 3), [round(end, 3) for end in lead.interval], lead.ahead, lead.shown
        (0.136, [0.103, 0.17], 1.0, True)
    """
    pairs = np.sign(other.bits[:, None] - this.bits[None, :])
    return Difference(
        mean=other.mean - this.mean,
        half_of_seeds=_half_of_seeds((this.bits, other.bits), confidence),
        half_of_text=_half_of_text(this, other, confidence),
        ahead=float((1 + pairs).mean() / 2),
    )


def rank(models: Mapping[str, Scores]) -> Ranking:
    """Return the best of some models, and how much better it is than each of the others.

    The best of many is partly the luckiest. So each interval has the confidence 1 - 0.05 / p, where p is the number of
    all pairs of models (Bonferroni): with ``CONFIDENCE``, all of them together are right.

    Example:
        >>> units_K = np.full(2, 1000.0)
        >>> models = {name: Scores(np.array([[n, n + 9.0]]), units_K) for name, n in (("a", 1500.0), ("b", 1400.0))}
        >>> ranking = rank(models)
        >>> ranking.best, ranking.winner, round(ranking.leads["a"].mean, 3)
        ('b', 'b', 0.144)
    """
    best, *others = sorted(models, key=lambda name: models[name].mean)
    confidence = 1 - (1 - CONFIDENCE) / max(1, math.comb(len(models), 2))
    leads = {name: difference(models[best], models[name], confidence) for name in others}
    return Ranking(best, leads)


def t_quantile(confidence: float, freedom: float) -> float:
    """Return the t with which an interval from -t to t has a probability under Student's distribution.

    With t = sqrt(freedom) tan(a), the density is proportional to cos(a) ** (freedom - 1): smooth, so a Gaussian
    quadrature is exact to about 14 digits. The angle is found by bisection.

    Args:
        confidence: the probability, between 0 and 1.
        freedom: the degrees of freedom, from 1 to 10,000; need not be a whole number.

    Example:
        >>> [round(t_quantile(0.95, freedom), 3) for freedom in (1, 2, 4, 29, 1e4)]
        [12.706, 4.303, 2.776, 2.045, 1.96]
    """
    constant = math.exp(math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2))
    low, high = 0.0, math.pi / 2
    for _ in range(48):
        angle = (low + high) / 2
        area = angle / 2 * float(_WEIGHTS @ np.cos(angle / 2 * (1 + _NODES)) ** (freedom - 1))
        below = 2 / math.sqrt(math.pi) * constant * area < confidence
        low, high = (angle, high) if below else (low, angle)
    return math.sqrt(freedom) * math.tan(low)


def _half_of_seeds(bits: tuple[Floats, ...], confidence: float) -> float:
    """Return half the width of Welch's interval; a model with one seed has no part in it."""
    several = [bits_S for bits_S in bits if len(bits_S) > 1]
    variances = [float(bits_S.var(ddof=1)) / len(bits_S) for bits_S in several]
    total = sum(variances)
    if not total:
        return 0.0
    parts = zip(variances, several, strict=True)
    freedom = 1 / sum((part / total) ** 2 / (len(bits_S) - 1) for part, bits_S in parts)
    return t_quantile(confidence, freedom) * math.sqrt(total)


def _half_of_text(this: Scores, other: Scores, confidence: float) -> float:
    """Return half the width of the interval for the difference of the means over seeds, from the pieces' spread."""
    blocks = len(this.units_K)
    pieces = min(PIECES, blocks)
    if pieces < 2:
        return math.inf
    begins = np.arange(pieces) * blocks // pieces
    bits_K = (other.nats_SK.mean(axis=0) - this.nats_SK.mean(axis=0)) / math.log(2)
    bits_P, units_P = (np.add.reduceat(of_K, begins) for of_K in (bits_K, this.units_K))
    rest_P = bits_P - units_P * (bits_P.sum() / units_P.sum())
    error = math.sqrt(pieces / (pieces - 1) * float(rest_P @ rest_P)) / float(units_P.sum())
    return t_quantile(confidence, pieces - 1) * error
