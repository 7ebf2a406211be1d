"""Models with weights that decide: a model that was just made finds all symbols nearly equally likely."""

from __future__ import annotations

from typing import Any

import numpy as np

from charlm.config import ModelConfig
from charlm.lm.language_model import CharLM
from charlm.text.vocab import Vocab

ALPHABET = "abcdefghij .,\n"


def vocab_of(kind: str) -> Vocab:
    """Return the symbols of a kind of model: characters or bytes, of lines or a stream, with <UNK> or without."""
    lines = "lines" in kind
    if "bytes" in kind:
        return Vocab.of_bytes(eos=lines)
    alphabet = ALPHABET.replace("\n", "") if lines else ALPHABET
    return Vocab.from_alphabet(alphabet, eos=lines, unknown="unknown" in kind)


def made(vocab: Vocab, seed: int = 0, spread: float = 0.7, **config: Any) -> CharLM:
    """Return a model with random weights."""
    sizes = {"hidden_dim": 12, "embed_dim": 9, **config}
    model = CharLM(vocab, ModelConfig(**sizes))
    rng = np.random.default_rng(seed)
    arrays = model.arrays()
    model.load_arrays(
        {name: rng.normal(0, spread, a.shape).astype(np.float32) for name, a in arrays.items()}
    )
    return model
