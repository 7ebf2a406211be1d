"""Typical programs of DyNet users: ``python -m benchmarks.programs charlm|dynet NAME``.

They are those of ``tests/dynet/user_programs``, with vectors, vocabularies and sentences of realistic size. They print
the mean loss of each tenth of the updates.
"""

from __future__ import annotations

import argparse
import importlib
import json
from statistics import fmean
from typing import Any

UPDATES = {
    "language_model": 80,
    "tagger": 500,
    "char_tagger": 700,
    "parser": 800,
    "encoder_decoder": 800,
    "attention": 400,
    "tree_lstm": 3000,
    "classifier": 1200,
    "word_vectors": 20_000,
    "digits": 2000,
    "graph_parser": 300,
}
"""Of each program: DyNet takes about two seconds."""
SCALE = 6
SEED = 7


def trained(dy: Any, name: str, updates: int, scale: int) -> list[float]:
    """Run a program, and return the mean losses of each tenth of the updates."""
    dy.reset_random_seed(SEED)
    program = importlib.import_module(f"tests.dynet.user_programs.{name}")
    losses = program.losses(dy, updates, scale)
    part = max(1, updates // 10)
    return [fmean(losses[i : i + part]) for i in range(0, updates, part)]


def main() -> None:
    """Run one program."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.programs", description=__doc__)
    parser.add_argument("system", choices=("charlm", "dynet"))
    parser.add_argument("name", choices=UPDATES)
    parser.add_argument("--updates", type=int, help="default: those of a benchmark")
    parser.add_argument("--scale", type=int, default=SCALE, help="default: %(default)s")
    asked = parser.parse_args()
    dy: Any = importlib.import_module("charlm.dynet" if asked.system == "charlm" else "dynet")
    updates = asked.updates or UPDATES[asked.name]
    print(json.dumps(trained(dy, asked.name, updates, asked.scale)))


if __name__ == "__main__":
    main()
