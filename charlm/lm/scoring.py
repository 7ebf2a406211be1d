"""Scoring a text as `charlm eval` does: with a model, which may also learn from it, and with n-grams mixed in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from charlm import progress
from charlm.baselines.adaptive import adaptive_probabilities
from charlm.baselines.mixture import mixture
from charlm.baselines.ngram import NGram
from charlm.lm.evaluation import (
    DYNAMIC_PIECE,
    PIECE,
    WARM_UP,
    Floats,
    Score,
    dynamic_trainer,
    read,
    standard_error,
)
from charlm.lm.model import Model
from charlm.text.sizes import NO_SIZES, Sizes, utf_8_length
from charlm.text.vocab import Ids, Vocab
from charlm.wording import fixed, short

MIX_ORDER = 7
"""The order of the n-grams in a mixture: fixed, so it does not depend on the scored text."""


@dataclass(frozen=True)
class Mix:
    """The parts of a mixture of a model with n-grams.

    Attributes:
        weight: of the model, the mean over the text.
        model_nll: of the model alone, in nats per character; in a dynamic evaluation it also learns.
        ngram_nll: of the n-grams alone; in a dynamic evaluation they also count.
    """

    weight: float
    model_nll: float
    ngram_nll: float


@dataclass(frozen=True)
class Evaluation(Score):
    """The score of a text with its details.

    Attributes:
        standard_error: of the nll, see ``evaluation.standard_error``; NaN for a single character.
        bytes: of the text in UTF-8, see ``charlm.text.sizes``.
        rate: the step size of the dynamic evaluation, or None.
        mix: the parts of the mixture, if there is one: the score is then the mixture's.
    """

    standard_error: float
    bytes: int
    rate: float | None
    mix: Mix | None

    @property
    def bits_per_byte(self) -> float:
        """Bits per byte of UTF-8: the same as ``bpc`` for ASCII, and comparable between alphabets."""
        return self.bpc * self.characters / self.bytes

    @property
    def perplexity_error(self) -> float:
        """The standard error of the perplexity, to first order."""
        return self.perplexity * self.standard_error

    def _rows(self) -> list[tuple[str, str]]:
        rows = [
            *super()._rows(),
            ("standard error of the nats", fixed(self.standard_error)),
            ("bits per byte", fixed(self.bits_per_byte)),
        ]
        if self.rate is not None:
            rows.append(("learning rate of the dynamic evaluation", short(self.rate)))
        if self.mix is not None:
            rows += [
                ("nats of the model alone", fixed(self.mix.model_nll)),
                (f"nats of the {MIX_ORDER}-gram alone", fixed(self.mix.ngram_nll)),
                ("weight of the model", fixed(self.mix.weight, 2)),
            ]
        return rows


def score_text(
    model: Model,
    ids: Ids,
    begin: int,
    train: Ids | None = None,
    *,
    cold: bool = False,
    dynamic: bool = False,
    rate: float | None = None,
    mix: bool = False,
    unknown: Sizes = NO_SIZES,
) -> Evaluation:
    """Score the symbols of a text from ``begin`` on.

    Args:
        model: predicts; its weights are unchanged at the end.
        ids: the text, with at least one symbol before the scored part.
        begin: where the scored part begins.
        train: the model's training text; ``dynamic`` and ``mix`` need it.
        cold: begin with an empty state, not with the state after the text before.
        dynamic: learn from the text, from each piece after its score.
        rate: the step size of that; None chooses on the training text.
        mix: mix with n-grams of the training text, which also count the scored text if ``dynamic``.
        unknown: the bytes in UTF-8 of each scored character that is ``<UNK>``.
    """
    trainer = None
    if dynamic:
        assert train is not None
        trainer = dynamic_trainer(model, train, rate)
    with progress.task("scoring", len(ids) - begin):
        nlls = read(
            model,
            ids,
            begin,
            warm_up=0 if cold else WARM_UP,
            size=DYNAMIC_PIECE if dynamic else PIECE,
            learn=None if trainer is None else trainer.update,
        )
    if trainer is not None:
        trainer.reset()
    mixed = None
    if mix:
        assert train is not None
        nlls, mixed = _mixed(nlls, _ngram(train, ids, begin, model.vocab, dynamic))
    return Evaluation(
        nll=float(nlls.mean()),
        characters=len(nlls),
        standard_error=standard_error(nlls),
        bytes=utf_8_length(model.vocab, ids[begin:], unknown),
        rate=None if trainer is None else trainer.learning_rate,
        mix=mixed,
    )


def _mixed(nlls: Floats, counted: Floats) -> tuple[Floats, Mix]:
    """Return the nlls of a mixture of a model with the probabilities of n-grams, and its parts."""
    probabilities, weight = mixture(np.exp(-nlls), counted)
    parts = Mix(weight, float(nlls.mean()), float(-np.log(counted).mean()))
    return -np.log(probabilities), parts


def _ngram(train: Ids, ids: Ids, begin: int, vocab: Vocab, adapt: bool) -> Floats:
    with progress.task("n-grams", 2 * MIX_ORDER):
        model = NGram(train, len(vocab), MIX_ORDER)
        count = adaptive_probabilities if adapt else NGram.probabilities
        return count(model, ids, begin)[-1]
