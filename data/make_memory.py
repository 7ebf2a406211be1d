"""Write memory.txt: a text whose next character often depends on one that stands far back.

Each line has a key, one of ``KEYS``, which comes back after gaps of growing length; between stand the letters of
the alphabet in order, so that all else follows from the character before. A line with the key A is

    AaAbcAdefgAhijklmnoApqrstuvwxyz012345A

Only a line's first character is a surprise. A model that remembers the key over the gaps can therefore reach
ln(keys) / (length of a line) nats per character; one that only sees the character before pays ln(keys) for each
of the key's places. Both bounds are printed, and stand in README.md beside this file.

    python data/make_memory.py > data/memory.txt
"""

from __future__ import annotations

import math
import random
import sys

KEYS = "ABCDEFGH"
FILLERS = ("a", "bc", "defg", "hijklmno", "pqrstuvwxyz012345")
LINES = 2000
SEED = 1


def line(key: str) -> str:
    """Return the line of a key, without its newline."""
    return key + "".join(filler + key for filler in FILLERS)


def make() -> str:
    """Return the whole text; random.random is the same in every version of Python."""
    rng = random.Random(SEED)
    return "".join(line(KEYS[int(rng.random() * len(KEYS))]) + "\n" for _ in range(LINES))


def bounds() -> tuple[float, float]:
    """Return nats per character with perfect memory, and with none beyond the character before."""
    length = len(line(KEYS[0])) + 1
    with_memory = math.log(len(KEYS)) / length
    return with_memory, with_memory * (1 + len(FILLERS))


if __name__ == "__main__":
    sys.stdout.write(make())
    print("bounds, nats per character: {:.4f} with memory, {:.4f} without".format(*bounds()), file=sys.stderr)
