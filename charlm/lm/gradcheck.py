"""The gradients of a language model, checked against central differences."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from charlm.config import ModelConfig
from charlm.engine.gradcheck import parameter_gradients
from charlm.engine.random import NumpyStream
from charlm.lm.model import Model
from charlm.text.vocab import Vocab

TIME, TEXTS = 8, 2
"""The size of the batch: enough for every weight to count."""
TOLERANCE = 1e-5
"""Rounding causes differences of a hundredth of this; mistakes cause far larger ones."""
SMALLEST = 1e-6
"""A gradient whose numbers are all smaller cannot be told from rounding."""


@dataclass(frozen=True)
class Checked:
    """The result of the check of a parameter.

    Attributes:
        name: the parameter's name, as in a checkpoint.
        numbers: how many it has.
        checked: how many of them were checked.
        size: the largest gradient among these, by central differences.
        difference: the largest difference of the gradients, as a share of ``size``.
    """

    name: str
    numbers: int
    checked: int
    size: float
    difference: float

    @property
    def passed(self) -> bool:
        """Whether the gradient is right, and not zero: a check of zeros would say nothing."""
        return self.size > SMALLEST and self.difference <= TOLERANCE


def check_model(
    vocab: Vocab, config: ModelConfig, most: int | None = None, seed: int = 0
) -> Iterator[Checked]:
    """Check each parameter of a model in float64, with random first weights, on a random batch.

    Dropout is on, with the same masks each time.

    Args:
        vocab: the symbols.
        config: the model.
        most: how many numbers of each parameter are checked; None is all of them.
        seed: of the random weights, batch, masks, and choice of numbers.

    Example:
        >>> vocab = Vocab.from_alphabet("abc", eos=True)
        >>> all(checked.passed for checked in check_model(vocab, ModelConfig(hidden_dim=3, embed_dim=3)))
        True
    """
    model = Model(vocab, config, NumpyStream(seed), dtype=np.float64)
    rng = np.random.default_rng(seed)
    inputs_TB, targets_TB = rng.integers(0, len(vocab), (2, TIME, TEXTS))
    members = model.parameters()
    gradients = parameter_gradients(
        list(members.items()),
        lambda graph: model.loss(graph, inputs_TB, targets_TB, train=True)[0],
        most,
        seed,
    )
    for name, analytic, numeric in gradients:
        size = float(np.abs(numeric).max(initial=0))
        difference = float(np.abs(analytic - numeric).max(initial=0)) / (size or 1.0)
        yield Checked(name, members[name].value.size, len(numeric), size, difference)
