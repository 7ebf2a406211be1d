"""Generators of texts: models that give probabilities of the next character, and the methods that sample from them."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import AbstractContextManager
from numbers import Integral, Real
from types import NoneType
from typing import Any, Protocol

import numpy as np

from charlm.engine.arrays import Array
from charlm.errors import InputError, require
from charlm.kernels.reference.sampling import Draws, State
from charlm.lm import sampling
from charlm.lm.beam import beam_search
from charlm.lm.decoding import Sampling, sampling_of
from charlm.lm.filters import FilteredSampler
from charlm.lm.sampling import STREAM_LENGTH, SampleFunction, Seed, TextPart
from charlm.text.prompt import Prompt, Unknown, prompt_of
from charlm.text.reading import Form
from charlm.text.vocab import Ids, Vocab


class Predicts(Protocol):
    """Gives the probabilities of the next symbol, one symbol after the other."""

    def step(self, symbols_B: Ids, state: State | None, /) -> tuple[Array, State]:
        """Read a symbol of each text; return scores (B, V) of what follows, and the state.

        The scores differ from log-probabilities by a constant for each text.
        """

    def sample(self, symbols_TB: Ids, state: State | None, draws: Draws) -> tuple[Ids, State]:
        """Read symbols, and sample the next ones (see ``kernels.reference.sampling.read_and_sample``)."""


class TextGenerator:
    """Generates texts from the probabilities of the next symbol.

    Attributes:
        vocab: the symbols.
        normalize: how the text that it learned was normalised.
        line_limit: for a model with ``<EOS>``, the length at which a text that never ends is cut.
    """

    vocab: Vocab
    normalize: Form
    line_limit: int

    def predictor(self) -> AbstractContextManager[Predicts]:
        """Return the model's probabilities; the end of the ``with`` block frees their memory."""
        raise NotImplementedError

    def streams(
        self,
        seeds: Sequence[Seed],
        length: int | None = None,
        *,
        temperature: float = 1.0,
        prime: str = "",
        stop: str = "",
        unknown: Unknown | None = None,
        **how: Any,
    ) -> Iterator[TextPart]:
        """Sample a text for each seed, all at once, and yield their parts (see ``charlm.lm.sampling``).

        Args:
            seeds: the same seed gives the same text, whatever the other seeds are, unless rounding changes a
                choice; None is a random seed.
            length: at most this many characters each; by default until ``<EOS>``, or 500 without one.
            temperature: below 1 plays safe, 0 is the likeliest character each time.
            prime: the text to continue.
            stop: end before this string. Both are prepared as the model's text was (``charlm.text.prompt``).
            unknown: what is done about characters of the prime that the model does not know: ``error``, ``skip``
                or ``replace``.
            how: the other settings of ``charlm.lm.decoding.Sampling``: ``top_k``, ``top_p``, ``min_p``, ``typical``,
                ``repeat_penalty``, ``repeat_window``, ``greedy``, ``by_word``, ``beam``.

        Raises:
            ArgumentError: something is of a wrong type, or there is no such setting.
            InputError: a seed or the length is negative, or a setting is out of its range.
            TextError: the model cannot read the prime, or cannot generate the stop string.
        """
        require("seeds", seeds, Sequence, "a list of seeds")
        require("length", length, (Integral, NoneType), "a whole number or None")
        require("temperature", temperature, Real, "a number")
        require("prime", prime, str, "text")
        require("stop", stop, str, "text")
        chosen = sampling_of({"temperature": temperature, **how})
        rngs = [sampling.generator(seed) for seed in seeds]
        limit = self.default_length() if length is None else length
        if limit < 0:
            raise InputError(f"length: expected 0 or more characters, got {length}")
        prompt = self.prompt(prime, stop, unknown)
        if chosen.beam is not None and len(seeds) != 1:
            raise InputError(
                f"beam: a beam search gives one text, which does not depend on a seed; got {len(seeds)} seeds: give one"
            )
        return self._parts(rngs, limit, prompt, chosen)

    def _parts(
        self, rngs: Sequence[np.random.Generator], limit: int, prompt: Prompt, how: Sampling
    ) -> Iterator[TextPart]:
        """Sample a text with each of the ``rngs``, or search for one."""
        vocab, (prime, stop) = self.vocab, prompt
        with self.predictor() as predict:
            if how.beam is not None:
                step, sample = predict.step, predict.sample
                yield from beam_search(
                    sample, step, vocab, how.beam, limit=limit, prime=prime, stop=stop
                )
            else:
                yield from sampling.streams(
                    sampler_of(predict, how, vocab),
                    vocab,
                    rngs,
                    limit=limit,
                    temperature=how.sharpness,
                    prime=prime,
                    stop=stop,
                )

    def prompt(self, prime: str = "", stop: str = "", unknown: Unknown | None = None) -> Prompt:
        """Return a prime and a stop text, prepared as the model's text was.

        Raises:
            TextError: the model cannot read the prime, or cannot generate the stop text.
        """
        return prompt_of(prime, stop, self.vocab, self.normalize, unknown)

    def stream(
        self,
        length: int | None = None,
        *,
        seed: Seed = None,
        temperature: float = 1.0,
        prime: str = "",
        stop: str = "",
        **how: Any,
    ) -> Generator[str, None, bool]:
        """Yield the characters of one text as they are sampled, and return whether it is complete; see ``streams``."""
        return sampling.characters(
            self.streams([seed], length, temperature=temperature, prime=prime, stop=stop, **how)
        )

    def sample(
        self,
        length: int | None = None,
        *,
        seed: Seed = None,
        temperature: float = 1.0,
        prime: str = "",
        stop: str = "",
        **how: Any,
    ) -> str:
        """Return one sampled text, without the prime; see ``streams``.

        Example:
            >>> from charlm.config import ModelConfig
            >>> from charlm.lm.language_model import CharLM
            >>> model = CharLM(Vocab.from_alphabet("ab", eos=True), ModelConfig(hidden_dim=4, embed_dim=3))
            >>> model.sample(5, seed=1, top_p=0.9) == model.sample(5, seed=1, top_p=0.9)
            True
        """
        return sampling.collect(
            self.stream(length, seed=seed, temperature=temperature, prime=prime, stop=stop, **how)
        ).text

    def default_length(self) -> int:
        """Return the number of characters at which a text is cut by default."""
        return self.line_limit if self.vocab.eos is not None else STREAM_LENGTH


def sampler_of(predict: Predicts, how: Sampling, vocab: Vocab) -> SampleFunction:
    """Return the function that samples: the model's own, or one that filters the scores first."""
    return (
        FilteredSampler(predict.sample, predict.step, how, vocab) if how.filters else predict.sample
    )
