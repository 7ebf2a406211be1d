"""Write counts.txt, copies.txt or sums.txt: lines whose ends follow from something much earlier.

The lowest possible loss of each text is known exactly, and so is that of a model that cannot remember. Between the two
is what a model has learned to remember.

    python data/make_tasks.py counts > data/counts.txt
"""

from __future__ import annotations

import argparse
import math
import random
import sys
from collections import Counter
from collections.abc import Callable
from itertools import product

SEED = 1
MOST = 20
"""counts: the largest n."""
LETTERS, COPIED, WAIT = "abcdefgh", 4, 6
"""copies: the letters, how many are copied, and the dots in between."""
DIGITS, PLACES = 5, 6
"""sums: digits are below this number; a line has this many of them, two of them marked."""


def chosen(rng: random.Random, count: int) -> int:
    """Return a whole number below ``count``; ``random.random`` gives the same in every version of Python."""
    return int(rng.random() * count)


def counts(rng: random.Random) -> str:
    """N times a, n times b, n times c, with n from 1 to ``MOST``."""
    n = 1 + chosen(rng, MOST)
    return "a" * n + "b" * n + "c" * n


def copies(rng: random.Random) -> str:
    """Some letters, a wait of dots, a colon, and the same letters again."""
    letters = "".join(LETTERS[chosen(rng, len(LETTERS))] for _ in range(COPIED))
    return f"{letters}{'.' * WAIT}:{letters}"


def sums(rng: random.Random) -> str:
    """Digits, of which one in each half is marked with a plus sign; then the sum of these two."""
    digits = [chosen(rng, DIGITS) for _ in range(PLACES)]
    half = PLACES // 2
    marked = chosen(rng, half), half + chosen(rng, half)
    places = [("+" if k in marked else " ") + str(digit) for k, digit in enumerate(digits)]
    return f"{''.join(places)}={sum(digits[k] for k in marked)}"


TASKS: dict[str, tuple[Callable[[random.Random], str], int]] = {
    "counts": (counts, 4000),
    "copies": (copies, 8000),
    "sums": (sums, 8000),
}
"""A function that makes a line, and the number of lines."""


def make(name: str) -> str:
    """Return the text."""
    line, lines = TASKS[name]
    rng = random.Random(SEED)
    return "".join(line(rng) + "\n" for _ in range(lines))


def bounds(name: str) -> tuple[float, float]:
    """Return the lowest nats per character of any model, and of one that does not remember.

    In counts, the second sees only the previous character, and guesses where each letter ends. In the others it knows
    everything but the letters, or the digits, at the beginning; it knows how often each sum occurs.
    """
    if name == "counts":
        mean = (1 + MOST) / 2
        turn = 1 / mean  # how often a letter is the last of its kind
        guess = -turn * math.log(turn) - (1 - turn) * math.log(1 - turn)
        return math.log(MOST) / (3 * mean + 1), 3 * mean * guess / (3 * mean + 1)
    if name == "copies":
        length, letters = 2 * COPIED + WAIT + 2, COPIED * math.log(len(LETTERS))
        return letters / length, 2 * letters / length
    length = 2 * PLACES + 3
    digits = PLACES * math.log(DIGITS) + 2 * math.log(PLACES // 2)
    totals = Counter(a + b for a, b in product(range(DIGITS), repeat=2))
    of_sum = -sum(n / DIGITS**2 * math.log(n / DIGITS**2) for n in totals.values())
    return digits / length, (digits + of_sum) / length


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Print a text.")
    parser.add_argument("name", choices=TASKS)
    sys.stdout.write(make(parser.parse_args().name))
