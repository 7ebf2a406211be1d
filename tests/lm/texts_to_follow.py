"""Generated texts in which something must be followed: the depth of brackets, the position in the line."""

from __future__ import annotations

import random


def brackets(count: int, seed: int = 1) -> str:
    """Return lines of nested brackets; a line ends when all are closed and the depth decides what can come."""
    rng = random.Random(seed)
    text = []
    while sum(map(len, text)) < count:
        line, depth = "(", 1
        while depth:
            turn = "(" if rng.random() < (0.5 if depth < 12 else 0.0) else ")"
            depth += 1 if turn == "(" else -1
            line += turn
        text.append(line + "\n")
    return "".join(text)


def columns(count: int, width: int = 20, seed: int = 1) -> str:
    """Return lines of random letters that all have the same length: only the position tells where a line ends."""
    rng = random.Random(seed)
    lines = ("".join(rng.choices("xy", k=width)) + "\n" for _ in range(1 + count // (width + 1)))
    return "".join(lines)
