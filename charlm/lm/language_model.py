"""The language model that programs use: a model that also generates text, and loading one from a file."""

from __future__ import annotations

from pathlib import Path

from charlm.lm.generator import TextGenerator
from charlm.lm.model import Model
from charlm.lm.predictor import Predictor
from charlm.lm.saved import check_weights, config_of, model_state, vocab_of
from charlm.runs.checkpoint import Checkpoint, load_checkpoint
from charlm.threads import thread_count, use_threads


class CharLM(Model, TextGenerator):
    """A character language model, which generates text.

    Example:
        >>> from charlm.config import ModelConfig
        >>> from charlm.text.vocab import Vocab
        >>> model = CharLM(Vocab.from_alphabet("ab", eos=True), ModelConfig(hidden_dim=4, embed_dim=3))
        >>> model.sample(5, seed=1, temperature=0.5) == model.sample(5, seed=1, temperature=0.5)
        True
        >>> model.sample(5, top_k=1) == model.sample(5, greedy=True)
        True
    """

    def predictor(self) -> Predictor:
        """Return the model's probabilities, for use in a ``with`` block."""
        return Predictor(self)


def load_model(run: str | Path, checkpoint: str | None = None) -> CharLM:
    """Load the model of a run directory or checkpoint file.

    ``checkpoint`` chooses one of a run: ``last``, ``best`` (by the held-out score), or by default the best
    if there is one.

    Raises:
        CheckpointError: there is none, or it is damaged.
        ArgumentError: ``run`` is not a path.

    Example:
        >>> import charlm, tempfile
        >>> run = charlm.train("srnn", steps=100, folder=tempfile.mkdtemp(), progress=False)
        >>> charlm.load_model(run.path).sample(prime="a quick ", greedy=True)
        'brown fox jumped over the lazy dog'
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
