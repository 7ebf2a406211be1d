"""Tasks on sequences of symbols: the network reads one symbol and names another, at each step.

In both tasks the network names blanks, and then the symbols that it saw before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

import numpy as np
import numpy.typing as npt

from benchmarks.published.learning import falling
from charlm.config import ModelConfig
from charlm.engine.random import NumpyStream
from charlm.engine.trainers import AdamTrainer
from charlm.lm.compute import Compute
from charlm.lm.language_model import CharLM
from charlm.lm.step import Gradient
from charlm.text.vocab import Vocab

LETTERS = "abcdefgh"
BLANK, ASK = len(LETTERS), len(LETTERS) + 1
VOCAB = Vocab.from_alphabet(f"{LETTERS}.:", eos=False)

Ids = npt.NDArray[np.int64]
Task = Callable[[np.random.Generator, int], tuple[Ids, Ids]]
"""Returns the symbols to read and to name, (T, B), for a batch of B."""
TESTED = 1000
"""Sequences."""


def copying(
    rng: np.random.Generator, batch: int, *, wait: int, letters: int = 10
) -> tuple[Ids, Ids]:
    """Letters, then blanks, then one sign that asks for the letters: ``wait`` steps after the last letter.

    With 10 letters, as in the literature, a sequence has ``wait + 20`` steps.

    Example:
        >>> read, named = copying(np.random.default_rng(0), 1, wait=3, letters=2)
        >>> read.ravel().tolist(), named.ravel().tolist()
        ([6, 5, 8, 8, 9, 8, 8], [8, 8, 8, 8, 8, 6, 5])
    """
    remembered = rng.integers(0, len(LETTERS), (letters, batch))
    read = np.full((wait + 2 * letters, batch), BLANK)
    read[:letters] = remembered
    read[letters + wait - 1] = ASK
    named = np.full_like(read, BLANK)
    named[-letters:] = remembered
    return read, named


def selective(
    rng: np.random.Generator, batch: int, *, length: int, letters: int
) -> tuple[Ids, Ids]:
    """Letters at random places among blanks, and then a sign for each of them, in their order.

    Example:
        >>> read, named = selective(np.random.default_rng(0), 1, length=4, letters=2)
        >>> read.ravel().tolist(), named.ravel().tolist()
        ([8, 6, 5, 8, 9, 9], [8, 8, 8, 8, 6, 5])
    """
    remembered = rng.integers(0, len(LETTERS), (letters, batch))
    places = np.sort(rng.random((length, batch)).argsort(axis=0)[:letters], axis=0)
    read = np.full((length + letters, batch), BLANK)
    np.put_along_axis(read, places, remembered, axis=0)
    read[-letters:] = ASK
    named = np.full_like(read, BLANK)
    named[-letters:] = remembered
    return read, named


@dataclass(frozen=True)
class Named:
    """What a network came to on new sequences.

    Attributes:
        nll: nats per step.
        accuracy: the part of the letters that it names rightly.
        parameters: of the network.
        seconds: of the training.
    """

    nll: float
    accuracy: float
    parameters: int
    seconds: float


def learned(
    task: Task,
    model: ModelConfig,
    *,
    letters: int,
    steps: int,
    batch: int,
    learning_rate: float,
    seed: int,
    threads: int,
) -> Named:
    """Train a network on new sequences at each step, with Adam; score it on ``TESTED`` others."""
    begin = perf_counter()
    network = CharLM(VOCAB, model, NumpyStream(seed))
    network.kernels = Compute("numba", threads).functions()
    gradient = Gradient(network)
    trainer = AdamTrainer(network.collection, learning_rate, kernels=network.kernels)
    trainer.clip_threshold = 1.0
    rng = np.random.default_rng(seed)
    for step in range(steps):
        trainer.learning_rate = falling(learning_rate, step, steps)
        read, named = task(rng, batch)
        gradient(read, named, None, 1 / read.size)
        trainer.update()
    seconds = perf_counter() - begin
    read, named = task(np.random.default_rng(seed + 1), TESTED)
    log_p = log_probabilities(network, read)
    chosen = np.take_along_axis(log_p, named[..., np.newaxis], axis=-1)
    right = (log_p.argmax(axis=-1) == named)[-letters:].mean()
    return Named(float(-chosen.mean()), float(right), network.parameter_count(), seconds)


def log_probabilities(network: CharLM, read: Ids) -> npt.NDArray[np.float64]:
    """Return (T, B, V): of each symbol at each step."""
    graph = network.graph()
    h, _ = network.hidden(graph, read, None)
    w, b = network.output_layer(graph)
    scores = (h.array()[0] @ w.array()[0] + b.array()[0]).astype(np.float64)
    scores -= scores.max(axis=-1, keepdims=True)
    log_p: npt.NDArray[np.float64] = scores - np.log(np.exp(scores).sum(axis=-1, keepdims=True))
    return log_p
