"""Why a simple RNN may learn faster: the tutorial's explanation, checked on the text and models at hand.

The tutorial explains the simple RNN's quick success by the sentence having each bigram only once, so that
a trigram model could learn it by heart. Both halves are counted here. What it leaves open is why the LSTM is slower;
that shows before the first step: in the gradient that reaches the first character, and in the gates.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from charlm.lm.gates import layer_reports
from charlm.lm.horizon import prediction
from charlm.lm.model import Model
from charlm.lm.reader import Reader
from charlm.text.vocab import EOS, Ids

READ = 64
"""Symbols of a stream's beginning that a model reads before it is trained; of lines it reads the first."""


@dataclass(frozen=True)
class BigramReport:
    """The counts of the bigrams of a text: pairs of neighbouring symbols.

    Attributes:
        bigrams: the number of pairs.
        distinct: the number of different pairs.
        repeated: those that occur more than once, with their counts, the most frequent first.
        determined: whether every pair has only one next symbol. Then a trigram model, which sees two symbols,
            can learn the text by heart.
    """

    bigrams: int
    distinct: int
    repeated: tuple[tuple[str, int], ...]
    determined: bool

    @property
    def unique(self) -> bool:
        """Whether each bigram occurs once."""
        return self.bigrams == self.distinct


def bigrams_of(text: str, lines: bool) -> BigramReport:
    r"""Count the bigrams of a text; with ``lines`` each line is framed by ``<EOS>``.

    Example:
        >>> report = bigrams_of("a quick brown fox jumped over the lazy dog\n", lines=True)
        >>> report.bigrams, report.unique, report.determined
        (43, True, True)
        >>> bigrams_of("banana", lines=False).repeated
        (('an', 2), ('na', 2))
    """
    sequences = [[EOS, *line, EOS] for line in text.split("\n") if line] if lines else [list(text)]
    pairs = Counter(p for s in sequences for p in pairwise(s))
    successors: dict[tuple[str, str], set[str]] = {}
    for s in sequences:
        for first, second, third in zip(s, s[1:], s[2:], strict=False):
            successors.setdefault((first, second), set()).add(third)
    repeated = tuple(("".join(p), n) for p, n in pairs.most_common() if n > 1)
    determined = all(len(following) == 1 for following in successors.values())
    return BigramReport(sum(pairs.values()), len(pairs), repeated, determined)


@dataclass(frozen=True)
class Start:
    """What a model does with the beginning of its text before it is trained.

    Attributes:
        gradient_near: the norm of the gradient of the last prediction at the character before it.
        gradient_first: at the first character.
        gates: the mean of each gate of the top layer; a simple RNN has none.
        output: the root mean square of the outputs of the top layer.
    """

    gradient_near: float
    gradient_first: float
    gates: dict[str, float]
    output: float


def start_of(model: Model, ids: Ids) -> Start | None:
    """Return what a model does with a text's first line, or with a stream's beginning; None if that is too short."""
    eos = model.vocab.eos
    ids = ids[1:] if len(ids) and ids[0] == eos else ids  # each line begins after one
    ids = ids[: READ if eos is None else 1 + int(np.argmax(ids == eos))]
    if len(ids) < 2:
        return None
    copy = Model(
        model.vocab, model.config
    )  # which takes the gradients: a training goes on as without this
    copy.load_arrays(model.arrays())
    found = prediction(copy, ids, len(ids) - 1)
    report = layer_reports(copy, ids)[-1]
    outputs = np.concatenate([piece.states[-1][-1] for piece in Reader(copy).read(ids)])
    return Start(
        gradient_near=float(found.norms[-1]),
        gradient_first=float(found.norms[0]),
        gates={name: gate.mean for name, gate in report.gates.items()},
        output=float(np.sqrt(np.square(outputs, dtype=np.float64).mean())),
    )
