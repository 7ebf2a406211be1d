"""A list of made-up names, whose lines are as long as those of real names."""

from __future__ import annotations

from random import Random

SYLLABLES = "a an ba be bri ca da el en fa ga gri ha i jo ka la li ma mer na o pe ra ri sa ste ta tor u va wen ya zo"


def words(count: int, seed: int = 0) -> list[str]:
    """Return different words of two to five syllables.

    Example:
        >>> len(set(words(500)))
        500
    """
    rng, syllables = Random(seed), SYLLABLES.split()
    found: dict[str, None] = {}
    while len(found) < count:
        found["".join(rng.choices(syllables, k=rng.choice((2, 2, 3, 3, 3, 4, 5))))] = None
    return list(found)
