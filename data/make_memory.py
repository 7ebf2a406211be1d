"""Write memory.txt: a text in which the end of each line depends on how the line began.

A line is n opening brackets, n closing ones and a newline, n drawn evenly from 1 to ``MOST``. Where the line ends
follows from a count that was finished up to ``MOST`` characters earlier. A model that counts pays only for the
n it could not foresee: ln(MOST) nats a line. One that sees just the character before has to guess both where
the closing brackets begin and where they end. An LSTM's memory cell can count without end, a simple RNN of finite
precision cannot (Weiss, Goldberg and Yahav, 2018); up to ``MOST`` it can, but finds it hard to learn.

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
    """Return the text; ``random.random`` draws the same numbers in every version of Python."""
    rng = random.Random(SEED)
    counts = [1 + int(rng.random() * MOST) for _ in range(LINES)]
    return "".join("(" * n + ")" * n + "\n" for n in counts)


def bounds() -> tuple[float, float]:
    """Return the least nats per character with counting, and seeing only the character before."""
    mean = (1 + MOST) / 2
    turn = 1 / mean  # how often a bracket is the last of its kind
    guess = -turn * math.log(turn) - (1 - turn) * math.log(1 - turn)
    length = 2 * mean + 1
    return math.log(MOST) / length, 2 * mean * guess / length


if __name__ == "__main__":
    sys.stdout.write(make())
