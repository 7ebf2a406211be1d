"""Train a program that a user of DyNet might have, on charlm.dynet or on DyNet."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

from tests.dynet.random_programs.oracle import Oracle

NAMES = (
    "xor",
    "language_model",
    "tagger",
    "attention",
    "tree_lstm",
    "structured_perceptron",
    "vae",
    "reinforce",
    "parser",
    "graph_parser",
    "crf",
    "word_vectors",
    "beam_search",
    "convolution",
    "char_tagger",
    "encoder_decoder",
    "classifier",
    "digits",
)
UPDATES = 20
SEED = 7
PATH = Path(__file__).parents[1] / "data" / "user_programs.json"

Losses = list[float]


def trained(dy: Any, name: str) -> Losses:
    """Return the loss before each update and after the last; parameters come from the seed alone."""
    dy.reset_random_seed(SEED)
    program = importlib.import_module(f"tests.dynet.user_programs.{name}")
    found: Losses = program.losses(dy, UPDATES + 1)
    return found


def dynets() -> dict[str, list[Losses]]:
    """Return DyNet's losses for each program, without autobatching and with it."""
    found: dict[str, list[Losses]] = {name: [] for name in NAMES}
    for options in ((), ("--dynet-autobatch", "1")):
        oracle = Oracle(*options)
        for name in NAMES:
            found[name].append(oracle(trained, name))
        oracle.close()
    return found


def write() -> dict[str, list[Losses]]:
    found = dynets()
    lines = [f'"{name}": {json.dumps(losses)}' for name, losses in found.items()]
    PATH.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    return found
