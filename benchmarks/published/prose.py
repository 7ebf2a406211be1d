"""Text of an invented language in the form of a novel: for tables whose text is not ours to ship.

Words are built of syllables and are used as often as Zipf's law says. Much of the text follows from something earlier:
the ending of a verb from its subject, the end of a quotation from its beginning, and the words after a name from the
name.
"""

from __future__ import annotations

import random
import re

SYLLABLES = [
    a + b + c
    for a in ("b", "d", "f", "gr", "k", "l", "m", "n", "p", "s", "st", "t", "v")
    for b in "aeiou"
    for c in ("", "n", "r", "l")
]


class Prose:
    """Generates paragraphs.

    Args:
        seed: of the words, and of what is said with them.

    Example:
        >>> text = Prose(1).text(300)
        >>> len(text), text.count('"') % 2
        (300, 0)
    """

    def __init__(self, seed: int) -> None:
        self.rng = rng = random.Random(seed)
        self.nouns, self.verbs, self.adjectives = (
            [self._word(rng.choice((1, 2, 2, 3))) for _ in range(count)] for count in (120, 60, 40)
        )
        names = [self._word(2).capitalize() for _ in range(12)]
        self.names = {
            name: f"the {rng.choice(self.adjectives)} {rng.choice(self.nouns)}" for name in names
        }

    def text(self, length: int) -> str:
        """Return this many characters."""
        paragraphs: list[str] = []
        size = 0
        while size < length:
            paragraphs.append(self._paragraph() + "\n")
            size += len(paragraphs[-1])
        return "".join(paragraphs)[:length]

    def letters(self, length: int) -> str:
        """Return this many characters, of small letters and spaces alone."""
        return re.sub(r"[^a-z]+", " ", self.text(2 * length).lower())[:length]

    def _word(self, syllables: int) -> str:
        return "".join(self.rng.choice(SYLLABLES) for _ in range(syllables))

    def _frequent(self, words: list[str]) -> str:
        """Return a word; the k-th is chosen 1 / k times as often as the first."""
        return self.rng.choices(words, [1 / (k + 1) for k in range(len(words))])[0]

    def _paragraph(self) -> str:
        people = self.rng.sample(sorted(self.names), 2)
        count = self.rng.randint(3, 7)
        return " ".join(self._sentence(people) for _ in range(count))

    def _sentence(self, people: list[str]) -> str:
        kind = self.rng.random()
        said = self._clause(people)
        if kind < 0.3:
            quoted = said[0].upper() + said[1:]
            return f'"{quoted}," said {self.rng.choice(people)}.'
        if kind < 0.5:
            name = self.rng.choice(people)
            return f"{name}, {self.names[name]}, {self._verb(False)} and {self._verb(False)}."
        if kind < 0.65:
            said += f" ({self._clause(people)})"
        return said[0].upper() + said[1:] + "."

    def _clause(self, people: list[str]) -> str:
        plural = self.rng.random() < 0.4
        if not plural and self.rng.random() < 0.4:
            return f"{self.rng.choice(people)} {self._verb(False)} {self._thing(False)}"
        return f"{self._thing(plural)} {self._verb(plural)} {self._thing(self.rng.random() < 0.3)}"

    def _thing(self, plural: bool) -> str:
        described = f"{self._frequent(self.adjectives)} " if self.rng.random() < 0.4 else ""
        return (
            f"{'these' if plural else 'the'} {described}{self._frequent(self.nouns)}{'i' * plural}"
        )

    def _verb(self, plural: bool) -> str:
        return self._frequent(self.verbs) + ("en" if plural else "et")
