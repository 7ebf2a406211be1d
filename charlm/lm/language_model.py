"""The language model that programs use: a model that also generates text, and loading one from a file."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from numbers import Integral, Real
from pathlib import Path
from types import NoneType

from charlm.errors import InputError, require
from charlm.lm import sampling
from charlm.lm.model import STREAM_LENGTH, Model
from charlm.lm.predictor import Predictor
from charlm.lm.sampling import Seed, TextPart
from charlm.lm.saved import check_weights, config_of, model_state, vocab_of
from charlm.runs.checkpoint import Checkpoint, load_checkpoint
from charlm.text.prompt import Prompt, prompt_of
from charlm.threads import thread_count, use_threads


class CharLM(Model):
    """A character language model, which generates text.

    Example:
        >>> from charlm.config import ModelConfig
        >>> from charlm.text.vocab import Vocab
        >>> model = CharLM(Vocab.from_alphabet("ab", eos=True), ModelConfig(hidden_dim=4, embed_dim=3))
        >>> model.sample(5, seed=1, temperature=0.5) == model.sample(5, seed=1, temperature=0.5)
        True
    """

    def streams(
        self,
        seeds: Sequence[Seed],
        length: int | None = None,
        *,
        temperature: float = 1.0,
        prime: str = "",
        stop: str = "",
    ) -> Iterator[TextPart]:
        """Sample a text for each seed, side by side, and yield the characters (see ``charlm.lm.sampling``).

        Args:
            seeds: the same seed gives the same text, whatever the others are, unless rounding decides a
                character; None chooses a seed.
            length: at most this many characters each; by default until ``<EOS>``, or 500 without one.
            temperature: below 1 is more careful; 0 takes the most likely character each time.
            prime: the text to continue.
            stop: end before this string. Both are prepared like the training text (``charlm.text.prompt``).

        Raises:
            ArgumentError: something is of a wrong type.
            InputError: a seed or the length is negative, or the temperature is.
            TextError: the model cannot read the prime, or never draws the stop string.
        """
        require("seeds", seeds, Sequence, "a list of seeds")
        require("length", length, (Integral, NoneType), "a whole number or None")
        require("temperature", temperature, Real, "a number")
        require("prime", prime, str, "text")
        require("stop", stop, str, "text")
        rngs = [sampling.generator(seed) for seed in seeds]
        limit = self.default_length() if length is None else length
        if limit < 0:
            raise InputError(f"length: expected 0 or more characters, got {length}")
        prompt = self.prompt(prime, stop)

        def parts() -> Iterator[TextPart]:
            with Predictor(self) as predict:
                yield from sampling.streams(
                    predict.sample,
                    self.vocab,
                    rngs,
                    limit=limit,
                    temperature=temperature,
                    prime=prompt.prime,
                    stop=prompt.stop,
                )

        return parts()

    def prompt(self, prime: str = "", stop: str = "") -> Prompt:
        """Return a prime and a stop text, prepared like the training text.

        Raises:
            TextError: the model cannot read the prime, or never draws the stop text.
        """
        return prompt_of(prime, stop, self.vocab, self.normalize)

    def stream(
        self,
        length: int | None = None,
        *,
        seed: Seed = None,
        temperature: float = 1.0,
        prime: str = "",
        stop: str = "",
    ) -> Generator[str, None, bool]:
        """Yield the characters of one text, and return whether it is complete; see ``streams``."""
        return sampling.characters(
            self.streams([seed], length, temperature=temperature, prime=prime, stop=stop)
        )

    def sample(
        self,
        length: int | None = None,
        *,
        seed: Seed = None,
        temperature: float = 1.0,
        prime: str = "",
        stop: str = "",
    ) -> str:
        """Return one sampled text without the prime; see ``streams``."""
        return sampling.collect(
            self.stream(length, seed=seed, temperature=temperature, prime=prime, stop=stop)
        ).text

    def default_length(self) -> int:
        """Return the length at which a sample is cut by default."""
        return self.line_limit if self.vocab.eos is not None else STREAM_LENGTH


def load(run: str | Path, checkpoint: str | None = None) -> CharLM:
    """Load the model of a run directory or checkpoint file.

    ``checkpoint`` chooses one of a run: ``last``, ``best`` (by the held-out score), or by default the best
    if there is one.

    Raises:
        CheckpointError: there is none, or it is damaged.
        ArgumentError: ``run`` is not a path.
    """
    loaded = load_checkpoint(run, checkpoint)
    use_threads(thread_count(default=1))  # sampling and scoring are many small products
    return model_of(loaded)


def model_of(checkpoint: Checkpoint) -> CharLM:
    """Build the model that a checkpoint holds.

    Raises:
        CheckpointError: it does not hold a model.
    """
    state, config = model_state(checkpoint), config_of(checkpoint)
    check_weights(checkpoint)
    model = CharLM(
        vocab_of(checkpoint),
        config.model,
        line_limit=state.line_limit,
        normalize=config.data.normalize,
    )
    model.load_arrays(checkpoint.tensors)
    return model
