"""Formal languages with a known entropy, and models that learn them: the loss beside the lowest that is possible."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from benchmarks.published.configs import config_of
from benchmarks.published.learning import learned
from benchmarks.published.table import Asked, Row, Table


class Language(Protocol):
    """A generator of lines, and what is known of them."""

    def line(self, rng: random.Random) -> str:
        """Return a line without its end."""
        ...

    @property
    def entropy(self) -> float:
        """Nats of a line."""
        ...

    @property
    def length(self) -> float:
        """The mean length of a line, its end included."""
        ...


@dataclass(frozen=True)
class Counted:
    """n times each letter, one letter after the other, where another round follows with probability 1 - p.

    Example:
        >>> Counted("ab", 0.5).line(random.Random(3))
        'ab'
        >>> round(Counted("ab", 0.5).entropy / math.log(2), 6), Counted("ab", 0.5).length
        (2.0, 5.0)
    """

    letters: str
    p: float

    def line(self, rng: random.Random) -> str:
        """Return a line; n is 1 or more."""
        n = 1
        while rng.random() >= self.p:
            n += 1
        return "".join(letter * n for letter in self.letters)

    @property
    def entropy(self) -> float:
        """That of a geometric distribution: of the 1 / p decisions."""
        return _of_choice(self.p) / self.p

    @property
    def length(self) -> float:
        """1 / p is the mean of n."""
        return len(self.letters) / self.p + 1


@dataclass(frozen=True)
class Dyck:
    """Balanced brackets of several kinds, by S -> ( S ) S with probability p, or nothing.

    At each place a bracket opens with probability p, whatever is open; else the last open one closes, or the line ends.
    A line has p / (1 - 2 p) pairs on average, so p is below 1/2.

    Example:
        >>> Dyck("()", 0.3).line(random.Random(0)), Dyck("()[]", 0.4).line(random.Random(4))
        ('', '((()))[(())]')
        >>> Dyck("()", 0.25).length
        2.0
    """

    brackets: str
    p: float

    def line(self, rng: random.Random) -> str:
        """Return a line, which may be empty."""
        kinds = len(self.brackets) // 2
        written, still_open = [], []
        while True:
            if rng.random() < self.p:
                kind = 2 * int(rng.random() * kinds)
                written.append(self.brackets[kind])
                still_open.append(self.brackets[kind + 1])
            elif still_open:
                written.append(still_open.pop())
            else:
                return "".join(written)

    @property
    def pairs(self) -> float:
        """The mean number of pairs in a line."""
        return self.p / (1 - 2 * self.p)

    @property
    def entropy(self) -> float:
        """There is one decision for each character, the end included; an opening bracket has a kind too."""
        kinds = len(self.brackets) // 2
        return self.length * _of_choice(self.p) + self.pairs * math.log(kinds)

    @property
    def length(self) -> float:
        """Two characters for each pair, and the end."""
        return 2 * self.pairs + 1


def _of_choice(p: float) -> float:
    return -p * math.log(p) - (1 - p) * math.log(1 - p)


def optimum(language: Language) -> float:
    """Return the lowest nats per character on an endless text of lines."""
    return language.entropy / language.length


def lines_of(language: Language, characters: int, seed: int) -> str:
    """Return whole lines, this many characters or a few more."""
    rng, lines, size = random.Random(seed), [], 0
    while size < characters:
        lines.append(language.line(rng) + "\n")
        size += len(lines[-1])
    return "".join(lines)


CELLS = ("rnn", "gru", "lstm")
SIZES = {
    "quick": (30_000, 300, ("ab",)),
    "default": (200_000, 1500, None),
    "full": (1_000_000, 6000, None),
}
"""Characters of text, steps, and the languages; None: all of them."""
LANGUAGES: dict[str, tuple[str, Language, str]] = {
    "ab": ("a^n b^n", Counted("ab", 0.3), "1.98"),
    "abc": ("a^n b^n c^n", Counted("abc", 0.3), "3.22"),
    "dyck-1": ("Dyck-1", Dyck("()", 1 / 3), "1.05"),
    "dyck-2": ("Dyck-2", Dyck("()[]", 1 / 3), "1.01"),
}
"""A name, the generator, and the published loss of the best network trained by gradients over the optimum."""


def measure(asked: Asked) -> Iterator[Row]:
    """Yield a row for each language and cell."""
    characters, steps, names = SIZES[asked.size]
    for key in names or LANGUAGES:
        name, language, theirs = LANGUAGES[key]
        text, lowest = lines_of(language, characters, asked.seed + 1), optimum(language)
        for cell in CELLS:
            settings = {"train__steps": steps, "train__seed": asked.seed}
            config = config_of(
                "languages", model__cell=cell, train__threads=asked.threads, **settings
            )
            found = learned(config, text)
            more = {"times the optimum": found.held_out / lowest}
            row_name = f"{name}, {cell}"
            yield Row(row_name, found.held_out, theirs, {"optimum": lowest}, more, found.seconds)


TABLE = Table(
    name="languages",
    title="Formal languages",
    source=(
        "Lan, Geyer, Chemla and Katzir (2022), Minimum Description Length Recurrent Neural Networks, TACL 10, Table "
        "1: the best of their networks that are trained by gradients (simple RNN, GRU or LSTM), with 500 strings, for "
        "Dyck-2 with 20,000. Their losses and optima in bits are 0.510 and 0.258, 0.554 and 0.172, 0.930 and 0.882, "
        "1.19 and 1.18"
    ),
    unit=(
        "nats per character of new lines. The published figures are ratios, of the loss to the optimum: compare them "
        "with the column `times the optimum`"
    ),
    differs=(
        "The paper trains on 500 strings and tests on long ones: 0.258 bits is the optimum of a^n b^n for large n. "
        "Here the model reads 160,000 characters and is tested on new strings of the same generator. So this table "
        "shows how well a network learns such strings, and the paper's also how well it does on longer ones.",
        "The optimum is computed exactly from the generator, for an endless text. The held-out lines are a sample, so "
        "a score can be a little below it.",
        "n follows a geometric distribution with p = 0.3; brackets nest with probability 1/3.",
    ),
    measure=measure,
)
