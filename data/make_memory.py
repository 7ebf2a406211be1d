"""Write memory.txt: a text in which the end of each line depends on its beginning.

A line is n opening brackets, n closing brackets and a newline, with n uniformly random from 1 to ``MOST``. The end of
the line follows from a count that ended up to ``MOST`` characters earlier. A model that counts has to guess only n,
which costs ln(MOST) nats per line. A model that sees only the previous character has to guess where the closing
brackets begin and where they end. An LSTM's memory cell can count without limit; a simple RNN of finite precision
cannot (Weiss, Goldberg and Yahav, 2018). It can count up to ``MOST``, but this is hard to learn.

    python data/make_memory.py > data/memory.txt
"""

from __future__ import annotations

import math
import random
import sys

MOST = 30
LINES = 8200
SEED = 1


def make() -> str:
    """Return the text; ``random.random`` gives the same numbers in every version of Python."""
    rng = random.Random(SEED)
    counts = [1 + int(rng.random() * MOST) for _ in range(LINES)]
    return "".join("(" * n + ")" * n + "\n" for n in counts)


def bounds() -> tuple[float, float]:
    """Return the lowest nats per character of a model that counts, and of one that sees only the previous character."""
    mean = (1 + MOST) / 2
    turn = 1 / mean  # how often a bracket is the last of its kind
    guess = -turn * math.log(turn) - (1 - turn) * math.log(1 - turn)
    length = 2 * mean + 1
    return math.log(MOST) / length, 2 * mean * guess / length


if __name__ == "__main__":
    sys.stdout.write(make())
